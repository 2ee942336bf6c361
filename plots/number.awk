# Which allocator of the run, by number, does each row belong to?
#
#     awk -f csv.awk -f number.awk RESULTS/summary.csv RESULTS/searches.csv
#
# Prints the second file with the number of the allocator, its place in
# summary.csv, instead of the name: gnuplot takes numbers better than names,
# which may hold commas.  -v only=malloc keeps the rows whose second column
# says so.  `allocator` must be the first column of both.

FNR == 1 {
	file++
	if (file == 2)
		print
	next
}
file == 1 {
	name = field_at(1, $0)
	if (!(name in number))
		number[name] = ++count
	next
}
{
	name = field_at(1, $0)
	if (name in number && (only == "" || index(rest, only ",") == 1))
		print number[name] "," rest
}
