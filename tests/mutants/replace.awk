# replace.awk: prints a file with the lines of `from` replaced by those of `to`;
# exit status 1 unless they occur exactly once.

function slurp(name,    text, line) {
	text = "\n"
	while ((getline line < name) > 0)
		text = text line "\n"
	return text
}

{ all = all "\n" $0 }

END {
	all = all "\n"
	old = slurp(from)
	new = slurp(to)
	at = index(all, old)
	if (old == "\n" || at == 0 || index(substr(all, at + 1), old) > 0)
		exit 1
	all = substr(all, 1, at - 1) new substr(all, at + length(old))
	printf "%s", substr(all, 2)
}
