# How long do the slowest calls take?  The tail of the service times.
#
#     gnuplot -c latency.gp RESULTS png|svg > chart
#
# The complementary distribution function (CCDF), both axes logarithmic, turned
# on its side so that each line ends at the right, at its name: above 1/1,000
# stands the time that one call in a thousand exceeds.  It ends at 1/samples,
# the one slowest call.  A replay is a closed loop: these are service times,
# not the waiting times of a server.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

SOURCE = only_rows("latency", "all")
array AT[N]
array SHARE[N]
do for [i = 1:N] { SHARE[i] = 0 }
TAIL = 1e-3
SAMPLES = 0
stats SOURCE using (column("samples")) nooutput
if (STATS_records > 0) { SAMPLES = STATS_max }
stats SOURCE using (column("share_slower") > 0 ? column("share_slower") : NaN):(i = int(column(1)), s = column("share_slower"), \
	s > 0 && abs(log(s / TAIL)) < abs(log((SHARE[i] + 1e-300) / TAIL)) ? (SHARE[i] = s, AT[i] = column("latency_ns")) : 0, \
	column("latency_ns")) nooutput
if (STATS_records == 0) { exit status 3 }
if (SAMPLES < 1 / TAIL) {
	print sprintf("latency: no chart, %.0f timed calls have no tail (1,000 have one)", SAMPLES)
	exit status 3
}
XLO = 1
XHI = STATS_min_x
LOWEST = STATS_min_y
HIGHEST = STATS_max_y
BEST = WORST = 0
do for [i = 1:N] {
	if (SHARE[i] > 0) {
		if (BEST == 0) { BEST = WORST = i }
		if (AT[i] < AT[BEST]) { BEST = i }
		if (AT[i] > AT[WORST]) { WORST = i }
	}
}
FINDING = sprintf("1 call in 1,000 takes longer than %s with %s", ns_text(AT[BEST]), name(BEST))
if (BEST != WORST) { FINDING = FINDING.sprintf(", %s with %s", ns_text(AT[WORST]), name(WORST)) }
WHAT = RUN.": service times of malloc and free, sampled; to the right ever rarer, slower calls (CCDF on its side, log-log)"

x_of(c) = column("share_slower")
y_of(c) = column("latency_ns")
XLOG = YLOG = 1
YLO = at_least(LOWEST / 1.5, 1)
YHI = HIGHEST * 1.5
PANELS = K = 1
PANEL_PX = at_least(N * LABEL_PX, 430)
set grid xtics
set xtics ("all" 1, "1/10" .1, "1/100" .01, "1/1,000" 1e-3, "1/10,000" 1e-4, "1/100,000" 1e-5, "1/1,000,000" 1e-6)
set ytics ("1 ns" 1, "10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6, "10 ms" 1e7, "100 ms" 1e8, "1 s" 1e9)
set xlabel "share of the calls that took longer (log)"
YTITLE = "service time (log)"
load PLOTS."/begin.gp"
load PLOTS."/panel.gp"
