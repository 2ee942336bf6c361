#!/bin/sh
# e2e_compare.sh: `alloclab compare`: what it measures, of programs that know;
# and that a crash, a hang or another output is a row.
set -u
. tests/tap.sh

unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS
make -s --no-print-directory VARIANT=fast all preload \
	build/tests/programs/compare_uses build/tests/programs/record_static \
	>"$dir/out" 2>&1
is "what it needs is built"
uses=build/tests/programs/compare_uses

compare() { # ARGUMENTS...
	"$alloclab" compare --results "$results" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
# A column of a row of programs.csv, by the column's name.
cell() { # PROGRAM ALLOCATOR COLUMN
	awk -F, -v row="$2" -v column="$3" 'NR == 1 {
		for (i = 1; i <= NF; i++) if ($i == column) at = i
		next
	} $2 == row { print $at }' "$results/compare-$1/programs.csv"
}
mib() { echo $(($1 >> 20)); }
between() { [ -n "$1" ] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }

# ---- what is measured ------------------------------------------------------------
compare -a 'slab tcmalloc' --reps 2 -- $uses touch 64
[ $status -eq 0 ] && [ "$(cell compare_uses slab status)" = ok ] &&
	[ "$(cell compare_uses system rounds)" = 2 ]
is "a program under two allocators and by itself"

for row in slab tcmalloc system; do
	between "$(mib "$(cell compare_uses $row peak_resident_bytes)")" 64 70
	is "$row: 64 MiB touched are 64 MiB at the peak"
	between "$(mib "$(cell compare_uses $row mean_resident_bytes)")" 30 68
	is "$row: and most of them in the mean"
	between "$(cell compare_uses $row wall_ns)" 200000000 60000000000
	is "$row: wall time has the pause in it"
	between "$(cell compare_uses $row cpu_ns)" 1 199999999
	is "$row: processor time has not"
	between "$(cell compare_uses $row page_faults)" 16384 20000
	is "$row: a page fault for each page"
done
[ "$(cell compare_uses system wall_ratio)" = 1.0000 ]
is "the ratio to itself is 1"
[ "$(wc -l <"$results/compare-compare_uses/program_runs.csv")" -eq 7 ]
is "program_runs.csv has a row for each run"

compare -a slab --reps 1 --name small -- $uses touch 0
between "$(cell small system peak_resident_bytes)" 500000 2500000
is "a small program's peak is its own, not that of who started it"

compare -a slab --reps 1 --name crew -- $uses crew 64
between "$(mib "$(cell crew system peak_resident_bytes)")" 16 22 &&
	between "$(mib "$(cell crew system tree_peak_resident_bytes)")" 60 76
is "four children of 16 MiB: the largest process, and all together"

compare -a slab --reps 1 --name share -- $uses share 64
between "$(mib "$(cell share system tree_peak_resident_bytes)")" 60 76
is "pages that forked children share count once"

compare -a 'slab first-fit' --reps 0 --name calls -- $uses calls 60000
for row in slab first-fit system; do
	between "$(cell calls $row calls)" 119990 120100
	is "$row: calls are counted"
done
[ "$(cell calls slab is_telling)" = 1 ] && [ -z "$(cell calls slab wall_ns)" ]
is "without rounds there are no times"

compare -a slab --reps 0 --name calls -- $uses calls 40000
[ "$(cell calls slab is_telling)" = 0 ] && grep -q 'a smoke test' "$dir/out"
is "fewer than 100,000 calls are a smoke test"

ALLOCLAB_CONF=slab:wrong=1 ALLOCLAB_STATS_RESIDENT=1 \
	ALLOCLAB_STATS_SIGNAL=1 LD_PRELOAD=$PWD/build/lib/liballoclab-buddy.so \
	"$alloclab" compare --results "$results" -a slab --reps 0 --name environment -- \
	sh -c 'case $LD_PRELOAD$ALLOCLAB_CONF in *buddy* | *wrong*) exit 3 ;; esac' \
	>"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] && [ "$(cell environment slab status)" = ok ] &&
	[ "$(cell environment system number)" = 0 ] &&
	grep -q 'LD_PRELOAD is left out' "$dir/err" &&
	grep -q 'ALLOCLAB_CONF is left out' "$dir/err"
is "what the environment would add to rows is left out, and said"

# ---- services --------------------------------------------------------------------
port=$((20000 + $$ % 10000))
say() { # LINE: a command that says it to the service
	echo "python3 -c 'import socket
s = socket.create_connection((\"127.0.0.1\", $port)); s.sendall(b\"$1\")
print(s.recv(9).decode(), end=\"\")'"
}
knobs=best-fit:split_min=64
compare -a "slab $knobs" --reps 1 --drain 0.3 --ready $port --name service \
	--load "$(say m64); sleep 0.3; $(say f)" \
	--stop "$(say q); sleep 0.3; echo bye" -- \
	$uses serve $port
[ $status -eq 0 ] && [ "$(cell service slab status)" = ok ] &&
	[ "$(cell service system output_bytes)" = 19 ] &&
	[ "$(cell service slab output_bytes)" = 19 ]
is "a service is started, loaded and stopped; what its load says is its output"
between "$(mib "$(cell service system peak_resident_bytes)")" 64 70 &&
	between "$(mib "$(cell service system drained_resident_bytes)")" 0 10
is "its memory is read again when it has drained"
between "$(cell service system wall_ns)" 300000000 60000000000
is "its wall time is that of the load"
grep -q 'mean *drained' "$dir/out" && [ "$(wc -L <"$dir/out")" -le 120 ] &&
	grep -q "^best-fit #1: $knobs\$" "$dir/out" &&
	grep -q '^best-fit #1 *ok' "$dir/out" && [ "$(cell service "$knobs" status)" = ok ]
is "its table, the widest, has lines of 120 columns at most"
compare -a "lib:$PWD/build/lib/liballoclab-slab.so[LOG=/tmp/x]" --reps 0 -- $uses touch 1
grep -q '^lib:liballoclab-s #1: lib:/.*/liballoclab-slab.so\[LOG=/tmp/x\]$' "$dir/out"
is "a long name is short by its library, not by what is set for it"

if command -v redis-server >/dev/null; then
	sed -n '/^    build.alloclab compare --ready/,/^$/p' docs/compare.md |
		sed "s|.*alloclab compare|compare -a slab --reps 1 --drain 0.1 --name redis|
			s/populate 1000000/populate 20000/; s/ 7000/ $port/g" >"$dir/page"
	. "$dir/page"
	[ $status -eq 0 ] && [ "$(cell redis system calls)" -gt 100000 ]
	is "the example of docs/compare.md does what it says"
else
	skip "the example of docs/compare.md" "no redis-server"
fi

compare -a slab --reps 0 --timeout 1 --ready false --load true --name deaf -- \
	sleep 60
[ $status -eq 1 ] && [ "$(cell deaf system status)" = timeout ] &&
	grep -q 'timeout: not ready after 1 s' "$dir/out"
is "a service that is never ready is a row"

fails() { # SENTENCE, of the service by itself
	[ $status -eq 1 ] && [ "$(cell broken system status)" = failed ] &&
		grep -q "broken under system: failed: $1" "$dir/out"
}
compare -a slab --reps 0 --ready true --load 'exit 9' --name broken -- sleep 60
fails 'its load ended with exit status 9'
is "a load that fails is a row"
compare -a slab --reps 0 --ready true --load 'sleep 60' --name broken -- sleep 0.2
fails 'it ended by itself, with exit status 0, before it was stopped'
is "so is a service that ends too early"
compare -a slab --reps 0 --ready true --load true --stop 'exit 4' --drain 0.1 \
	--name broken -- sleep 60
fails 'not over 20 s after its stop command, which ended with exit status 4'
is "and one that does not end"

# ---- what goes wrong is a row ------------------------------------------------------
# Does something else where the slab library is preloaded.
only_slab() { echo "case \$LD_PRELOAD in *-slab.so*) $1 ;; esac; echo end"; }

compare -a 'slab buddy' --reps 1 --name bad -- \
	sh -c "$(only_slab 'echo oh dear >&2; kill -SEGV $$')"
[ $status -eq 1 ] && [ "$(cell bad slab status)" = crash ] &&
	[ "$(cell bad buddy status)" = ok ] &&
	[ "$(cell bad system rounds)" = 1 ] &&
	grep -q 'bad under slab: crash: killed by SIGSEGV; it said last: oh dear' "$dir/out"
is "a crash is a row, with the last words"

compare -a 'slab buddy' --reps 1 --timeout 1 --name bad -- \
	sh -c "$(only_slab 'sleep 60')"
[ $status -eq 1 ] && [ "$(cell bad slab status)" = timeout ] &&
	[ "$(cell bad buddy status)" = ok ]
is "a hang is a row"
grep -q 'bad under slab: not over after 1 s, by itself after [0-9.e-]*; not run again' \
	"$dir/err"
is "and a line at once"

compare -a 'slab buddy' --reps 1 --name bad -- sh -c "$(only_slab 'sleep 60')"
[ $status -eq 0 ] && [ "$(cell bad slab status)" = timeout ] &&
	grep -q 'timeout: not over after 10 s' "$dir/out"
is "without --timeout a short program has ten seconds; slow is not wrong"

compare -a 'slab buddy' --reps 1 --name bad -- sh -c "$(only_slab 'echo more')"
[ $status -eq 1 ] && [ "$(cell bad slab status)" = differs ] &&
	[ "$(cell bad buddy status)" = ok ]
is "another output is a row"

compare -a 'slab buddy' --reps 1 --name bad -- sh -c "$(only_slab 'exit 4')"
[ $status -eq 1 ] && [ "$(cell bad slab status)" = exit ] &&
	[ "$(cell bad slab number)" = 4 ] && [ "$(cell bad buddy status)" = ok ]
is "another exit status is a row"

compare -a 'slab buddy' --reps 1 --name three -- sh -c 'exit 3'
[ $status -eq 0 ] && [ "$(cell three slab status)" = ok ] &&
	grep -q '^three: 1 timed round,' "$dir/out" &&
	grep -q 'By itself it ends with exit status 3' "$dir/out" &&
	grep -q 'It is over in [0-9.]* ms' "$dir/out"
is "a program that fails by itself, or is short, is called so"

compare -a 'slab buddy' --reps 1 --name dies -- sh -c 'kill -SEGV $$'
[ $status -eq 1 ] && [ "$(grep -c '^dies under' "$dir/out")" -eq 2 ] &&
	grep -q '^dies under system: crash: killed by SIGSEGV' "$dir/out" &&
	grep -q '^dies under all others: not-run' "$dir/out"
is "what all rows say is said once"

# Fails from the sixth run on: in the second timed round, under both.
echo 'echo >>"$1.runs"; [ $(wc -l <"$1.runs") -le $2 ] || exit 5' >"$dir/fails"
compare -a slab --reps 2 --name late -- sh "$dir/fails" "$dir/late" 5
[ $status -eq 1 ] && [ "$(cell late slab status)$(cell late system status)" = exitexit ] &&
	grep -q 'late under all: exit: exit status 5, without the library 0' "$dir/out"
is "a program that comes to fail by itself is not held against its last run"

if mkdir "$dir/small" && mount -t tmpfs -o size=1m none "$dir/small" 2>/dev/null; then
	TMPDIR=$dir/small compare -a slab --reps 1 --name flood -- yes
	umount "$dir/small"
	[ $status -eq 1 ] && [ "$(cell flood system status)" = failed ] &&
		grep -q 'flood: 0 timed rounds' "$dir/out" &&
		grep -q 'failed: its output is more than 4 GiB, or than there is room' "$dir/out"
	is "output that there is no room for is not compared"
else
	skip "output that there is no room for is not compared" \
		"needs the right to mount a tmpfs"
fi

# shellcheck disable=SC2016
compare -a slab --reps 1 --name varies -- sh -c 'echo $$'
[ $status -eq 0 ] && [ "$(cell varies slab status)" = ok ] &&
	grep -q 'does not say the same twice' "$dir/out"
is "a program that never says the same twice is not held to it"
# shellcheck disable=SC2016
grep -qF '"command": "alloclab compare --results' "$results/compare-varies/run.json" &&
	grep -qF -- "--name varies -- sh -c 'echo \$\$'\"" "$results/compare-varies/run.json"
is "run.json has the command as a shell reads it"

compare -a slab --reps 1 --name leave -- $uses leave
[ $status -eq 0 ] && [ "$(cell leave slab number)" = 3 ] &&
	! pgrep -f "$uses leave" >/dev/null
is "what a program leaves behind is killed"

compare -a slab --reps 1 --name static -- build/tests/programs/record_static \
	no-such-mode
[ "$(cell static slab status)" = bypasses ] &&
	grep -q 'bypasses: .* is statically linked' "$dir/out"
is "a static program bypasses the library"

cat >"$dir/own.c" <<'C'
#include <stddef.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t size) { used += (size + 15) / 16 * 16; return heap + used; }
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *block, size_t size) { (void)block; return malloc(size); }
int main(void) { return malloc(100) == NULL; }
C
cc -fno-builtin "$dir/own.c" -o "$dir/own"
compare -a slab --reps 1 --name own -- "$dir/own"
[ $status -eq 0 ] && [ "$(cell own slab status)" = bypasses ]
is "so does a program with its own malloc"

printf 'b\na\n' >"$dir/lines"
compare -a slab --reps 0 --name input --input "$dir/lines" -- sort
[ $status -eq 0 ] && [ "$(cell input slab output_bytes)" = 4 ]
is "--input is what it reads"
compare -a slab --reps 0 --name input -- sort <"$dir/lines"
[ $status -eq 0 ] && [ "$(cell input slab output_bytes)" = 4 ]
is "so is a file on stdin, in every run from its beginning"
printf 'bb\naa\n' | "$alloclab" compare --results "$results" -a slab --reps 1 \
	--name input --input - -- sort >"$dir/out" 2>"$dir/err"
[ "$(cell input slab output_bytes)" = 6 ] && [ "$(cell input slab status)" = ok ]
is "and with --input - what is piped in"
echo a | "$alloclab" compare --results "$results" -a slab --reps 0 --name input \
	-- sort >"$dir/out" 2>"$dir/err"
[ "$(cell input slab output_bytes)" = 0 ] && grep -q 'is not read; --input -' "$dir/err"
is "which is otherwise left alone, and that is said"
mkfifo "$dir/fifo"
echo abc >"$dir/fifo" &
compare -a slab --reps 1 --name input --input "$dir/fifo" -- cat
[ "$(cell input slab output_bytes)" = 4 ] && [ "$(cell input slab status)" = ok ]
is "a pipe that is named is read once, for all"
compare -a slab --reps 1 --name input -- cat <&-
[ $status -eq 0 ] && [ "$(cell input slab output_bytes)" = 0 ]
is "of a closed stdin there is nothing to read"

# ---- suites ---------------------------------------------------------------------
suite=$dir/suite
mkdir "$suite"
describe() { # NAME, its text on stdin
	cat >"$suite/$1.program"
}
describe counts <<'SPEC'
; Says what it was given.
[program]
what    = a test
prepare = echo "prepared $SIZE" >file
before  = echo before >>file
run     = cat file
after   = cksum file && rm -f file && echo "prepared $SIZE" >file
short   = 10
full    = 20
SPEC
describe lacks <<'SPEC'
[program]
needs   = false
install = something-else
run     = true
SPEC
describe once <<'SPEC'
[program]
timed   = no
run     = echo "two words" $HERE
SPEC
compare --suite "$suite" --short --reps 1 -a slab --work "$dir/work"
[ $status -eq 0 ] && [ "$(cat "$dir/work/counts-short/file")" = "prepared 10" ] &&
	[ "$(grep -c '^counts,' "$results/programs/programs.csv")" -eq 2 ]
is "a suite prepares its programs and runs each under each"
[ "$(head -n 1 "$dir/err")" = \
	"alloclab: lacks is skipped: this machine lacks something-else" ] &&
	! grep -q '^lacks,' "$results/programs/programs.csv"
is "what the machine lacks is a line, and no row"
[ "$(awk -F, '$1 == "once" && $2 == "slab" { print $4, $8 }' \
	"$results/programs/programs.csv")" = "ok 0" ]
is "a program may be compared and not timed"
compare --suite "$suite" --reps 0 -a slab --work "$dir/work" counts
[ $status -eq 0 ] && [ "$(cat "$dir/work/counts-full/file")" = "prepared 20" ] &&
	! grep -q '^once,' "$results/programs/programs.csv"
is "or only those that are named, with their full inputs"

make -s --no-print-directory VARIANT=fast stress-programs >"$dir/out" 2>&1
compare --suite tests/real_programs --short --reps 2 -a "ptmalloc system" \
	--work "$dir/work" stress-pipe stress-larson
[ $status -eq 0 ] && [ "$(grep -c '^ptmalloc,system,' \
	"$results/programs/pairs.csv")" -eq 6 ] &&
	[ "$(awk -F, '$3 == "peak" && $4 == "all" { print $5, $6, $10 }' \
		"$results/programs/pairs.csv")" = "2 2 1.05" ]
is "pairs.csv has the means of a design by its namesake, and the limits"

# ---- what is refused ----------------------------------------------------------------
refuses() { # NAME MESSAGE ARGUMENTS...
	name=$1 message=$2
	shift 2
	snapshot >"$dir/before"
	compare "$@"
	snapshot >"$dir/after"
	[ $status -eq 2 ] && grep -q -e "$message" "$dir/err" && [ ! -s "$dir/out" ] &&
		cmp -s "$dir/before" "$dir/after"
	is "$name"
}
refuses "results that cannot be written" '/dev/null/none: cannot write' -a slab \
	--results /dev/null/none -- sleep 60
refuses "no such program" 'there is no program "no-such"' -a slab no-such
refuses "no such allocator" 'no allocator is called "slob"' -a slob true
refuses "no program" 'which program' -a slab
refuses "--load without --ready" '--load needs --ready' -a slab --load true true
refuses "--ready without --load" 'go with --load' -a slab --ready true true
refuses "no number of rounds" '--reps takes 0..100' -a slab --reps -1 true
refuses "no such input" '--input ./none: No such file' -a slab --input ./none true
refuses "a name that is a path" 'is no name for results' -a slab --name a/b true

refuses "no such suite" 'No such file' -a slab --suite "$dir/none"
refuses "no such program in it" 'there is no program "nope"' -a slab \
	--suite "$suite" --work "$dir/work" nope
printf '[program]\nrun = true\nspeed = 3\n' | describe bad
refuses "a key that is none" 'bad.program:3: no key is called speed' -a slab \
	--suite "$suite" --work "$dir/work" bad
printf '[program]\nrun = true\nrun = false\n' | describe bad
refuses "a key that is set twice" 'bad.program:3: run is set twice' -a slab \
	--suite "$suite" --work "$dir/work" bad
printf '[program]\nwhat = nothing\n' | describe bad
refuses "no run" 'bad.program: run is missing' -a slab --suite "$suite" \
	--work "$dir/work" bad
printf '[program]\nrun = a | b\n' | describe bad
refuses "a run that is no list of words" 'run is no list of words' -a slab \
	--suite "$suite" --work "$dir/work" bad
printf '[program]\nrun = true\nprepare = false\n' | describe bad
refuses "a prepare that fails" 'bad.program: prepare failed' -a slab \
	--suite "$suite" --work "$dir/work" bad

"$alloclab" compare --results "$results" -a slab --name stopped --reps 50 -- \
	sleep 0.2 >"$dir/out" 2>"$dir/err" &
process=$!
sleep 2
kill -TERM $process # a shell starts what runs beside it with SIGINT ignored
wait $process
status=$?
[ $status -eq 1 ] && [ "$(cell stopped slab status)" = ok ] &&
	[ "$(cell stopped slab rounds)" -lt 50 ] &&
	grep -q '"interrupted": true' "$results/compare-stopped/run.json" &&
	! grep -q 'By itself it ends with' "$dir/out"
is "an interrupted comparison keeps the rounds that are whole"

plan
