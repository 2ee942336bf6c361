# tap.awk: one line per test program, and in full what a failed test printed.
#
# Variables: name, status (exit status), limit (seconds it was given).

# A program may run several groups of tests, each with a plan of its own.
/^1\.\.[0-9]+/ { planned += substr($1, 4); has_plan = 1; next }

/^ok / {
	if ($0 ~ /# *[Ss][Kk][Ii][Pp]/) {
		skipped++
		sub(/^ok [0-9]* *-? */, "")
		notes = notes "    skipped: " $0 "\n"
	} else
		passed++
	said = ""
	next
}

# cmocka writes the place of a failure below its line, other programs above.
/^not ok / {
	failed++
	sub(/^not ok [0-9]* *-? */, "")
	notes = notes "    FAILED: " $0 "\n" said
	said = ""
	below = 1
	next
}

/^#/ && below { notes = notes "        " $0 "\n"; next }

{ below = 0; if ($0 != "") said = said "        " $0 "\n" }

END {
	ran = passed + failed + skipped
	if (status == 124 || status == 137)
		wrong = "stopped after " limit " s"
	else if (status > 128)
		wrong = "killed by signal " (status - 128)
	else if (!has_plan)
		wrong = "no plan (1..N), exit status " status
	else if (ran != planned)
		wrong = "only " ran " of " planned " tests ran, exit status " status
	else if (status != 0 && failed == 0)
		wrong = "exit status " status
	if (wrong != "") {
		failed++
		notes = notes "    FAILED: " wrong " (after test " ran ")\n" said
	}
	printf "%s%-36s %d passed, %d failed, %d skipped\n", notes, name, \
		passed, failed, skipped
}
