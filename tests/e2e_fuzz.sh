#!/bin/sh
# e2e_fuzz.sh - each fuzz target for a few seconds, where clang can build them.
set -u
cd "$(dirname "$0")/.."
SECONDS_EACH=${FUZZ_SECONDS:-6}
targets=$(ls tests/fuzz/fuzz_*.c | sed 's,^tests/,build/fuzz/tests/,; s,\.c$,,')
echo "1..$(echo "$targets" | wc -l)"

can_fuzz() {
	mkdir -p build
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		clang -fsanitize=fuzzer,address -x c - -o build/can-fuzz 2>/dev/null
}

number=0
reason=
if ! can_fuzz; then
	reason="no clang with libFuzzer; apt-get install clang libclang-rt-dev"
elif ! make --no-print-directory VARIANT=fuzz CC=clang fuzzers-built \
	>build/fuzz.log 2>&1; then
	sed 's/^/# /' build/fuzz.log
	echo "Bail out! the fuzz targets do not build"
	exit 1
fi
for target in $targets; do
	number=$((number + 1))
	name=$(basename "$target")
	if [ -n "$reason" ]; then
		echo "ok $number - $name # SKIP $reason"
	elif tests/fuzz/run.sh "$SECONDS_EACH" "$target" | sed 's/^/# /' |
		grep "none broke it"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		tail -n 40 "build/fuzz/$name.log" | sed 's/^/# /'
	fi
done
