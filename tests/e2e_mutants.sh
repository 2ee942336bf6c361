#!/bin/sh
# e2e_mutants.sh: do the tests bite?  Breaks one line of the lab at a time and
# requires that the tests say so.  `make mutants` runs it alone.
#
# The mutants are listed in tests/mutants/*.txt, a paragraph each:
#
#     mutant  what is broken, in words
#     file    the source file that is changed
#     run     the test program, and which of its tests (a pattern; all: *)
#     expect  what the failing test must print: the broken invariant, a message
#     -       the lines of the file to replace, which must occur once
#     +       what stands there instead (none: they are deleted)
#
# A copy of the file is changed and compiled, and linked with the checked build
# of everything else.  All of it stays in build/mutants/.  MUTANTS='fit-0*' tries
# those only.
set -u
out=build/mutants
build=build/checked

say() { echo "$2" >"$1/verdict"; }

try_one() {
	dir=$1
	file=$(cat "$dir/file")
	run=$(cat "$dir/run")
	program=${run%% *}
	if ! awk -v from="$dir/old" -v to="$dir/new" \
		-f tests/mutants/replace.awk "$file" >"$dir/mutant.c"; then
		say "$dir" "not ok - the lines to replace do not occur once in $file"
		return
	fi
	if ! $MUTANT_CC $MUTANT_CFLAGS -w -iquote "$(dirname "$file")" \
		-c "$dir/mutant.c" -o "$dir/mutant.o" 2>"$dir/output" ||
		! $MUTANT_CC $MUTANT_CFLAGS "$build/tests/$program.o" $MUTANT_SUPPORT \
			"$dir/mutant.o" "$build/liblab.a" -o "$dir/test" -lcmocka \
			$MUTANT_LIBS 2>"$dir/output"; then
		say "$dir" "not ok - does not compile, see $dir/output"
		return
	fi
	CONTRACT=quick CMOCKA_MESSAGE_OUTPUT=STDOUT TEST_FILTER=${run#* } \
		timeout -k 5 60 "$dir/test" >"$dir/output" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		say "$dir" "not ok - SURVIVED: $run"
	elif ! grep -qF -- "$(cat "$dir/expect")" "$dir/output"; then
		say "$dir" "not ok - failed (status $status) without saying \"$(cat "$dir/expect")\", see $dir/output"
	else
		say "$dir" "ok - \"$(cat "$dir/expect")\""
	fi
}

if [ "${1:-}" = --one ]; then
	try_one "$2"
	exit 0
fi
rm -rf "$out"
mkdir -p "$out"
awk -v out="$out" -f tests/mutants/split.awk tests/mutants/*.txt || exit 2
eval "$(make -s --no-print-directory -j1 VARIANT=checked print-build)"
export MUTANT_CC MUTANT_CFLAGS MUTANT_SUPPORT MUTANT_LIBS
for dir in "$out"/*/; do
	case $(basename "$dir") in ${MUTANTS:-*}) ;; *) rm -r "$dir" ;; esac
done
printf '%s\n' "$out"/*/ | sed 's,/$,,' | xargs -n 1 -P "${JOBS:-2}" "$0" --one

number=0
failed=0
for dir in "$out"/*/; do
	number=$((number + 1))
	verdict=$(cat "${dir}verdict" 2>/dev/null || echo "not ok - no verdict")
	case $verdict in ok*) word=ok ;; *) word='not ok' failed=$((failed + 1)) ;; esac
	echo "$word $number - $(basename "$dir"): $(cat "${dir}mutant"): ${verdict#*ok - }"
done
echo "1..$number"
[ "$failed" = 0 ]
