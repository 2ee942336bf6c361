#!/bin/sh
# e2e_gen.sh: `alloclab gen` as a user meets it: exit status, what goes where,
# and that a bad spec leaves no file and no half of one.  TAP on stdout.
set -u
gen="build/alloclab gen"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tests=0

# is NAME STATUS: passes if the last command's status was 0.
is() {
	tests=$((tests + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
	fi
}

$gen --text workloads/tiny.ini >"$dir/direct.txt"
is "text goes to standard output" $?
$gen --text -o "$dir/file.txt" workloads/tiny.ini
cmp -s "$dir/direct.txt" "$dir/file.txt"
is "and the same text to a file" $?

echo kept >"$dir/log"
$gen --text workloads/tiny.ini >>"$dir/log"
[ "$(head -n 1 "$dir/log")" = kept ]
is "what was in the file behind standard output stays" $?

$gen -o "$dir/tiny.trace" workloads/tiny.ini &&
	build/alloclab info "$dir/tiny.trace" | grep -q "seed 8"
is "a binary trace says how it was made" $?

$gen --seed 6 --text workloads/tiny.ini >"$dir/six.txt"
$gen --set seed=6 --text workloads/tiny.ini | cmp -s - "$dir/six.txt" &&
	! cmp -s "$dir/direct.txt" "$dir/six.txt"
is "--seed is --set seed=, and matters" $?

printf '[workload]\n[phase p]\noperations = 5\nsize = uniform min=3\n' \
	>"$dir/bad.ini"
echo precious >"$dir/out"
$gen -o "$dir/out" "$dir/bad.ini" >"$dir/stdout" 2>"$dir/stderr"
[ $? -eq 2 ]
is "a bad spec is exit status 2" $?
[ "$(cat "$dir/stderr")" = \
	"alloclab gen: $dir/bad.ini:4: size: uniform lacks max=" ]
is "with file, line and reason" $?
[ "$(cat "$dir/out")" = precious ] && [ ! -s "$dir/stdout" ] &&
	[ "$(ls "$dir" | wc -l)" -eq 9 ]
is "and nothing written, whole or half" $?

$gen >/dev/null 2>&1
[ $? -eq 2 ]
is "no spec is bad usage" $?
$gen -o "$dir/x" workloads/tiny.ini workloads/lifo.ini >/dev/null 2>&1
[ $? -eq 2 ]
is "two specs into one file are bad usage" $?
$gen --keys | grep -q '^bursts_open = '
is "--keys lists the keys" $?
$gen --text workloads/tiny.ini >/dev/full 2>"$dir/full"
[ $? -eq 2 ] && grep -q "No space left" "$dir/full"
is "a full device is reported" $?

echo "1..$tests"
