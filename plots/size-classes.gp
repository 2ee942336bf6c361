# How many bytes does a block really get?  The size-class staircase.
#
#     gnuplot -c size-classes.gp RESULTS png|svg > chart
#
# Above: bytes given for each size up to 400, with the diagonal "given = asked";
# a step is a size class, what lies between step and diagonal is wasted inside
# the block (shaded for the coarsest staircase).  Below: the same waste as a
# share of the block, over all sizes.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

SMALL = 400
SOURCE = numbered("size_classes")
array GIVEN[N]
array ASKED[N]
do for [i = 1:N] { GIVEN[i] = ASKED[i] = 0 }
stats SOURCE using (column("requested_bytes")):(i = int(column(1)), r = column("requested_bytes"), u = column("usable_bytes"), \
	r <= SMALL ? (ASKED[i] = ASKED[i] + r, GIVEN[i] = GIVEN[i] + u) : 0, r <= SMALL ? u : NaN) nooutput
TOP = STATS_max_y
stats SOURCE using (column("requested_bytes")) nooutput
LARGEST = STATS_max
BEST = WORST = 0
do for [i = 1:N] {
	if (GIVEN[i] > 0) {
		if (BEST == 0) { BEST = WORST = i }
		if (GIVEN[i] / ASKED[i] < GIVEN[BEST] / ASKED[BEST]) { BEST = i }
		if (GIVEN[i] / ASKED[i] > GIVEN[WORST] / ASKED[WORST]) { WORST = i }
	}
}
if (BEST == 0) { exit status 3 }
given(i) = sprintf("%s %.2fx", name(i), GIVEN[i] / ASKED[i])
FINDING = "Bytes given for sizes up to 400, over bytes asked: ".given(BEST)
if (BEST != WORST) { FINDING = FINDING.", ".given(WORST) }
WHAT = "Usable bytes of one malloc of each size on a fresh heap, headers not counted; shaded: what ".name(WORST)." wastes"

PANELS = 2
PANEL_PX = at_least(N * LABEL_PX, 330)
GAP_PX = 60
BOTTOM_PX = 6
load PLOTS."/begin.gp"
K = 1
x_of(c) = column("requested_bytes")
y_of(c) = column("usable_bytes")
XLO = YLO = 0
XHI = SMALL
YHI = 1.04 * TOP
XLOG = YLOG = 0
set xtics 0, 64
set ytics 0, 64
set xlabel "bytes asked"
YTITLE = "bytes given"
UNDERLAY = "SOURCE using (column(1) == WORST ? panel_x(0) : NaN):(panel_y(0)):(x_of(0)) with filledcurves lc rgb OUTSIDE, \
	SOURCE using (column(1) == WORST ? panel_x(0) : NaN):(x_of(0)) with lines dt 3 lc rgb MUTED,"
load PLOTS."/panel.gp"

K = 2
y_of(c) = 100. * (column("usable_bytes") - column("requested_bytes")) / column("usable_bytes")
XLO = 8
XHI = LARGEST
XLOG = 1
stats SOURCE using (panel_x(0) >= XLO ? y_of(0) : NaN) nooutput
YHI = at_least(STATS_max * 1.05, 10)
set xtics autofreq
set xtics ("1" 1, "4" 4, "16" 16, "64" 64, "256" 256, "1 KiB" 1024, "4 KiB" 4096, "16 KiB" 16384, \
	"64 KiB" 65536, "256 KiB" 262144, "1 MiB" 1048576, "4 MiB" 4194304)
set ytics 0, 25
set xlabel "bytes asked (log)"
YTITLE = "wasted in the block (%)"
UNDERLAY = ""
load PLOTS."/panel.gp"
