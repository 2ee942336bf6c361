# How far must an allocator look for a block?  Links followed per call, over time.
#
#     gnuplot -c links.gp RESULTS png|svg > chart
#
# Three panels: the mean, the 99th percentile and the maximum of each window.
# The lists grow with the heap: a rising line is a search that gets slower as
# the program lives.  The scale is logarithmic; 0 stands on the axis.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

j = 0
BEST = WORST = 0
array MEAN[N]
stats table("summary") using (j = j + 1, MEAN[j] = column("links_mean"), j) nooutput
do for [i = 1:N] {
	if (is_number(MEAN[i])) {
		if (BEST == 0) { BEST = WORST = i }
		if (MEAN[i] < MEAN[BEST]) { BEST = i }
		if (MEAN[i] > MEAN[WORST]) { WORST = i }
	}
}
if (BEST == 0) { exit status 3 }
FINDING = BEST == WORST ? sprintf("%s follows %s links a call", name(BEST), count_text(MEAN[BEST])) \
	: sprintf("%s follows %s links a call, %s %s", \
		name(WORST), count_text(MEAN[WORST]), name(BEST), count_text(MEAN[BEST]))
WHAT = RUN.": links followed in free lists and trees per call of malloc or free, by window of the trace (log scale)"

SOURCE = numbered("searches")
stats SOURCE using (column("event_to")):(column("links_max")) nooutput
if (!exists("STATS_max_x")) { exit status 3 } # nobody searches
EVENTS = STATS_max_x
XUNIT = event_unit(EVENTS)
x_of(c) = column("event_to") / XUNIT
y_of(c) = is_number(MEAN[int(column(1))]) ? column(word(COLUMNS, K)) : NaN
XLO = 0
XHI = EVENTS / XUNIT
XLOG = 0
YLOG = 1
YLO = .1
YHI = 1.5 * at_least(STATS_max_y, 2)
PANELS = 3
PANEL_PX = at_least(N * LABEL_PX, 190)
load PLOTS."/begin.gp"
set ytics ("0" .1, "1" 1, "10" 10, "100" 100, "1,000" 1e3, "10,000" 1e4, "100,000" 1e5, "1e6" 1e6, "1e7" 1e7)
COLUMNS = "links_mean links_p99 links_max"
TITLES = "'mean links per call' '99th percentile, links' 'most links of one call'"
do for [K = 1:PANELS] {
	YTITLE = word(TITLES, K)
	set xlabel K == PANELS ? event_name(EVENTS) : ""
	set format x K == PANELS ? "%g" : ""
	load PLOTS."/panel.gp"
}
