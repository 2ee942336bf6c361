#!/bin/sh
# e2e_libs.sh: mallocs of others as rows: those of the machine, those of
# tests/libraries/, each wrong in one way, and the comparison of pairs.
set -u
. tests/tap.sh

unset LD_PRELOAD MALLOC_CONF MALLOC_ARENA_MAX
plain='a=100 b=200 c=calloc(3000) a=realloc(5000) -b -a d=64 -c -d'

build_library() { # NAME; into $dir/NAME.so
	cc -O2 -g -fPIC -shared -fno-builtin -Itests/libraries \
		"tests/libraries/$1.c" -o "$dir/$1.so" || exit 1
}

# A column of a row of summary.csv, by the column's name.
cell() { # WORKLOAD ALLOCATOR COLUMN
	awk -F, -v row="$2" -v column="$3" 'NR == 1 {
		for (i = 1; i <= NF; i++) if ($i == column) at = i
		next
	} $1 == row { print $at }' "$results/$1/summary.csv"
}

# Whether the first line on stderr is this one.
says() { [ "$(head -n 1 "$dir/err")" = "$1" ]; }

# ---- the C library and those that the machine may have ---------------------
run --reps 2 -a 'slab system' "$plain"
{ [ $status -eq 0 ] && [ "$(cell inline system status)" = ok ] &&
	[ -n "$(cell inline system ns_per_op)" ] &&
	[ -n "$(cell inline system peak_resident_bytes)" ] &&
	[ -z "$(cell inline system peak_footprint_bytes)" ]; }
is "system is a row with time and resident memory, and no footprint"

grep -q '^system  *-  *-  *-  *-  *-  *-  *-  *[0-9]' "$dir/out"
is "what a library's row cannot have is a dash in the table"

for name in jemalloc tcmalloc mimalloc; do
	run --reps 2 -a "slab lib:$name" "$plain"
	if grep -q 'is not installed' "$dir/err"; then
		skip "lib:$name is a row" "not installed"
		skip "lib:$name: run.json names the library" "not installed"
		continue
	fi
	{ [ $status -eq 0 ] && [ "$(cell inline "lib:$name" status)" = ok ] &&
		[ -n "$(cell inline "lib:$name" ns_per_op)" ] &&
		[ -n "$(cell inline "lib:$name" peak_resident_bytes)" ]; }
	is "lib:$name is a row"
	{ grep -q "\"path\": \".*/lib$name" "$results/inline/run.json" &&
		grep -q '"version": "[a-z]* *[0-9]' "$results/inline/run.json"; }
	is "lib:$name: run.json names the library"
done

run --reps 1 -a 'slab system' "$plain"
[ "$(grep -c '"disabled": true' "$results/inline/run.json")" = 2 ] &&
	[ "$(grep -A1 '"disabled": true' "$results/inline/run.json" |
		grep -c '"bytes": 0')" = 2 ]
is "transparent huge pages are off for both kinds, as the kernel says"

# ---- libraries of our own ----------------------------------------------------
for name in sound crash hang crash-loading lost-bytes overlap partial \
    environment nothing; do
	build_library $name
done

run --reps 2 -a "slab lib:$dir/sound.so" "$plain"
{ [ $status -eq 0 ] && [ "$(cell inline "lib:$dir/sound.so" status)" = ok ]; }
is "a library by its path is a row"

grep -q '^(empty library, through the adapter)' "$dir/out"
is "the empty library stands beside null"

run --reps 2 -a "slab system" "$plain"
! grep -q 'empty library' "$dir/out"
is "without a preloaded library it does not"

run --quick -a "slab lib:$dir/sound.so" 'a=100 b=aligned(64,100) -a -b'
{ [ $status -eq 1 ] &&
	[ "$(cell inline "lib:$dir/sound.so" status)" = failed ] &&
	[ "$(cell inline "lib:$dir/sound.so" status_event)" = 2 ] &&
	[ "$(cell inline slab status)" = ok ] &&
	grep -q 'does not replace memalign' "$dir/out"; }
is "a library without memalign fails at the first event that needs it"

run --quick -a "slab lib:$dir/crash.so" 'a=100 b=77777 -a -b'
{ [ $status -eq 1 ] && [ "$(cell inline "lib:$dir/crash.so" status)" = crash ] &&
	[ "$(cell inline "lib:$dir/crash.so" status_event)" = 2 ] &&
	[ "$(cell inline slab status)" = ok ]; }
is "a library that crashes is a row, with the event"

run --quick --seconds 0.5 -a "slab lib:$dir/hang.so" 'a=100 b=77777 -a -b'
{ [ $status -eq 1 ] && [ "$(cell inline "lib:$dir/hang.so" status)" = hang ] &&
	[ "$(cell inline "lib:$dir/hang.so" status_event)" = 2 ] &&
	[ "$(cell inline slab status)" = ok ]; }
is "a library that hangs is a row, with the event"

run --quick -a "slab lib:$dir/crash-loading.so" "$plain"
{ [ $status -eq 1 ] &&
	[ "$(cell inline "lib:$dir/crash-loading.so" status)" = crash ] &&
	[ "$(cell inline slab status)" = ok ]; }
is "a library that crashes as it is loaded is a row"

run --quick -a "slab lib:$dir/lost-bytes.so" 'a=100 a=realloc(300) -a'
{ [ $status -eq 1 ] &&
	[ "$(cell inline "lib:$dir/lost-bytes.so" status)" = lost-bytes ] &&
	[ "$(cell inline "lib:$dir/lost-bytes.so" status_event)" = 2 ]; }
is "the oracle looks at a library's blocks, too"

run --quick -a "lib:$dir/overlap.so" 'a=77777 b=77777 -a -b'
{ [ $status -eq 1 ] && [ "$(cell inline "lib:$dir/overlap.so" status)" = overlap ] &&
	[ "$(cell inline "lib:$dir/overlap.so" status_event)" = 2 ]; }
is "and at where they lie"

# ---- resident memory ---------------------------------------------------------
# 1024 blocks of 64 KiB, all live at a time: 64 MiB, every page touched.
awk 'BEGIN { print "alloclab-text 1"
	for (i = 0; i < 1024; i++) print "b" i "=malloc(65536)"
	for (i = 0; i < 1024; i++) print "free(b" i ")" }' >"$dir/64M.trace"
# 2 % and 512 KiB around what was touched; headers may take a page a block.
near() { # BYTES
	awk -v is="$1" -v want=$((64 << 20)) 'BEGIN {
		exit !(is > want * .98 - 2 ^ 19 && is < want * 1.02 + 2 ^ 22 + 2 ^ 19)
	}'
}
run --reps 1 --no-latency -a "slab buddy system lib:$dir/environment.so" \
	"$dir/64M.trace"
for row in slab system "lib:$dir/environment.so"; do
	near "$(cell 64M "$row" peak_resident_bytes)"
	is "resident of 64 MiB touched: $(basename "$row")"
done

# ---- the environment ---------------------------------------------------------
run --reps 1 --no-latency -a "lib:$dir/environment.so
	lib:$dir/environment.so[ROUND=20000]" "$(awk 'BEGIN {
		for (i = 0; i < 200; i++) printf "b%d=100 ", i }')"
small=$(cell inline "lib:$dir/environment.so" peak_resident_bytes)
large=$(cell inline "lib:$dir/environment.so[ROUND=20000]" peak_resident_bytes)
[ "$small" -lt 200000 ] && [ "$large" -gt 3900000 ]
is "a variable in brackets reaches the library, and only that row's"

grep -q '"ROUND=20000"' "$results/inline/run.json"
is "run.json has the environment"

run --quick -a 'system[MALLOC_ARENA_MAX=1][MALLOC_TOP_PAD_=0]' "$plain"
{ [ $status -eq 0 ] && grep -q '"MALLOC_TOP_PAD_=0"' "$results/inline/run.json"; }
is "the C library takes variables, more than one"

# ---- what is refused ---------------------------------------------------------
run_refused -a 'lib:foo' "$plain"
refused "a name that is none" "alloclab: \"lib:foo\": no library is known by \
this name (there are lib:jemalloc, lib:tcmalloc, lib:mimalloc; a file is \
written lib:./name.so)"
run_refused -a 'lib:./none.so' "$plain"
refused "a path that leads nowhere" \
	"alloclab: lib:./none.so: No such file or directory"
run_refused -a 'lib:jemalloc[A=b' "$plain"
refused "brackets that do not close" "alloclab: lib:jemalloc[A=b: a variable \
is written [NAME=value], \"[A=b\" is not"
run_refused -a 'system[A]' "$plain"
refused "a variable without a value" \
	"alloclab: system[A]: [A] should be [NAME=value]"
run_refused -a 'system[LD_PRELOAD=x.so]' "$plain"
refused "the lab's own variable" \
	"alloclab: system[LD_PRELOAD=x.so]: LD_PRELOAD is what the lab sets"
run_refused -a "lib:$dir/nothing.so" "$plain"
{ [ $status -eq 2 ] && grep -q 'is no shared library that replaces malloc' \
	"$dir/err"; }
is "a library that replaces no malloc"
run_refused -a "lib:$dir/partial.so" "$plain"
refused "a library that replaces a part" "alloclab: lib:$dir/partial.so: \
replaces malloc, but not calloc, realloc: blocks would pass between two heaps"

# A library that is not there: in a name space where its file is empty.
so=$(find /usr/lib /usr/local/lib -name libjemalloc.so.2 2>/dev/null | head -n 1)
words="run --results $results --quick -a 'slab lib:jemalloc' '$plain'"
if [ -z "$so" ]; then
	sh -c "$alloclab $words" >"$dir/out" 2>"$dir/err"
	status=$?
elif unshare -rm true 2>/dev/null; then
	unshare -rm sh -c "mount --bind /dev/null $so && $alloclab $words" \
		>"$dir/out" 2>"$dir/err"
	status=$?
else
	status=skip
fi
if [ $status = skip ]; then
	skip "a missing library is a line, and the run goes on" \
		"it is installed, and there are no name spaces"
else
	{ [ "$status" -eq 0 ] && [ "$(cell inline slab status)" = ok ] &&
		says "alloclab: lib:jemalloc: libjemalloc.so.2 is not \
installed; apt install libjemalloc2"; }
	is "a missing library is a line, and the run goes on"
fi

# ---- step and bench ----------------------------------------------------------
"$alloclab" step -a lib:jemalloc "$plain" >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ]
is "the stepper takes no library"

"$alloclab" bench --results "$results" --rounds 2 --workloads 'tiny robson' \
	--pair "slab=lib:$dir/environment.so" --pair 'buddy system' \
	>"$dir/out" 2>"$dir/err"
status=$?
{ [ $status -eq 0 ] && grep -q '^buddy / system ' "$dir/out" &&
	[ "$(grep -c ',all,' "$results/bench/ratios.csv")" = 6 ] &&
	[ "$(wc -l <"$results/bench/repetitions.csv")" = 17 ]; }
is "bench compares pairs: ratios of each and their mean, a row per process"

awk -F, '$4 == "all" && !($6 <= $5 && $5 <= $7 && $5 > 0) { bad = 1 }
	END { exit bad }' "$results/bench/ratios.csv"
is "a ratio lies in its interval"

"$alloclab" bench --results "$results" --rounds 1 --workloads tiny \
	--pair "slab" >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ] && says 'alloclab: --pair takes FIRST=SECOND, two allocators, not "slab"'
is "half a pair is refused"
plan
