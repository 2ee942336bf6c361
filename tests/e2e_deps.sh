#!/bin/sh
# e2e_deps.sh: what set-up says where something is missing and may not be
# installed: PATH lacks a command.  TAP on stdout.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh
bin=$dir/bin
status=

# A PATH with what the script itself needs, and no compiler, gnuplot or sudo.
mkdir "$bin"
for tool in sh cat dirname uname sort paste id mkdir ls tail; do
	ln -s "$(command -v $tool)" "$bin/$tool"
done
deps() {
	DEPS=skip PATH=$bin harness/setup/deps.sh "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

deps build
[ $status -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(cat "$dir/err")" = \
"alloclab: missing: gcc
alloclab: install with: sudo apt-get install gcc
alloclab: or, without root: make deps-local" ]
is "no compiler: named, with the command that installs it, exit status 2"
deps --local build
[ $status -eq 2 ] && [ "$(cat "$dir/err")" = \
"alloclab: missing: gcc
alloclab: install with: sudo apt-get install gcc" ]
is "deps-local cannot have a compiler, and says so"
ln -s /bin/true "$bin/cc"
deps build charts scripts fuzz
[ $status -eq 0 ] && [ ! -s "$dir/err" ]
is "charts, scripts and fuzzing are extras"
rm -f "$dir/out" "$dir/err"

"$alloclab" run --quick --results "$results" -a bump tiny >/dev/null 2>&1
PYTHON=no-python GNUPLOT=no-gnuplot plots/draw "$results/tiny" \
	>"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] && cat "$dir/out" "$dir/err" | grep -q \
	"^Some charts are missing; this adds them: .*apt-get install gnuplot-nox python3-matplotlib\$"
is "without both programs, one line says which command adds the charts"
make --no-print-directory help >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] && [ "$(grep -c '^make ' "$dir/out")" -ge 8 ] &&
	[ ! -s "$dir/err" ]
is "make help lists the targets"
make --no-print-directory run QUICK=1 WORKLOAD=tiny ALLOCATORS=bump DEPS=skip \
	RUN_OPTIONS="--results $results" >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] && grep -q '^bump ' "$dir/out" && [ "$(cat "$dir/err")" = \
	"alloclab: results are in $results/tiny/" ]
is "make run QUICK=1"
make --no-print-directory run QUICK=1 WORKLOAD=no-such DEPS=skip \
	RUN_OPTIONS="--results $results" >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 2 ] && grep -q '^alloclab: there is no workload "no-such"' "$dir/err"
is "make run of what does not exist"
rm -f "$dir/out" "$dir/err"
plan
