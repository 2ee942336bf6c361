#!/bin/bash
# e2e_threads.sh: traces with threads, from the command line: in recorded order
# the same bytes twice, on real threads every row and file, and recorded time.
# TAP on stdout.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

# A column of a CSV file of the results, by name.
column() {
	awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++)
			if ($i == name) c = i; next } { print $c }' "$results/$1"
}

# ---- recorded order: deterministic, on every allocator --------------------
everyone=$(build/alloclab list | sed -n 's/^\([a-z][a-z-]*\)  .*/\1/p' |
	grep -v '^pool$' | paste -sd' ')
for turn in one two; do
	results=$dir/$turn
	run --quick -a "$everyone" thread-churn
	[ $status -le 1 ]
	is "thread-churn on every allocator, the $turn time"
done
grep -q '"threads": [2-9]' "$dir/one/thread-churn/run.json"
is "the trace has threads"
# All but what docs/csv.md leaves to the clock and the kernel.
for turn in one two; do
	rm "$dir/$turn/thread-churn/run.json"
	awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++)
			if ($i == "touched_bytes") c = i } { $c = ""; print }' \
		"$dir/$turn/thread-churn/summary.csv" >"$dir/summary.$turn"
	mv "$dir/summary.$turn" "$dir/$turn/thread-churn/summary.csv"
done
diff -r "$dir/one" "$dir/two" >"$dir/out" 2>&1
is "byte for byte the same"
results=$dir/results

run --quick -a ptmalloc 'a=100 start(1) @1 exit(1)'
grep -q 'event 2: a new thread: its arena and cache took [0-9,.]* ' "$dir/out"
is "a heap that grew for a new thread says so"

# ---- real threads ----------------------------------------------------------
run --threads 4 --reps 2 -a "first-fit slab system" larson
[ $status -eq 0 ]
is "larson on four threads"
grep -q 'Replayed on 4 threads too (the trace has 5)' "$dir/out" &&
	grep -q ' heap/thr\. res\./thr\.$' "$dir/out" &&
	grep -Eq '^system +- .* - +[0-9]+\.[0-9]{2}$' "$dir/out" &&
	grep -q '^Locks, in one replay on 4 threads:' "$dir/out" &&
	grep -Eq '^slab +heap +22[0-9]{4} ' "$dir/out"
is "the table says so, shows resident memory of all on threads, and who took which lock how often"
[ "$(column larson/summary.csv threads | sort -u)" = 4 ] &&
	[ "$(column larson/summary.csv threads_footprint_bytes | grep -c '[0-9]')" = 2 ] &&
	[ "$(column larson/summary.csv threads_resident_bytes | grep -c '[0-9]')" = 3 ]
is "summary.csv: threads, and the heap on them"
[ "$(column larson/threads.csv allocator | sort | uniq -c | awk '{ print $1 $2 }' |
	paste -sd' ')" = "8first-fit 8slab 8system" ] &&
	[ "$(column larson/threads.csv round | sort -u | paste -sd' ')" = "1 2" ] &&
	[ "$(awk -F, '$1 == "slab" && $2 == 1 { n += $4 } END { print n }' \
		"$results/larson/threads.csv")" = 220000 ]
is "threads.csv: a row for each round and thread, all calls in them"
head -n 1 "$results/larson/threads.csv" |
	grep -qx 'allocator,round,thread,calls,ns_per_op,takes,waits'
is "threads.csv: the columns of docs/csv.md"
[ "$(column larson/locks.csv replay | sort -u)" = threads ] &&
	[ "$(column larson/locks.csv threads | sort -u)" = 4 ]
is "locks.csv: a row for each lock of those that have any"
[ ! -e "$results/larson/latency.csv" ]
is "no latency pass"
grep -q '"threads": 4' "$results/larson/run.json" &&
	grep -q '"pace": "none"' "$results/larson/run.json"
is "run.json: threads and pace"

run --quick --threads 8 -a slab private
[ $status -eq 0 ] && [ "$(column private/summary.csv threads)" = 4 ] &&
	[ "$(column private/summary.csv threads_footprint_bytes)" -gt 0 ]
is "a trace of four threads makes four, quick: under the oracle alone"
run --quick --threads 4 -a first-fit tiny
[ $status -eq 0 ] && [ "$(column tiny/summary.csv threads)" = 1 ] &&
	grep -q 'Replayed on 1 thread too (the trace has 1)' "$dir/out"
is "a trace of one thread"
run --quick -a first-fit tiny
[ "$(column tiny/summary.csv threads)" = 1 ] &&
	[ -z "$(column tiny/summary.csv threads_footprint_bytes)" ] &&
	! grep -q 'heap/thr' "$dir/out"
is "without --threads nothing of it"

# ---- recorded time -----------------------------------------------------------
cat >"$dir/timed.txt" <<'END'
alloclab-text 1
a=malloc(100)
+20000000 b=malloc(200)
+10000000 free(a)
+10000000 c=malloc(300)
END
run --pace x2 --reps 2 --no-latency -a first-fit "$dir/timed.txt"
[ $status -eq 0 ] && grep -q 'Time is paced (x2): ns/op is not a speed' "$dir/out" &&
	! grep -q '^Fastest' "$dir/out" && grep -q '"pace": "x2"' "$results/timed/run.json"
is "a paced run says that it is no race"
# 40 ms of recording, half of that, over four calls: 5 ms a call at least.
column timed/repetitions.csv ns_per_op | head -n 2 |
	awk '$1 < 5000000 { bad = 1 } END { exit bad || NR != 2 }'
is "and it took its time"
[ "$(column timed/timeline.csv time_ns | paste -sd' ')" = "0 20000000 30000000 40000000" ]
is "timeline.csv: the time of each sample"
run_refused --pace recorded -a first-fit tiny
refused "a trace without times" \
	"alloclab: tiny has no times, so there is no pace to keep (alloclab record --time keeps them)"
run_refused --pace recorded --seconds 0.01 -a first-fit "$dir/timed.txt"
refused "a recording that is longer than a child may run" \
	"alloclab: timed would take 0.04 s at this pace, and a child may take 0.01 s: choose a faster one, or --seconds"
run_refused --pace recorded --threads 2 tiny
refused "pace and threads" \
	"alloclab run: --pace replays on one thread: it does not go with --threads"
run_refused --pace 2 tiny
refused "a pace that is none" \
	'alloclab run: --pace takes recorded or xN, such as x10, not "2"'
run_refused --threads 65 tiny
refused "too many threads" 'alloclab run: --threads takes 1..64, not "65"'
plan
