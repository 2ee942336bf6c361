#!/bin/sh
# e2e_preload_mutants.sh: do the programs of e2e_preload.sh bite?  Breaks a line of
# harness/preload/ at a time, links one library anew and runs one program.
#
# The mutants are listed in tests/mutants/preload/, as in e2e_mutants.sh, but
#
#     run     the library, a program of tests/programs/ and its arguments
#     expect  "fails": it must not end well; "no LINE": the report at exit must
#             lack that line, which it has when nothing is broken
#
# A program that hangs fails, too: each has a time limit.  What a mutant does may
# depend on how threads meet, so it has a few attempts.
set -u
out=build/preload-mutants
patience=100 # seconds for what is sound, and takes one or two
limit=20 # for a mutant, which may hang
attempts=5
unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS ALLOCLAB_STATS_SIGNAL

# Compiles $dir/mutant.c, links it with the rest of the library: $dir/mutant.so.
build_mutant() { # LIBRARY
	case $1 in
	ptmalloc | tcmalloc | jemalloc) calls=${1}_allocator ;;
	*) calls=locked_calls ;;
	esac
	object=build/preload/$1/$(basename "$file" .c).o
	# shellcheck disable=SC2086
	others=$(printf '%s\n' "build/preload/$1"/*.o \
		"build/preload/allocators/$1"/*.o $PRELOAD_COMMON |
		grep -vxF "$object")
	# shellcheck disable=SC2086
	$PRELOAD_CC -w -iquote "$(dirname "$file")" -DPRELOAD_NAME="\"$1\"" \
		-DPRELOAD_ALLOCATOR="${1}_allocator" -DPRELOAD_CALLS="$calls" \
		-c "$dir/mutant.c" -o "$dir/mutant.o" &&
		$PRELOAD_CC $PRELOAD_LINK "$dir/mutant.o" $others -o "$dir/mutant.so"
}

# Whether one run of the program shows that something is broken.
shows() { # SECONDS LIBRARY PROGRAM ARGUMENTS...
	seconds=$1 library=$2
	shift 2
	rm -f "$dir/report"
	ALLOCLAB_STATS=$dir/report timeout -k 1 "$seconds" \
		env LD_PRELOAD="$library" "build/tests/programs/$@" \
		>"$dir/output" 2>&1 </dev/null
	status=$?
	case $expect in
	fails) [ $status -ne 0 ] ;;
	no\ *) ! grep -qxF -- "${expect#no }" "$dir/report" ;;
	esac
}

is_caught() { # LIBRARY PROGRAM ARGUMENTS...
	for attempt in $(seq $attempts); do
		if shows $limit "$@"; then
			return 0
		fi
	done
	return 1
}

try_one() {
	file=$(cat "$dir/file")
	expect=$(cat "$dir/expect")
	# shellcheck disable=SC2046
	set -- $(cat "$dir/run")
	sound=$PWD/build/lib/liballoclab-$1.so
	if ! awk -v from="$dir/old" -v to="$dir/new" \
		-f tests/mutants/replace.awk "$file" >"$dir/mutant.c"; then
		echo "not ok $number - the lines to replace do not occur once in $file"
	elif ! build_mutant "$1" >"$dir/output" 2>&1; then
		echo "not ok $number - does not compile, see $dir/output"
	elif shift && shows $patience "$sound" "$@"; then
		echo "not ok $number - shown by the sound library, too: $*"
	elif is_caught "$PWD/$dir/mutant.so" "$@"; then
		echo "ok $number - $(cat "$dir/mutant")"
	else
		echo "not ok $number - SURVIVED $*: $(cat "$dir/mutant")"
	fi
}

rm -rf "$out"
mkdir -p "$out"
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs the tests
make -s --no-print-directory VARIANT=fast preload preload-programs >"$out/log" 2>&1
eval "$(make -s --no-print-directory VARIANT=fast preload-print)"
awk -v out="$out" -f tests/mutants/split.awk tests/mutants/preload/*.txt || exit 2
number=0
for dir in "$out"/*/; do
	dir=${dir%/}
	number=$((number + 1))
	try_one
done
echo "1..$number"
