# Which colour, dash, marker and hatch has each allocator of a run?
#
#     awk -f csv.awk -f palette.awk palette.csv RESULTS/summary.csv
#
# Prints name, colour, dash, marker and hatch, separated by tabs, one line per
# allocator in the order of summary.csv.  A name that palette.csv knows always has its row.  Any other
# (`first-fit:order=lifo`, `./mine.c`) takes the row `other` that its letters
# sum up to, or the next one that the run has not used yet.  gnuplot and Python
# both ask here, so that an allocator looks the same in every chart.

function letter_sum(name,    i, sum) {
	for (i = 1; i <= length(name); i++)
		sum += i * index(LETTERS, substr(name, i, 1))
	return sum
}

function other_style(name,    slot, tries) {
	slot = letter_sum(name) % others
	for (tries = 0; tries < others && (slot in used); tries++)
		slot = (slot + 1) % others
	used[slot] = 1
	return other[slot]
}

BEGIN {
	LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_=:./,"
	LETTERS = LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
}
NR == 1 {
	next
}
FNR == NR {
	name = field_at(1, $0)
	if (name == "other")
		other[others++] = rest
	else
		style[name] = rest
	next
}
FNR == 1 {
	position = column_of("allocator", $0)
	next
}
{
	name = field_at(position, $0)
	if (name == "" || name in seen)
		next
	seen[name] = 1
	look = (name in style) ? style[name] : other_style(name)
	gsub(/,/, "\t", look)
	print name "\t" look
}
