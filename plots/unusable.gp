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
PERCENTILES = "p50 p90 p99"
PANELS = words(PERCENTILES)
# The mean over all free bytes of all samples, for each percentile.  Of an allocator
# that has hardly anything free (bump) the share says nothing: it is left out.
array LOST[PANELS * N]
array FREE_SUM[N]
array HELD[N]
do for [i = 1:PANELS * N] { LOST[i] = 0. }
do for [i = 1:N] { FREE_SUM[i] = HELD[i] = 0. }
do for [k = 1:PANELS] {
	stats SOURCE using (column(WHEN)):(i = int(column(1)), v = column("unusable_".word(PERCENTILES, k)), f = column("free_bytes"), \
		is_number(v) ? (LOST[(k - 1) * N + i] = LOST[(k - 1) * N + i] + v * f, k > 1 ? 0 : (FREE_SUM[i] = FREE_SUM[i] + f, \
		HELD[i] = HELD[i] + column("footprint_bytes"))) : 0, 0) nooutput
}
if (!exists("STATS_max_x")) { exit status 3 } # nobody has a walk
LAST = STATS_max_x
has_free(i) = FREE_SUM[i] > .005 * HELD[i]
lost(i, k) = LOST[(k - 1) * N + i] / FREE_SUM[i]
BEST = WORST = 0
do for [i = 1:N] {
	if (has_free(i)) {
		if (BEST == 0) { BEST = WORST = i }
		if (lost(i, 2) < lost(BEST, 2)) { BEST = i }
		if (lost(i, 2) > lost(WORST, 2)) { WORST = i }
	}
}
if (BEST == 0) { exit status 3 }
share(i, k) = sprintf("%.0f %%", 100. * lost(i, k))
# The sizes are in run.json; results without it have the percentile alone.
size(k) = fact("size_".word(PERCENTILES, k)."_bytes")
size_text(k) = strlen(size(k)) ? bytes_text(real(size(k))) : "the ".word(PERCENTILES, k)." size"
FINDING = BEST == WORST \
	? sprintf("%s: on average %s of the free bytes cannot serve a request of %s", name(BEST), share(BEST, 2), size_text(2)) \
	: sprintf("Free bytes in blocks below %s: on average %s %s, %s %s", \
		size_text(2), name(BEST), share(BEST, 2), name(WORST), share(WORST, 2))
WHAT = RUN.": share of the free bytes in blocks too small for a request of the trace's p50, p90 and p99 size; at the name: its mean"

# Every name carries its mean.
label_text(i) = name(i).(has_free(i) ? " ".share(i, K) : "").ended(i)
K = PANELS
LONGEST = 0
do for [i = 1:N] { LONGEST = at_least(strlen(label_text(i)), LONGEST) }
RIGHT_PX = right_px(LONGEST)

XUNIT = moment_unit(LAST)
x_of(c) = column(WHEN) / XUNIT
y_of(c) = has_free(int(column(1))) ? 100 * column("unusable_".word(PERCENTILES, K)) : NaN
XLO = 0
XHI = LAST / XUNIT
YLO = 0
YHI = 100
XLOG = YLOG = 0
STYLE = stairs("steps")
PANEL_PX = at_least(N * LABEL_PX, 180)
load PLOTS."/begin.gp"
set ytics 0, 25
do for [K = 1:PANELS] {
	YTITLE = sprintf("below %s%s (%%)", strlen(size(K)) ? word(PERCENTILES, K)." = " : "", size_text(K))
	set xlabel K == PANELS ? moment_name(LAST) : ""
	set format x K == PANELS ? "%g" : ""
	load PLOTS."/panel.gp"
}
