#!/bin/sh
# e2e_instructions.sh: how many instructions a malloc and a free cost that a
# thread's cache answers, counted under callgrind: the same number in every run.
#
# tests/instructions/warm_calls.c makes those of warm.h, in the fast build.  What its
# loops cost is known from calls of two functions that return at once, and is
# taken off; `ret` is counted, and what a cache does every so many calls is
# shared out among them.  Limits are for each of four sizes, per call.
#
# Preloaded, the same calls of a program (warm_program.c) may cost PRELOAD_MORE
# instructions more: reading the thread's handle, and the way there.
set -u

# allocator                malloc  free; none: for comparison
limits() {
	cat <<-'LIMITS'
		ptmalloc               20 26
		tcmalloc               20 26
		tcmalloc:page_map=3    20 30
		jemalloc               20 26
		bump
		best-fit
		buddy
		slab
		pool:object=1024
	LIMITS
}

calls=1000 # of each function, as in warm.h
PRELOAD_MORE=4
out=build/instructions
program=build/tests/warm_calls
preloaded=build/tests/warm_program
number=0
failed=0

ok() {
	number=$((number + 1))
	echo "ok $number - $1"
}
not_ok() {
	number=$((number + 1))
	failed=$((failed + 1))
	echo "not ok $number - $1"
}

# "mallocs_8 12345" and so on, eight lines: instructions in each function and
# below it.
count() { # PROGRAM ARGUMENT [LIBRARY]
	LD_PRELOAD=${3:-} valgrind --tool=callgrind \
		--callgrind-out-file="$out/calls" \
		--toggle-collect='mallocs_*' --toggle-collect='frees_*' \
		"$1" "$2" >"$out/log" 2>&1 || return 1
	callgrind_annotate --auto=no --inclusive=yes --threshold=100 "$out/calls" |
		awk 'match($0, /:(mallocs|frees)_[0-9]+/) {
			name = substr($0, RSTART + 1, RLENGTH - 1)
			gsub(/,/, "", $1)
			if (name in told) next # once by path, once by name
			told[name] = 1
			print name, $1
			lines++
		}
		END { exit lines != 8 }'
}

# Instructions per call: "malloc a b c d free a b c d", sizes rising.
per_call() { # as count
	count "$@" >"$out/some" || return 1
	awk -v calls=$calls '
		NR == FNR { nothing[$1] = $2; next }
		{ some[$1] = $2 }
		# What returns at once is xor and ret, or ret alone.
		function one(name, least) {
			return sprintf("%.1f",
			    (some[name] - nothing[name]) / calls + least)
		}
		END {
			print "malloc", one("mallocs_8", 2), one("mallocs_64", 2),
			    one("mallocs_200", 2), one("mallocs_1024", 2),
			    "free", one("frees_8", 1), one("frees_64", 1),
			    one("frees_200", 1), one("frees_1024", 1)
		}' "$out/nothing-$(basename "$1")" "$out/some"
}

# Whether all of four numbers are within a limit.
within() {
	echo "$2 $3 $4 $5" | awk -v limit="$1" '{
		for (i = 1; i <= NF; i++) if ($i > limit) exit 1 }'
}

# allocator, limits (or none), then what per_call printed
judge() {
	if [ -n "$3" ] && within "$2" "$5" "$6" "$7" "$8" &&
	    within "$3" "${10}" "${11}" "${12}" "${13}"; then
		ok "$1: at most $2 a malloc and $3 a free"
	elif [ -n "$3" ]; then
		not_ok "$1: at most $2 a malloc and $3 a free"
	fi
	row "$1" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "${11}" "${12}" "${13}"
}

# allocator, then what per_call printed
row() {
	printf '# %-20s %7s %6s %6s %6s  %7s %6s %6s %6s\n' \
		"$1" "$3" "$4" "$5" "$6" "$8" "$9" "${10}" "${11}"
}

# allocator; whether its library costs little more than its calls do, which
# per_call printed to $out/ALLOCATOR.  Where a cache does something every so many
# calls, the number is a fraction.
judge_preloaded() {
	library=$PWD/build/lib/liballoclab-$1.so
	counts=$(per_call "$preloaded" malloc "$library") || counts=
	# shellcheck disable=SC2086
	row "$1.so" $counts
	echo "$counts" | cat "$out/$1" - | awk -v most=$PRELOAD_MORE '
		NR == 1 { split($0, direct) }
		NR == 2 && NF == 10 {
			whole = 1
			for (i = 1; i <= NF; i++)
				if (i != 1 && i != 6 && $i - direct[i] > most)
					whole = 0
		}
		END { exit !whole }'
}

for tool in valgrind callgrind_annotate; do
	if ! command -v $tool >/dev/null; then
		echo "1..1"
		echo "ok 1 - instructions of warm calls # SKIP there is no $tool"
		exit 0
	fi
done
mkdir -p "$out"
if ! make -s --no-print-directory VARIANT=fast $program $preloaded \
	preload >"$out/log" 2>&1; then
	echo "1..1"
	echo "not ok 1 - $program, $preloaded and the libraries are built"
	exit 1
fi
if ! count $program nothing >"$out/nothing-warm_calls" ||
	! count $preloaded nothing >"$out/nothing-warm_program"; then
	echo "1..1"
	echo "not ok 1 - callgrind counts: $(tail -1 "$out/log")"
	exit 1
fi
printf '# %-20s %28s  %28s\n' "" "malloc of 8, 64, 200, 1024 B" "free"
limits >"$out/limits"
while read -r name malloc free; do
	if ! $program "$name" 2>"$out/why"; then
		number=$((number + 1))
		echo "ok $number - $name # SKIP $(cat "$out/why")"
	elif counts=$(per_call $program "$name"); then
		echo "$counts" >"$out/$name"
		# shellcheck disable=SC2086
		judge "$name" "${malloc:-}" "${free:-}" $counts
	else
		not_ok "$name: $(tail -1 "$out/log")"
	fi
done <"$out/limits"
for name in ptmalloc tcmalloc jemalloc; do
	if judge_preloaded $name; then
		ok "$name.so: at most $PRELOAD_MORE instructions more than $name"
	else
		not_ok "$name.so: at most $PRELOAD_MORE instructions more than $name"
	fi
done
echo "1..$number"
[ "$failed" = 0 ]
