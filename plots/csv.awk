# The fields of a CSV line, for the other awk scripts: set `rest` to the line,
# then take one field after the other.

# Cuts the next field off `rest` and returns it without its quotes.
function next_field(    field, end) {
	if (substr(rest, 1, 1) == "\"") {
		match(rest, /^"([^"]|"")*"/)
		field = substr(rest, 2, RLENGTH - 2)
		gsub(/""/, "\"", field)
		end = RLENGTH + 1
	} else {
		end = index(rest ",", ",")
		field = substr(rest, 1, end - 1)
	}
	rest = substr(rest, end + 1)
	return field
}

# The position of the column called `name` in the header line, from 1.
function column_of(name, line,    position) {
	rest = line
	for (position = 1; rest != ""; position++)
		if (next_field() == name)
			return position
	return 0
}

# Field number `position` of the line; `rest` is what follows it.
function field_at(position, line,    field) {
	rest = line
	while (position-- > 0)
		field = next_field()
	return field
}
