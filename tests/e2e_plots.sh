#!/bin/sh
# e2e_plots.sh - draws the charts of made-up results and looks at what came out.
#
# TAP on stdout.  tests/plots/fake_results.py makes the results, so that the
# allocators and the harness have no part in it.  What needs matplotlib or
# gnuplot is skipped, with the reason, where they are missing.
set -u
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from_gnuplot="footprint unusable links size-classes latency"
from_python="heap-map waste throughput growth blow-up locks"
number=0

# Prints the result of test $1, which passed if $2 is 0; "# SKIP why" as $3.
result() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number - $1${3:+ # SKIP $3}"
	else
		echo "not ok $number - $1"
		sed 's/^/# /' "$work/log"
	fi
}

find_python() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import matplotlib, numpy' 2>/dev/null && echo "$python" && return
	done
}

draw() {
	plots/draw "$@" >"$work/log" 2>&1
}

# Chart $2 of results $1 is there, as PNG and as SVG whose text is text.
drawn() {
	for chart in $2; do
		head -c 4 "$1/$chart.png" 2>/dev/null | grep -q PNG &&
			grep -q '<text' "$1/$chart.svg" 2>/dev/null &&
			tail -c 10 "$1/$chart.svg" | grep -q '</svg>' ||
			{ echo "$chart is not whole" >>"$work/log"; return 1; }
	done
}

absent() {
	for chart in $2; do
		[ ! -e "$1/$chart.png" ] && [ ! -e "$1/$chart.svg" ] ||
			{ echo "$chart was drawn" >>"$work/log"; return 1; }
	done
}

# Everything is drawn of results made with these arguments, and nothing overlaps.
all_drawn() {
	name=$1
	shift
	made=$work/$(echo "$name" | tr -c 'a-z0-9\n' '-')
	python3 tests/plots/fake_results.py "$made" "$@" 2>"$work/log" &&
		draw "$made" &&
		drawn "$made" "$from_gnuplot $from_python" &&
		python3 tests/plots/svg_labels.py \
			$(for chart in $from_gnuplot; do echo "$made/$chart.svg"; done) \
			>"$work/log" &&
		"$python" tests/plots/png_edges.py "$made"/*.png >"$work/log"
	result "$name: every chart, PNG and SVG, no label on another or cut off" $?
}

# The colour of first-fit is the same in an SVG of gnuplot and one of matplotlib.
same_colour() {
	grep -q 'rgb(  0, 114, 178)' "$1/links.svg" && grep -q '#0072b2' "$1/waste.svg"
}

style_of() {
	printf 'allocator\n' >"$work/summary.csv"
	printf '%s\n' "$@" >>"$work/summary.csv"
	awk -f plots/csv.awk -f plots/palette.awk plots/palette.csv "$work/summary.csv"
}

if ! command -v python3 >/dev/null 2>&1; then
	echo "1..0 # SKIP the fixture needs python3"
	exit 0
fi
echo "1..29"
: >"$work/log"
python=$(find_python)
have_gnuplot=$(command -v gnuplot)
small=$work/small
python3 tests/plots/fake_results.py "$small" --allocators 2

# --- who has which colour ---
[ "$(style_of best-fit ./mine.c | sed -n 2p)" = "$(style_of ./mine.c buddy | sed -n 1p)" ]
result "an unknown name has the same style in every run" $?
[ "$(style_of a:x=1 b c d e f g h | cut -f 2- | sort -u | wc -l)" -eq 8 ]
result "eight unknown names of a run have eight styles" $?
[ "$(style_of '"best-fit:order=lifo,growth=64K"' | cut -f 1)" = best-fit:order=lifo,growth=64K ]
result "a name with a comma is one name" $?

# --- whatever is missing, the rest is drawn ---
PYTHON=/nonexistent GNUPLOT=/nonexistent draw "$small" &&
	grep -q 'apt-get install gnuplot-nox python3-matplotlib$' "$work/log" &&
	[ "$(wc -l <"$work/log")" -eq 1 ] && absent "$small" "$from_gnuplot $from_python"
result "without gnuplot and Python: one line, exit 0" $?
plots/draw "$work/nothing" >"$work/log" 2>&1
[ $? -eq 2 ] && grep -q 'summary.csv' "$work/log"
result "no results: exit 2 and a sentence" $?
if [ -n "$have_gnuplot" ]; then
	PYTHON=/nonexistent draw "$small" && drawn "$small" "$from_gnuplot" &&
		absent "$small" "$from_python" &&
		grep -q 'apt-get install python3-matplotlib$' "$work/log"
	result "without Python: the charts of gnuplot" $?
else
	result "without Python: the charts of gnuplot" 0 "gnuplot is missing"
fi
if [ -n "$python" ]; then
	GNUPLOT=/nonexistent draw "$small" && drawn "$small" "$from_python" &&
		absent "$small" "$from_gnuplot" &&
		grep -q 'apt-get install gnuplot-nox$' "$work/log"
	result "without gnuplot: the charts of matplotlib, the old ones gone" $?
	PYTHONPATH=plots PYTHONDONTWRITEBYTECODE=1 "$python" tests/plots/placer.py \
		>"$work/log" 2>&1
	result "the label placer on nasty data; the check sees what overlaps" $?
	PYTHONPATH=plots PYTHONDONTWRITEBYTECODE=1 "$python" tests/plots/words.py \
		>"$work/log" 2>&1
	result "titles, ticks and moments are what the figures say" $?
else
	result "without gnuplot: the charts of matplotlib" 0 "matplotlib is missing"
	result "the label placer on nasty data" 0 "matplotlib is missing"
	result "titles, ticks and moments" 0 "matplotlib is missing"
fi

# --- the charts ---
if [ -z "$python" ] || [ -z "$have_gnuplot" ]; then
	while [ "$number" -lt 29 ]; do
		result "all charts" 0 "gnuplot or matplotlib is missing"
	done
	exit 0
fi
all_drawn "one allocator" --allocators 1
all_drawn "seven allocators" --allocators 7
same_colour "$work/seven-allocators" 2>"$work/log"
result "an allocator has the same colour from gnuplot and matplotlib" $?
all_drawn "fourteen, with a crash, out of memory, no walk" --allocators 14 --ends
all_drawn "a large trace" --allocators 3 --large
all_drawn "long names of a run and of its allocators" --allocators 14 --ends --long

# --- what a chart says of its run ---
grep -q 'p90 = 260 bytes' "$work/seven-allocators/unusable.svg" &&
	grep -q 'p50 = 60 bytes' "$work/seven-allocators/unusable.svg" &&
	grep -q "never taken: first-fit's large blocks" "$work/seven-allocators/locks.svg" &&
	! grep -q 'first-fit: large blocks' "$work/seven-allocators/locks.svg"
result "unusable prints the percentiles' bytes; a lock never taken has no row" $?
paced=$work/paced
over_time="footprint unusable links heap-map blow-up"
python3 tests/plots/fake_results.py "$paced" --allocators 7 --paced &&
	draw "$paced" && drawn "$paced" "$over_time" &&
	for chart in $over_time; do
		grep -q 'recorded time (s)' "$paced/$chart.svg" &&
			! grep -q '>event' "$paced/$chart.svg" || echo "$chart: no time" >>"$work/log"
	done
! grep -q 'no time' "$work/log" && absent "$paced" throughput &&
	grep -q '^throughput: no chart, a paced replay' "$work/log"
result "replayed with time: recorded time on the x axes, no throughput" $?
short=$work/short
python3 tests/plots/fake_results.py "$short" --allocators 3 --short &&
	draw "$short" && drawn "$short" "footprint links heap-map throughput" &&
	absent "$short" "growth latency" &&
	grep -q '^growth: no chart, of 60 events' "$work/log" &&
	grep -q '^latency: no chart, 59 timed calls' "$work/log" &&
	grep -q 'links of each call' "$short/links.svg"
result "a few events: no tail, no growth, a line says so; links call by call" $?
grep -q 'one repetition, no intervals' "$short/throughput.svg" &&
	! grep -q 'bars are' "$short/throughput.svg" &&
	grep -q 'bars are 95 % intervals' "$work/seven-allocators/throughput.svg"
result "one repetition has no intervals, and none are spoken of" $?
python3 tests/plots/fake_results.py "$work/across" --allocators 9 --across &&
	draw "$work/across" && drawn "$work/across" across &&
	"$python" tests/plots/png_edges.py "$work/across/across.png" >"$work/log"
result "many workloads: one chart" $?
for case in "1 2" "7 16" "14 64"; do
	# shellcheck disable=SC2086
	set -- $case
	made=$work/scale-$1-$2
	python3 tests/plots/fake_results.py "$made" --allocators "$1" --scale "$2" &&
		draw "$made" && drawn "$made" "scaling locks" &&
		absent "$made" "$from_gnuplot heap-map" &&
		"$python" tests/plots/png_edges.py "$made"/*.png >"$work/log"
	result "scaling of $1 allocators on up to $2 threads" $?
done
for case in "3 1" "14 6"; do
	# shellcheck disable=SC2086
	set -- $case
	made=$work/compare-$2
	python3 tests/plots/fake_results.py "$made" --allocators "$1" --programs "$2" &&
		draw "$made" && drawn "$made" programs && absent "$made" "throughput heap-map" &&
		"$python" tests/plots/png_edges.py "$made"/*.png >"$work/log"
	result "$2 programs under $1 allocators and three libraries" $?
done
for case in "3 1" "9 6"; do
	# shellcheck disable=SC2086
	set -- $case
	made=$work/fidelity-$2
	python3 tests/plots/fake_results.py "$made" --allocators "$1" --fidelity "$2" &&
		draw "$made" && drawn "$made" fidelity && absent "$made" "throughput heap-map" &&
		"$python" tests/plots/png_edges.py "$made"/*.png >"$work/log"
	result "$2 programs, replayed and run, under $1 allocators" $?
done
sed 's/,crash,/,ok,/' "$work/small/summary.csv" | awk -F , 'NR == 1 || $2 = "crash"' OFS=, \
	>"$work/small/s" && mv "$work/small/s" "$work/small/summary.csv" &&
	draw "$small" && drawn "$small" "$from_gnuplot $from_python"
result "a run in which every allocator crashed" $?
# Libraries alone have a time and a resident size, and no walk.
blind=$work/blind
python3 tests/plots/fake_results.py "$blind" --allocators 3 2>"$work/log" &&
	for table in timeline tiers heapmap failures searches; do
		sed -i 1q "$blind/$table.csv"
	done
awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "peak_footprint_bytes") at = i }
	NR > 1 { $at = "" } 1' OFS=, "$blind/summary.csv" >"$work/s" &&
	mv "$work/s" "$blind/summary.csv" &&
	draw "$blind" && drawn "$blind" "throughput latency" &&
	absent "$blind" "heap-map unusable"
result "a run in which nobody has a walk" $?
