#!/bin/sh
# programs.sh - docs/programs.md from what test-programs and bench-programs said.
#
#     docs/programs.sh TEST BENCH >docs/programs.md
set -eu

# What each program is, from its description.
describe() {
	for file in tests/real_programs/*.program; do
		name=$(basename "$file" .program)
		what=$(sed -n 's/^what *= *//p' "$file")
		why=$(sed -n '1s/^; //p' "$file")
		echo "| $name | $what | $why |"
	done
}

cat <<TEXT
# Real programs, with every malloc

Written by \`make readme-programs\`; how it is measured: [compare.md](compare.md).
Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, kernel $(uname -r).

| program | what it does | why it is here |
| --- | --- | --- |
$(describe)

A program that makes fewer than 100,000 calls by itself is a smoke test and in no mean; stress programs are our own
(tests/programs/stress_*.c) and check their data.  Every row has the same output as the program by itself unless it
says something else.  Debian's redis-server links jemalloc: its \`system\` is that one, from the first call on.

## Every allocator of the lab, short inputs

$(sed 's/^\(.\)/    \1/' "$1")

## The designs, beside the libraries that they are made after

$(sed 's/^\(.\)/    \1/' "$2")
TEXT
