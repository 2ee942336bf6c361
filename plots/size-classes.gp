# How many bytes does a block really get?  The size-class staircase.
#
#     gnuplot -c size-classes.gp RESULTS png|svg > chart
#
# Left: bytes given for each size up to 512, with the diagonal "given = asked";
# a step is a size class, what lies between step and diagonal is wasted inside
# the block (shaded for the coarsest staircase).  Right: the same waste as a
# share of the block, over all sizes.  Allocators that give the same bytes for
# every size share one line and one name.

call system(sprintf("dirname '%s'", ARG0))."/style.gp" ARG1 ARG2

SMALL = 512
SOURCE = numbered("size_classes")
array GIVEN[N]
array ASKED[N]
array TRACE[N]
do for [i = 1:N] { GIVEN[i] = ASKED[i] = TRACE[i] = 0 }
stats SOURCE using (column("requested_bytes")):(i = int(column(1)), r = column("requested_bytes"), u = column("usable_bytes"), \
	TRACE[i] = TRACE[i] + u * sqrt(r), r <= SMALL ? (ASKED[i] = ASKED[i] + r, GIVEN[i] = GIVEN[i] + u) : 0, u) nooutput
LARGEST = STATS_max_x

# TWIN[i]: the first allocator with the same staircase (the same weighted sum).
array TWIN[N]
array GROUP[N]
do for [i = 1:N] {
	TWIN[i] = i
	GROUP[i] = name(i)
	do for [k = i - 1:1:-1] { if (TRACE[k] == TRACE[i]) { TWIN[i] = TWIN[k] } }
	if (TWIN[i] != i) { GROUP[TWIN[i]] = GROUP[TWIN[i]].", ".name(i) }
}
BEST = WORST = 0
do for [i = 1:N] {
	if (GIVEN[i] > 0) {
		if (BEST == 0) { BEST = WORST = i }
		if (GIVEN[i] / ASKED[i] < GIVEN[BEST] / ASKED[BEST]) { BEST = i }
		if (GIVEN[i] / ASKED[i] > GIVEN[WORST] / ASKED[WORST]) { WORST = i }
	}
}
if (BEST == 0) { exit status 3 }
