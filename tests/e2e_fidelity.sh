#!/bin/sh
# e2e_fidelity.sh: a replay's peak heap is the program's own, of a program that
# is the same in every run.  Bytes and counts alone.
set -u
. tests/tap.sh

unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS ALLOCLAB_STATS_SIGNAL ALLOCLAB_STATS_RESIDENT
make -s --no-print-directory VARIANT=fast all preload \
	build/tests/programs/fidelity_known >"$dir/out" 2>&1
is "what it needs is built"
known=$PWD/build/tests/programs/fidelity_known
libraries=$PWD/build/lib

# ---- alloclab peak -----------------------------------------------------------------
peak() { # ARGUMENTS...
	"$alloclab" peak "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
column() { # NUMBER, of the last row of $dir/out
	tail -n 1 "$dir/out" | cut -d, -f"$1"
}
mib() { echo $(($1 >> 20)); }

peak -a slab 'a=4M b=4M -a c=1M -b -c'
[ $status -eq 0 ] && [ "$(mib "$(column 3)")" -eq 8 ] && [ "$(mib "$(column 4)")" -lt 2 ]
is "8 MiB at the peak, little at the end"
peak -a slab --touch first 'a=4M b=4M -a c=1M -b -c'
[ $status -eq 0 ] && [ "$(column 3)" -lt 100000 ] && [ "$(mib "$(column 5)")" -eq 8 ]
is "not touched, it is committed and not resident"
peak -a slab '~1048576 a=4M b=4M -a c=1M -b -c'
[ $status -eq 0 ] && [ "$(mib "$(column 3)")" -eq 5 ] && [ "$(mib "$(column 5)")" -eq 8 ]
is "what the trace says of touched bytes is kept"
peak -a slab --touch pages '~1048576 a=4M b=4M -a c=1M -b -c'
[ $status -eq 0 ] && [ "$(mib "$(column 3)")" -eq 8 ]
is "unless all pages are wanted"
"$alloclab" info '~1048576 a=4M b=4M -a c=1M -b -c' >"$dir/out"
grep -q '^  touched       5242880 of the bytes at the peak; 1 blocks in part' "$dir/out"
is "info says how much is touched"
peak -a 'bump system lib:jemalloc' 'a=100 -a'
[ $status -eq 0 ] && [ "$(wc -l <"$dir/out")" -eq 2 ] &&
	grep -q '^alloclab peak: system is left out: it has pages of its own' \
		"$dir/err"
is "what has no page source has no row, and is named"
peak -a system 'a=100 -a'
[ $status -eq 2 ] && [ ! -s "$dir/out" ] && grep -q 'no allocator is left' "$dir/err"
is "if nothing else is left, that is an error"
peak -a slab --pace recorded 'a=100 -a'
[ $status -eq 2 ] && grep -q 'has no times' "$dir/err"
is "no pace without times"
peak -a slab --touch some 'a=100 -a'
[ $status -eq 2 ] && grep -q '^alloclab peak: --touch takes none, first' "$dir/err"
is "an unknown touch"

# ---- the program's own report ----------------------------------------------------------
report() { # ALLOCATOR PROGRAM...
	library=$libraries/liballoclab-$1.so
	shift
	rm -f "$dir/report"
	ALLOCLAB_STATS=$dir/report ALLOCLAB_STATS_RESIDENT=1 LD_PRELOAD=$library \
		"$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
line() { sed -n "s/^$1 //p" "$dir/report"; }

report tcmalloc "$known" 1000
[ "$(line peak_resident_bytes)" -gt 500000 ] &&
	[ "$(line peak_resident_bytes)" -le "$(line peak_committed_bytes)" ]
is "resident, at most what is committed"
used=$(line peak_resident_bytes)
report tcmalloc "$known" 1000 idle
[ $(($(line peak_committed_bytes) - used)) -gt 64000000 ] &&
	[ $(($(line peak_resident_bytes) - used)) -lt 500000 ]
is "64 MiB that nobody wrote to are committed and not resident"
ALLOCLAB_STATS=$dir/report LD_PRELOAD=$libraries/liballoclab-slab.so "$known" 10 >"$dir/out"
! grep -q resident "$dir/report"
is "nothing of it unless asked"
ALLOCLAB_STATS_RESIDENT=1 LD_PRELOAD=$libraries/liballoclab-slab.so "$known" 10 \
	>"$dir/out" 2>"$dir/err"
grep -q 'ALLOCLAB_STATS_RESIDENT: ALLOCLAB_STATS names no file' "$dir/err"
is "and a file is named"

# ---- both, by the driver ----------------------------------------------------------------
cat >"$dir/known.program" <<END
[program]
what = the same calls in every run
short = 10000
run = $known \$SIZE
END
names='ptmalloc tcmalloc jemalloc slab buddy first-fit next-fit best-fit worst-fit'
harness/fidelity/fidelity.py -a "$names" --rounds 2 --replay-seconds 60 --directory "$dir" --work "$dir/work" \
	--results "$results" >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] && [ "$(wc -l <"$results/fidelity/fidelity.csv")" -eq 10 ]
is "fidelity.py: a row for each allocator"
all_are_within() { # WHAT
	for name in $names; do
		awk -F, -v name="$name" 'NR == 1 {
			for (i = 1; i <= NF; i++) at[$i] = i
			next
		} $2 == name {
			good = $at["is_within"] == 1 && $at["preloaded_bytes"] > 5000000 &&
				$at["ratio"] > .95 && $at["ratio"] < 1.05
		} END { exit !good }' "$results/fidelity/fidelity.csv"
		is "$name: the replay's peak is within 5 % of the program's$1"
	done
}
all_are_within ""
grep -q '^Peak committed.* within 5 % in 9 of 9' "$dir/out" && grep -q 'other order: 0 of' "$dir/out"
is "no misses, and the same order"

# Most of what it asks for is never written to.
mkdir "$dir/sparse"
sed "s,SIZE,SIZE sparse," "$dir/known.program" >"$dir/sparse/sparse.program"
harness/fidelity/fidelity.py -a "$names" --rounds 1 --replay-seconds 60 --directory "$dir/sparse" \
	--work "$dir/work" --results "$results" >"$dir/out" 2>"$dir/err"
all_are_within ", and so it is where large blocks are not filled"
"$alloclab" peak -a tcmalloc --touch pages "$dir/work/sparse/recorded.trace" >"$dir/out"
full=$(column 3)
"$alloclab" peak -a tcmalloc "$dir/work/sparse/recorded.trace" >"$dir/out"
[ "$full" -gt $(($(column 3) * 2)) ]
is "which a replay that writes to all of them would miss by far"

plan
