# Draws one panel: a line per allocator, its name and a piece of it at its end, no
# two names on top of each other.  Set before:
#
#     K                    which panel, from the top
#     SOURCE               the numbered rows of a table
#     x_of(c), y_of(c)     their values, in the units of the axes; c is unused
#     XLO XHI YLO YHI      the axes; what is below YLO lies on it, a line
#                          above YHI leaves the panel, beyond XHI it ends
#     XLOG, YLOG           1 for a logarithmic axis
#     YTITLE               what the y axis shows, and its unit
#     UNDERLAY             what to plot first, a comma at its end; "" for nothing
#     STYLE                how: lines, or steps for what holds until the next value
#
# Placing the names: sorted by where their lines end, they are pushed upwards
# until none overlaps, and from the ends again downwards.  In both results
# neighbours are at least PITCH apart, hence also in their mean, which stays
# closest to the lines, and after the clamp between floor and ceiling.  Lines
# that end at one spot share a leader, to a bracket beside all their names.

fraction(v, lo, hi, is_log) = is_log ? log(v / real(lo)) / log(hi / real(lo)) : (v - lo) / real(hi - lo)
panel_x(c) = fraction(x_of(c), XLO, XHI, XLOG) <= 1 ? x_of(c) : NaN
panel_y(c) = y_of(c) < YLO ? YLO : y_of(c)

array END_X[N]
array END_Y[N]
array RANK[N]
array UP[N]
array DOWN[N]
array PLACE[N]
do for [i = 1:N] { END_Y[i] = NaN }
stats SOURCE using (i = int(column(1)), x = panel_x(0), y = panel_y(0), is_number(x) && is_number(y) \
	? (END_X[i] = fraction(x, XLO, XHI, XLOG), END_Y[i] = -at_least(-fraction(y, YLO, YHI, YLOG), -1)) : 0, 0) nooutput

# RANK[1..LABELS]: the allocators that have a line, lowest end first.
LABELS = 0
do for [i = 1:N] {
	if (is_number(END_Y[i])) {
		LABELS = LABELS + 1
		k = LABELS
		while (k > 1) {
			if (END_Y[RANK[k - 1]] <= END_Y[i]) { break }
			RANK[k] = RANK[k - 1]
			k = k - 1
		}
		RANK[k] = i
	}
}

PITCH = LABEL_PX / PANEL_PX
if ((LABELS - 1) * PITCH > 1) {
	print sprintf("%s: %d names do not fit beside a panel of %d pixels", ARG0, LABELS, PANEL_PX)
	exit status 1
}
do for [k = 1:LABELS] {
	UP[k] = END_Y[RANK[k]]
	if (k > 1) { UP[k] = at_least(UP[k], UP[k - 1] + PITCH) }
}
do for [k = LABELS:1:-1] {
	DOWN[k] = END_Y[RANK[k]]
	if (k < LABELS) { DOWN[k] = -at_least(-DOWN[k], PITCH - DOWN[k + 1]) }
}
GRAPH_PX = real(WIDTH - LEFT_PX - RIGHT_PX)
STEM = 1 + 20 / GRAPH_PX # where leaders end; then a piece of the line, and its name
unset label
unset arrow
do for [k = 1:LABELS] {
	i = RANK[k]
	y = at_least((UP[k] + DOWN[k]) / 2, (k - 1) * PITCH)
	PLACE[k] = -at_least(-y, (LABELS - k) * PITCH - 1)
	set label label_text(i) at graph STEM + 34 / GRAPH_PX, graph PLACE[k] left textcolor rgb COLOUR[i]
	set arrow from graph STEM + 5 / GRAPH_PX, graph PLACE[k] to graph STEM + 30 / GRAPH_PX, graph PLACE[k] nohead front ls i
	if (STATUS[i] ne "ok") {
		set label "" at graph END_X[i], graph END_Y[i] point pt 2 ps .7 lw 1.5 lc rgb COLOUR[i]
	}
}

# The leaders: one for each group of names, whose lines end within SPOT_PX.
SPOT_PX = 4.
one_spot(i, j) = abs(END_X[i] - END_X[j]) * GRAPH_PX <= SPOT_PX && abs(END_Y[i] - END_Y[j]) * PANEL_PX <= SPOT_PX
k = 1
while (k <= LABELS) {
	i = RANK[k]
	last = k
	while (last < LABELS) {
		if (!one_spot(i, RANK[last + 1])) { break }
		last = last + 1
	}
	y = -at_least(-at_least(END_Y[i], PLACE[k]), -PLACE[last])
	LEADER = last > k ? MUTED : COLOUR[i]
	set arrow from graph END_X[i], graph END_Y[i] to graph STEM, graph y nohead front lc rgb LEADER lw .5
	if (last > k) {
		set arrow from graph STEM, graph PLACE[k] - .3 * PITCH to graph STEM, graph PLACE[last] + .3 * PITCH nohead front lc rgb MUTED lw 1
	}
	k = last + 1
}
set label YTITLE at screen 18 / real(WIDTH), graph .5 center rotate textcolor rgb TEXT
if (K == 1) { load PLOTS."/title.gp" }

set lmargin at screen LEFT_PX / real(WIDTH)
set rmargin at screen 1 - RIGHT_PX / real(WIDTH)
set tmargin at screen 1 - panel_top_px(K) / real(HEIGHT)
set bmargin at screen 1 - (panel_top_px(K) + PANEL_PX) / real(HEIGHT)
if (XLOG) { set logscale x } else { unset logscale x }
if (YLOG) { set logscale y } else { unset logscale y }
set xrange [XLO:XHI]
set yrange [YLO:YHI]
plot @UNDERLAY for [i = 1:N] SOURCE using (column(1) == i ? panel_x(0) : NaN):(panel_y(0)) with @STYLE ls i
