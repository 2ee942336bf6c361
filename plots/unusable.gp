# How much of the free memory is in pieces too small to be of use?  Over time.
#
#     gnuplot -c unusable.gp RESULTS png|svg > chart
#
# unusable(s) is the share of the free bytes that lie in blocks that cannot
# serve a request of s bytes; s is the median, the 90th and the 99th percentile
# of the sizes that the trace asks for.  0 %: any free byte can be used; 100 %:
# none can, the next such request makes the heap grow.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

SOURCE = numbered("timeline")
# The mean over all free bytes of all samples.  Of an allocator that has hardly
# anything free (bump) the share says nothing: it is left out.
array LOST[N]
array FREE_SUM[N]
array HELD[N]
do for [i = 1:N] { LOST[i] = FREE_SUM[i] = HELD[i] = 0. }
stats SOURCE using (column("event")):(i = int(column(1)), v = column("unusable_p90"), f = column("free_bytes"), \
	is_number(v) ? (LOST[i] = LOST[i] + v * f, FREE_SUM[i] = FREE_SUM[i] + f, \
	HELD[i] = HELD[i] + column("footprint_bytes")) : 0, 0) nooutput
if (!exists("STATS_max_x")) { exit status 3 } # nobody has a walk
EVENTS = STATS_max_x
has_free(i) = FREE_SUM[i] > .005 * HELD[i]
BEST = WORST = 0
do for [i = 1:N] {
	if (has_free(i)) {
		if (BEST == 0) { BEST = WORST = i }
		if (LOST[i] / FREE_SUM[i] < LOST[BEST] / FREE_SUM[BEST]) { BEST = i }
		if (LOST[i] / FREE_SUM[i] > LOST[WORST] / FREE_SUM[WORST]) { WORST = i }
	}
}
if (BEST == 0) { exit status 3 }
share(i) = sprintf("%.0f %%", 100. * LOST[i] / FREE_SUM[i])
FINDING = BEST == WORST \
	? sprintf("%s: on average %s of the free bytes cannot serve the p90 request", name(BEST), share(BEST)) \
	: sprintf("Free bytes too small for the p90 request: %s %s, %s %s", \
		name(BEST), share(BEST), name(WORST), share(WORST))
WHAT = RUN.": share of the free bytes in blocks too small for a request of the trace's p50, p90 and p99 size"

XUNIT = event_unit(EVENTS)
x_of(c) = column("event") / XUNIT
y_of(c) = has_free(int(column(1))) ? 100 * column("unusable_".word(PERCENTILES, K)) : NaN
XLO = 0
XHI = EVENTS / XUNIT
YLO = 0
YHI = 100
XLOG = YLOG = 0
PANELS = 3
PANEL_PX = at_least(N * LABEL_PX, 180)
load PLOTS."/begin.gp"
set ytics 0, 25
PERCENTILES = "p50 p90 p99"
TITLES = "'below the p50 size (%)' 'below the p90 size (%)' 'below the p99 size (%)'"
do for [K = 1:PANELS] {
	YTITLE = word(TITLES, K)
	set xlabel K == PANELS ? event_name(EVENTS) : ""
	set format x K == PANELS ? "%g" : ""
	load PLOTS."/panel.gp"
}
