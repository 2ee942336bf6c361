# tap.sh: what the test scripts of `alloclab run` share.  To be sourced.
#
#     run ARGUMENTS...      runs alloclab; then $status, $dir/out, $dir/err
#     is NAME               a test that passes if the command before it did
#     refused NAME MESSAGE  exit 2, nothing on stdout, MESSAGE the first line on
#                           stderr, and nothing changed below $dir/results
#     skip NAME REASON
#     plan                  the last line
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
results=$dir/results
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs the tests
alloclab=$PWD/build/alloclab
number=0
mkdir "$results"

is() {
	passed=$?
	number=$((number + 1))
	if [ $passed -eq 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		[ -z "${status:-}" ] || echo "# exit status $status"
		for file in "$dir/out" "$dir/err"; do
			[ ! -f "$file" ] || sed 's/^/# /' "$file" | head -n 12
		done
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

plan() {
	echo "1..$number"
}

# Every file below the results, with its contents; and the folders, hidden ones.
snapshot() {
	(cd "$results" && find . | sort && find . -type f -exec cksum {} + | sort)
}

run() {
	"$alloclab" run --results "$results" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

# The same, and it must not matter what is there already.
run_refused() {
	snapshot >"$dir/before"
	run "$@"
	snapshot >"$dir/after"
}

refused() {
	{ [ $status -eq 2 ] && [ ! -s "$dir/out" ] &&
		[ "$(head -n 1 "$dir/err")" = "$2" ] &&
		cmp -s "$dir/before" "$dir/after"; }
	is "$1"
}
