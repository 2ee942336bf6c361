#!/bin/sh
# run.sh: runs test programs and scripts, two at a time, and counts.
#
#     tests/run.sh build/checked/tests/test_bump tests/e2e_references.py ...
#
# Everything speaks TAP (the Test Anything Protocol) on stdout: "1..3", "ok 1 -
# name", "not ok 2 - name", "ok 3 - name # SKIP why".  cmocka does so when asked.
# A test that ends without its plan, crashes or takes longer than TEST_SECONDS
# counts as one failure more.  What a failed test printed is shown, and kept
# with the rest under build/test-logs/.  The last line is always
#
#     N passed, N failed, N skipped
#
# (without the last part if there are none), and the exit status 0 only if none
# has failed.  To add a script: make it executable, call it tests/e2e_*.sh or
# tests/e2e_*.py, and let it print TAP.  It runs from the root of the tree, where
# build/alloclab and the checked and asan builds are ready.
set -u
TEST_SECONDS=${TEST_SECONDS:-300}
JOBS=${JOBS:-2}
logs=build/test-logs

run_program() {
	case $1 in
	*.py)
		if ! command -v python3 >/dev/null; then
			printf '1..1\nok 1 - all of it # SKIP there is no python3\n'
			return 0
		fi
		;;
	build/tsan/*)
		export CONTRACT=quick
		;;
	esac
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "$TEST_SECONDS" "$1" </dev/null
}

# One test: its output to a log; its failures and its line to stdout, at once.
run_one() {
	name=$(echo "$1" | sed 's,^build/,,; s,tests/,,; s,/,: ,')
	log=$logs/$(echo "$name" | tr -c 'A-Za-z0-9_.\n' '_').tap
	run_program "$1" >"$log" 2>&1
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
cat "$logs"/*.summary | awk -v programs="$#" '
	/^[^ ].* passed, .* failed/ {
		summaries++
		passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1)
	}
	END {
		if (summaries < programs) {
			print "only " summaries + 0 " of " programs " programs ran"
			failed += programs - summaries
		}
		printf "%d passed, %d failed", passed, failed
		if (skipped) printf ", %d skipped", skipped
		print ""
		exit failed > 0
	}'
