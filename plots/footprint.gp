# How much memory does each allocator hold, against what the program has live?
#
#     gnuplot -c footprint.gp RESULTS png|svg > chart
#
# The grey area is what the program asked for and has not freed; it is the same
# for all.  The distance up to a line is what that allocator adds: rounding,
# headers, holes.  A line that ends in a cross is an allocator that ended there.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

array RATIO[N]
array PEAK[N]
j = 0
BEST = WORST = 0
stats table("summary") using (j = j + 1, RATIO[j] = column("jw4"), PEAK[j] = column("peak_footprint_bytes"), \
	column("peak_requested_bytes")) nooutput
LIVE_PEAK = STATS_max
TOP = LIVE_PEAK
HOLDS_ALL = 0
do for [i = 1:N] { if (is_number(PEAK[i])) { HOLDS_ALL = i } }
if (HOLDS_ALL == 0) { exit status 3 }

# One that never reuses memory would press all others flat.  The axis ends with
# the largest peak that at least half of the allocators reach to 40 %; a larger
# one leaves through the top.
do for [i = 1:N] {
	NEAR = COUNT = 0
	do for [k = 1:N] {
		if (is_number(PEAK[k])) {
			COUNT = COUNT + 1
			if (PEAK[k] >= PEAK[i] / 2.5) { NEAR = NEAR + 1 }
		}
	}
	if (is_number(PEAK[i]) && 2 * NEAR >= COUNT) { TOP = at_least(TOP, PEAK[i]) }
}

do for [i = 1:N] {
	if (is_number(RATIO[i]) && STATUS[i] eq "ok") {
		if (BEST == 0) { BEST = WORST = i }
		if (RATIO[i] < RATIO[BEST]) { BEST = i }
		if (RATIO[i] > RATIO[WORST]) { WORST = i }
	}
}
TIED = ALSO = 0
do for [i = 1:N] {
	if (BEST > 0 && i != BEST && STATUS[i] eq "ok" && RATIO[i] == RATIO[BEST]) { TIED = TIED + 1; ALSO = i }
}
best(i) = TIED == 0 ? name(i)." needs" : TIED == 1 ? elide(NAME[i], 18)." and ".elide(NAME[ALSO], 18)." need" \
	: sprintf("%s and %d others need", elide(NAME[i], 22), TIED)
# One that leaves through the top carries its value to the label.
label_text(i) = name(i).(PEAK[i] > TOP ? sprintf(" ↑ %.2fx", RATIO[i]) : "").ended(i)
LONGEST = 0
do for [i = 1:N] { LONGEST = at_least(strlen(label_text(i)), LONGEST) }
RIGHT_PX = right_px(LONGEST)
FINDING = BEST == 0 ? "No allocator came to the end of the trace" : RATIO[BEST] == RATIO[WORST] \
	? sprintf("At its peak %s %.2fx the peak of live memory", best(BEST), RATIO[BEST]) \
	: sprintf("At its peak %s %.2fx the peak of live memory, %s %.2fx", \
		best(BEST), RATIO[BEST], name(WORST), RATIO[WORST])
WHAT = sprintf("%s: bytes committed by each allocator over the trace; grey: bytes that the program has live (peak %s)", \
	RUN, bytes_text(LIVE_PEAK))

SOURCE = numbered("timeline")
LIVE = 0
stats SOURCE using (column(WHEN)):(column(1)) nooutput
LAST = STATS_max_x
# The live area comes from an allocator that saw the whole trace.
stats SOURCE using (column(WHEN) == LAST ? LIVE = int(column(1)) : 0) nooutput

XUNIT = moment_unit(LAST)
YUNIT = byte_unit(TOP)
x_of(c) = column(WHEN) / XUNIT
y_of(c) = column("footprint_bytes") / YUNIT
XLO = YLO = 0
XHI = LAST / XUNIT
YHI = 1.06 * TOP / YUNIT
XLOG = YLOG = 0
PANELS = K = 1
PANEL_PX = at_least(N * LABEL_PX, 430)
YTITLE = sprintf("memory held (%s)", byte_name(TOP))
set xlabel moment_name(LAST)
STYLE = stairs("steps")
UNDERLAY = "SOURCE using (column(1) == LIVE ? x_of(0) : NaN):(column('requested_bytes') / YUNIT) \
	with ".(STYLE eq "lines" ? "filledcurves x1" : "fillsteps fill solid")." lc rgb OUTSIDE,"
load PLOTS."/begin.gp"
load PLOTS."/panel.gp"
