#!/bin/sh
# run.sh - runs fuzz targets for some seconds each, one after the other.
#
#     tests/fuzz/run.sh 60 build/fuzz/tests/fuzz/fuzz_trace ...
#
# An input that breaks a target is left as build/fuzz/found-*; to see it again,
# give that file to the target.
set -u
cd "$(dirname "$0")/../.."
seconds=$1
shift
tests/fuzz/seed.sh
status=0
for target in "$@"; do
	name=$(basename "$target")
	corpus=build/fuzz/corpus/$name
	log=build/fuzz/$name.log
	mkdir -p "$corpus"
	"$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
		-rss_limit_mb=2048 -artifact_prefix="build/fuzz/found-$name-" \
		-print_final_stats=1 "$corpus" >"$log" 2>&1
	if [ $? -ne 0 ]; then
		status=1
		echo "$name: broken; the end of $log:"
		tail -n 40 "$log"
	else
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "$name: $runs inputs in $seconds s, none broke it"
	fi
done
exit $status
