#!/bin/sh
# run.sh: runs test programs and scripts, two at a time, and counts.
#
#     tests/run.sh build/checked/tests/test_bump tests/e2e_references.sh ...
#
# Everything speaks TAP (the Test Anything Protocol) on stdout: "1..3", "ok 1 -
# name", "not ok 2 - name", "ok 3 - name # SKIP why".  cmocka does so when asked.
# A test that ends without its plan, crashes or takes longer than TEST_SECONDS
# counts as one failure more.  What a failed test printed is shown, and kept
# with the rest under build/test-logs/.  The last line is always
#
#     N passed, N failed, N skipped
set -u
TEST_SECONDS=${TEST_SECONDS:-300}
JOBS=${JOBS:-2}
logs=build/test-logs

# One test: its output to a log, its line and its failures to stdout.
run_one() {
	test=$1
	name=$(echo "$test" | sed 's,^build/,,; s,tests/,,; s,/,: ,')
	log=$logs/$(echo "$name" | tr -c 'A-Za-z0-9_.\n' '_').tap
	case $test in
	build/tsan/*) CONTRACT=quick; export CONTRACT ;;
	esac
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "$TEST_SECONDS" "$test" \
		>"$log" 2>&1 </dev/null
	status=$?
	awk -v name="$name" -v status="$status" -v limit="$TEST_SECONDS" \
		-f tests/tap.awk "$log" >"$log.summary"
	cat "$log.summary"
}

if [ "${1:-}" = --one ]; then
	run_one "$2"
	exit 0
fi
mkdir -p "$logs"
rm -f "$logs"/*
printf '%s\n' "$@" | xargs -n 1 -P "$JOBS" "$0" --one
cat "$logs"/*.summary | awk '
	/^[^ ].* passed, .* failed/ { passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1) }
	END {
		printf "%d passed, %d failed", passed, failed
		if (skipped) printf ", %d skipped", skipped
		print ""
		exit failed > 0 || passed == 0
	}'
