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

SOURCE = WHEN eq "event" ? numbered("searches") : sprintf( \
	"< awk -f '%s/csv.awk' -f '%s/moments.awk' '%s' '%s' | awk -f '%s/csv.awk' -f '%s/number.awk' '%s' -", \
	PLOTS, PLOTS, table("timeline"), table("searches"), PLOTS, PLOTS, table("summary"))
stats SOURCE using (column("event_to")):(column("links_max")) nooutput
if (!exists("STATS_max_x")) { exit status 3 } # nobody searches
MOST = STATS_max_y
if (WHEN eq "event") { WHEN = "event_to" }
stats SOURCE using (column(WHEN)):(column("calls")) nooutput
LAST = STATS_max_x
XUNIT = moment_unit(LAST)
x_of(c) = column(WHEN) / XUNIT
y_of(c) = is_number(MEAN[int(column(1))]) ? column(word(COLUMNS, K)) : NaN
XLO = 0
XHI = LAST / XUNIT
XLOG = 0
STYLE = stairs("fsteps") # a row is the window that ends there
YLOG = 1
YLO = .1
YHI = 1.5 * at_least(MOST, 2)
# Of windows of one call all three panels would be the same.
PANELS = STATS_max_y > 1 ? 3 : 1
PANEL_PX = at_least(N * LABEL_PX, PANELS > 1 ? 190 : 430)
WHAT = RUN.": links followed in free lists and trees per call of malloc or free".(PANELS > 1 ? ", by window of the trace" : "")." (log scale)"
load PLOTS."/begin.gp"
set ytics ("0" .1, "1" 1, "10" 10, "100" 100, "1,000" 1e3, "10,000" 1e4, "100,000" 1e5, "1e6" 1e6, "1e7" 1e7)
COLUMNS = "links_mean links_p99 links_max"
TITLES = PANELS > 1 ? "'mean links per call' '99th percentile, links' 'most links of one call'" : "'links of each call'"
do for [K = 1:PANELS] {
	YTITLE = word(TITLES, K)
	set xlabel K == PANELS ? moment_name(LAST) : ""
	set format x K == PANELS ? "%g" : ""
	load PLOTS."/panel.gp"
}
