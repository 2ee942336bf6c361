#!/bin/sh
# e2e_workloads.sh: the recorded traces of workloads/ are what its README says.
set -u
alloclab=build/checked/alloclab
readme=workloads/README.md
tests=0
failed=0

# report TRUTH NAME
report() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		failed=1
	fi
}

# The README's row of a trace: "events threads peak blocks bytes-an-event".
row_of() {
	awk -F'|' -v name="$1" '
		{ row = $2; gsub(/[ *]/, "", row) }
		row == name { gsub(/[ ,]/, "", $0); print $5, $6, $7, $8, $9 }
	' "$readme"
}

# The same as `alloclab info` has it.
facts_of() {
	"$alloclab" info "$1" | awk '
		$1 == "form" { bytes = sprintf("%.2f", $3); sub(/^0/, "", bytes) }
		$1 == "events" { events = $2; sub(/,/, "", events) }
		$1 == "threads" { threads = $2 + 0 }
		$1 == "peak" { peak = $2 }
		$1 == "slots" { slots = $2; sub(/,/, "", slots) }
		END { print events, threads ? threads : 1, peak, slots, bytes }
	'
}

for trace in workloads/*.trace; do
	name=$(basename "$trace" .trace)
	facts=$(facts_of "$trace")
	row=$(row_of "$name")
	[ "$facts" = "$row" ]
	report $? "$name: info says $facts, the README $row"
	[ "$(wc -c <"$trace")" -lt 1000000 ]
	report $? "$name: below 1 MB"
	events=${facts%% *}
	[ "$events" -ge 100000 ] && [ "$events" -le 1000000 ]
	report $? "$name: 100,000 to a million events"
	grep -q "^record_$name()" workloads/record.sh
	report $? "$name: can be recorded again"
done
echo "1..$tests"
exit $failed
