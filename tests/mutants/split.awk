# split.awk: one folder per paragraph of tests/mutants/*.txt, one file per field.

function close_all() {
	if (dir == "")
		return
	for (f in open) close(f)
	split("", open)
	dir = ""
}

function put(field, text) {
	print text > (dir "/" field)
	open[dir "/" field] = 1
}

FNR == 1 {
	close_all()
	group = FILENAME
	sub(/^.*\//, "", group)
	sub(/\.txt$/, "", group)
	count = 0
}

/^#/ { next }
/^$/ { close_all(); next }

$1 == "mutant" {
	close_all()
	dir = sprintf("%s/%s-%02d", out, group, ++count)
	system("mkdir -p " dir)
	printf "" > (dir "/old")
	printf "" > (dir "/new")
	open[dir "/old"] = open[dir "/new"] = 1
}

/^-/ { put("old", substr($0, 2)); next }
/^\+/ { put("new", substr($0, 2)); next }

$1 ~ /^(mutant|file|run|expect)$/ && dir != "" {
	field = $1
	sub(/^[a-z]+[ \t]+/, "")
	put(field, $0)
	next
}

{
	print FILENAME ":" FNR ": not understood: " $0 > "/dev/stderr"
	exit 2
}
