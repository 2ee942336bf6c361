# When was the last event of each window of the searches?
#
#     awk -f csv.awk -f moments.awk RESULTS/timeline.csv RESULTS/searches.csv
#
# Prints the second file with a last column time_ns, the recorded time of
# event_to, or of the sample of the timeline before it.

FNR == 1 {
	file++
	event = column_of(file == 1 ? "event" : "event_to", $0)
	time = column_of("time_ns", $0)
	if (file == 2)
		print $0 ",time_ns"
	next
}
file == 1 {
	at[field_at(event, $0)] = field_at(time, $0)
	next
}
{
	when = field_at(event, $0)
	while (when > 0 && !(when in at))
		when--
	print $0 "," (when > 0 ? at[when] : 0)
}
