#!/bin/sh
# e2e_programs.sh: programs that people run, under every allocator of the lab
# that serves them: the same output as without.  The short form of
# `make test-programs`; each line says how many calls reached the library.
set -u
. tests/tap.sh

unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS
limit=300 # seconds for a run; worst fit takes some

make -s --no-print-directory VARIANT=fast all preload stress-programs \
	>"$dir/out" 2>&1
is "the libraries are built"
if [ $passed -ne 0 ]; then
	plan
	exit 1
fi
names=$(make -s --no-print-directory VARIANT=fast preload-names)

"$alloclab" compare --suite tests/real_programs --short --reps 0 \
	--timeout $limit --results "$results" --work "$dir/work" \
	-a "$names" >"$dir/out" 2>"$dir/err"
status=$?
[ -f "$results/programs/programs.csv" ]
is "the programs were run"
sed -n 's/^alloclab: \(.*\) is skipped: \(.*\)/\1 \2/p' "$dir/err" |
	while read -r program why; do echo "# $program skipped: $why"; done

# One line for each program under each allocator, and what is said of it.
if [ -f "$results/programs/programs.csv" ]; then
	awk -F, -v number=$number '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{
			good = $at["status"] == "ok"
			calls = $at["calls"]
			printf "%s %d - %s under %s: %s; %d calls%s\n",
				good ? "ok" : "not ok", ++number, $1, $2,
				good ? "the same output" : $at["status"], calls,
				calls < 100000 ? ", a smoke test" : ""
		}
		END { print number >"/dev/stderr" }' \
		"$results/programs/programs.csv" 2>"$dir/number"
	number=$(cat "$dir/number")
	grep ' under .*: .*: ' "$dir/out" | sed 's/^/# /'
fi

# A stress program knows how often it calls.
own=$(build/tests/programs/stress_pipe 1 60000 | sed 's/ calls$//')
counted=$(awk -F, '$1 == "stress-pipe" && $2 == "slab" { print $6 }' \
	"$results/programs/programs.csv")
[ "${counted:-0}" -ge "$own" ] && [ "$counted" -le $((own + 1000)) ]
is "as many calls reach a library as a program says that it makes"

plan
