#!/bin/sh
# e2e_plugins.sh: allocators that are not built in, good ones and those of
# tests/plugins/, each wrong in one way: the exit status, the message, its row,
# and the row of the neighbour.
set -u
lab=build/alloclab
out=build/plugin-test
number=0
failed=0
rm -rf "$out" build/plugins/*.so
mkdir -p "$out"

verdict() { # ok|not name
	number=$((number + 1))
	case $1 in ok) echo "ok $number - $2" ;; *)
		echo "not ok $number - $2"
		sed 's/^/# /' "$out/stdout" "$out/stderr"
		failed=$((failed + 1)) ;;
	esac
}

check() { # name, then a command that must succeed
	name=$1
	shift
	if "$@"; then verdict ok "$name"; else verdict not "$name"; fi
}

run() { # allocators, workload, options...
	words=$1 workload=$2
	shift 2
	$lab run --quick --results "$out/results" -a "$words" "$workload" "$@" \
		>"$out/stdout" 2>"$out/stderr"
	status=$?
}

# The status column of an allocator; the sentence of run.json.
row() { # allocator, status
	grep -q "^$1,$2," "$out/results/inline/summary.csv"
}
says() { grep -qF -- "$1" "$out/stdout" "$out/stderr"; }

eight='b1=40 b2=40 b3=40 b4=40 b5=40 b6=40 b7=40 b8=40
	-b1 -b2 -b3 -b4 -b5 -b6 -b7 -b8'

# misbehaves FILE STATUS SENTENCE...: a row with the status and the sentences;
# bump's row is as ever.
misbehaves() {
	plugin=./tests/plugins/$1.c word=$2
	shift 2
	run "bump $plugin" "$eight" --seconds 2
	good=$([ $status = 1 ] && row "$plugin" "$word" && row bump ok && echo yes)
	for sentence in "$@"; do
		says "$sentence" && grep -qF -- "$sentence" \
			"$out/results/inline/run.json" || good=
	done
	[ "$good" = yes ] && verdict ok "$plugin: $word" ||
		verdict not "$plugin: $word"
}

# refused FILE SENTENCE: no run at all.
refused() {
	rm -rf "$out/results/inline"
	run "bump $1" "$eight"
	[ $status = 2 ] && [ ! -e "$out/results/inline" ] && says "$2" &&
		verdict ok "refused: $1" || verdict not "refused: $1"
}

# ---- good ones --------------------------------------------------------------
template=./allocators/template/template.c
run "bump $template" "$eight"
check "the template is a row" test $status = 0
check "and it is well" row "$template" ok
check "a knob of a plug-in is part of its name" sh -c "
	$lab run --quick --results $out/results -a '$template:growth=64K' '$eight' \
		>$out/stdout 2>$out/stderr &&
	grep -q '^$template:growth=64K,ok,' $out/results/inline/summary.csv"
refused "$template:growth=3" 'growth'
refused "$template:colour=3" 'colour'

# Copied under another name, as a student does, and as a shared object.
cp allocators/template/template.c "$out/my-heap.c"
run "./$out/my-heap.c" "$eight"
check "a copy runs as it is" test $status = 0
sed 's/plugin_allocator/my_heap_allocator/' allocators/template/template.c \
	>"$out/my-heap.c"
run "./$out/my-heap.c" "$eight"
check "or with a symbol of its own" test $status = 0
${CC:-cc} -std=gnu11 -O2 -fPIC -shared -I. "$out/my-heap.c" -o "$out/my-heap.so"
run "./$out/my-heap.so bump" "$eight"
check "a shared object is a row" row "./$out/my-heap.so" ok

# $CC, as a shell splits it; what a shell would run in it does not run.
saved=${CC:-cc}
export CC="env 'CCACHE_DISABLE=1' $saved"
run "$template" "$eight"
check "the compiler may be several words" test $status = 0
for CC in "\"$saved" "\$(touch $out/ran)" "$saved; touch $out/ran"; do
	refused "$template" "CC=$CC is not a command"
done
check "and no command in them runs" test ! -e "$out/ran"
CC=$saved

run "./tests/plugins/same-names.c" "$eight"
check "its own functions come before ours" test $status = 0

CONTRACT_ALLOCATOR=$template CMOCKA_MESSAGE_OUTPUT=TAP \
	build/checked/tests/test_contract >"$out/stdout" 2>"$out/stderr"
check "the template passes the contract" test $? = 0
check "all of it" sh -c "[ \$(grep -c '^ok' $out/stdout) -gt 50 ]"
CONTRACT_ALLOCATOR=./tests/plugins/misaligned.c \
	TEST_FILTER='*every size*' build/checked/tests/test_contract \
	>"$out/stdout" 2>"$out/stderr"
check "and a misaligned one does not" test $? != 0

# ---- CS:APP -----------------------------------------------------------------
for mm in mm8 mm16; do
	run "first-fit ./tests/plugins/$mm.c" churn --paranoid
	check "$mm.c runs unchanged" test $status = 0
	check "$mm.c: headers are not told from holes" awk -F, '
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
		/mm/ { good = $column["status"] == "ok" &&
			$column["metadata_bytes"] == 0 && $column["free_bytes"] > 0 &&
			$column["requested_bytes"] + $column["free_bytes"] == \
			$column["peak_footprint_bytes"] }
		END { exit !good }' "$out/results/churn/summary.csv"
done
run "./tests/plugins/mm8.c ./tests/plugins/mm16.c" 'a=aligned(4096,100)
	b=aligned(64,200) c=calloc(300) a:5000 -b d=aligned(1024,10) d:20 -c -a'
check "alignment beyond their own" test $status = 0
$lab run --reps 1 --no-latency --results "$out/results" \
	-a ./tests/plugins/mm8.c "$eight" >"$out/stdout" 2>"$out/stderr"
check "they are timed, too" awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
	END { exit !($column["ns_per_op"] > 0) }' "$out/results/inline/summary.csv"
$lab step -a ./tests/plugins/mm8.c 'a=100 b=40 -a c=60' >"$out/stdout" \
	2>"$out/stderr"
check "they can be stepped" diff tests/golden/step-mm8.txt "$out/stdout"
refused ./tests/plugins/mm-incomplete.c 'not all of mm_malloc, mm_free and mm_realloc'
misbehaves mm-refuses failed 'create: '

# ---- each wrong in one way --------------------------------------------------
misbehaves crash crash 'killed by signal 11' 'history: malloc(40) at event 7'
misbehaves hang hang 'not finished after 2 s' 'history: malloc(40) at event 7'
misbehaves overlap overlap 'overlaps the live block of 48 bytes' \
	'history: malloc(40) at event 6'
misbehaves lost-byte lost-bytes 'byte 3 of the 40-byte block' \
	'malloc(40) at event 6, free at event 14'
misbehaves leak leak '4096 bytes are still held after destroy()'
misbehaves misaligned misaligned 'is not a multiple of 16'
misbehaves failing-assert stopped 'I5: seven is too many' 'at event 7'
misbehaves broken-check broken-heap 'I9: nothing is ever right'

refused ./tests/plugins/no-compile.c 'it does not compile'
refused ./tests/plugins/undefined.c 'undefined symbol: somebody_elses_function'
refused ./tests/plugins/no-symbol.c 'exports neither no_symbol_allocator nor plugin_allocator'
refused ./tests/plugins/hole-in-vtable.c 'the allocator has no .realloc'
refused ./tests/plugins/crash-loading.c 'killed by signal 11 (Segmentation fault) while loading'
refused ./tests/plugins/exit-loading.c 'ended the process while loading, with status 0'
refused ./tests/plugins/hang-loading.c 'not loaded after 5 s'
refused ./tests/plugins/nowhere.c 'No such file'
refused ./tests/plugins/nowhere.so 'cannot be loaded'
refused ./tests/plugins 'a plug-in ends in .c or .so'

check "nothing is left in build/plugins" sh -c '! ls build/plugins/*.so 2>/dev/null'

# ---- stepping a broken one ---------------------------------------------------
$lab step -a ./tests/plugins/crash.c "$eight" >"$out/stdout" 2>"$out/stderr"
check "step ends with the crash" test $? = 1
check "with the event, why, and the signal" diff tests/golden/step-crash.txt \
	"$out/stdout"

echo "1..$number"
[ $failed = 0 ]
