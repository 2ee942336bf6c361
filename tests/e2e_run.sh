#!/bin/bash
# e2e_run.sh: `alloclab run` from its command line, as far as it refuses or is
# stopped: exit status, the message, and that results are whole or untouched.
# What a good run writes is for e2e_results.py.  TAP on stdout.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

# ---- bad usage -----------------------------------------------------------
run --quick -a first-fit tiny
[ $status -eq 0 ] && [ -f "$results/tiny/summary.csv" ]
is "a quick run of one allocator: exit status 0, and results"
[ "$(cat "$dir/err")" = "alloclab: results are in $results/tiny/" ] &&
	grep -q '^first-fit ' "$dir/out"
is "the table on stdout, where the results are on stderr"

run --reps 1 -a 'first-fit slab' tiny
[ $status -eq 0 ] && grep -q '^first-fit ' "$dir/out" &&
	! grep -qE '[0-9]\.[0-9]\.\.[0-9]' "$dir/out"
is "one repetition has no interval"
run --quick -a 'ptmalloc tcmalloc jemalloc slab' cc1
sed -n '/^Why:/,$p' "$dir/out" >"$dir/why"
[ -s "$dir/why" ] && ! grep -qE '.{101}' "$dir/why"
is "why the heaps grew, on lines of at most 100 columns"
tr -s '\n ' ' ' <"$dir/why" |
	grep -q 'ptmalloc grew .* what caches and slots hold of it merges with nothing\. tcmalloc'
is "cached blocks do not count as what could be one piece"

run_refused --quick no-such-workload
names=$(ls workloads | sed -n 's/\.\(ini\|trace\|txt\)$//p' | LC_ALL=C sort |
	paste -sd, | sed 's/,/, /g')
refused "an unknown workload: the names that there are" \
	"alloclab: there is no workload \"no-such-workload\": it is neither a file nor a name in workloads ($names)"
run_refused --quick "tiny no-such-workload"
grep -q '"no-such-workload"' "$dir/err" &&
	refused "all workloads are looked up before the first runs" \
		"$(head -n 1 "$dir/err")"
run_refused --quick --workloads "$dir/nowhere" all
refused "all of a folder that is not there" \
	"alloclab: $dir/nowhere: no workloads there"
run_refused --quick --workloads "$dir/nowhere" no-such-workload
refused "a name where there are none" \
	"alloclab: there is no workload \"no-such-workload\": it is neither a file nor a name in $dir/nowhere (there are none there)"
run_refused --quick -a nosuch tiny
refused "an unknown allocator: the names that there are" \
	"alloclab: no allocator is called \"nosuch\" (there are $(build/alloclab list |
		sed -n 's/^\([a-z][a-z-]*\)  .*/\1/p' | paste -sd, | sed 's/,/, /g'); a file of yours is written ./nosuch.c)"
run_refused --quick -a " " tiny
refused "no allocator at all" "alloclab: no allocator is named"
run_refused --quick -a first-fit: tiny
refused "a colon and no knobs" \
	'alloclab: "first-fit:": nothing follows the colon; knobs are set as first-fit:order=lifo'
run_refused --quick -a first-fit:colour=red tiny
refused "an unknown knob: those that there are" \
	'alloclab: first-fit: there is no knob "colour" (it has order, coalesce, split_min, growth, wilderness, min_block, index)'
run_refused --quick -a first-fit:growth=1K tiny
refused "a knob out of its range: the range" \
	'alloclab: first-fit: knob growth cannot be "1K": it takes 4K..1G, a power of two; bytes'
run_refused --quick -a first-fit:order=random tiny
refused "a choice that a knob has not: the choices" \
	'alloclab: first-fit: knob order cannot be "random": it takes address | lifo | fifo | size'
run_refused --quick -a first-fit:index=tree tiny
refused "knobs that do not go together: both" \
	'alloclab: first-fit: index=tree needs min_block=64 at least: a hole must hold a tree node'

while IFS='|' read -r option value message; do
	run_refused "$option" "$value" tiny
	refused "$option $value" "alloclab run: $message, not \"$value\""
done <<'END'
--reps|0|--reps takes 1..1000
--reps|1001|--reps takes 1..1000
--reps||--reps takes 1..1000
--threads||--threads takes 1..64
--reps|many|--reps takes 1..1000
--reps|-3|--reps takes 1..1000
--touch|everything|--touch takes none, first, pages, recorded, lines or all
--memory|0|--memory takes 64K..1024G (with K, M or G)
--memory|4Q|--memory takes 64K..1024G (with K, M or G)
--memory|-1M|--memory takes 64K..1024G (with K, M or G)
--memory|nan|--memory takes 64K..1024G (with K, M or G)
--seconds|0|--seconds takes 0.001..1000000
--seconds|soon|--seconds takes 0.001..1000000
--seed|-1|--seed takes 0..9223372036854775807
END
run_refused --quick --no-such-option tiny
refused "an option that does not exist" \
	"alloclab run: unrecognized option '--no-such-option'"

# ---- bad input -----------------------------------------------------------
run_refused --quick "$dir/missing.rep"
refused "a file that is not there" \
	"alloclab: $dir/missing.rep: No such file or directory"
run_refused --quick "$dir"
refused "a folder in place of a file" "$dir: Is a directory"
: >"$dir/empty.rep"
run_refused --quick "$dir/empty.rep"
refused "an empty file" "$dir/empty.rep:1: there is nothing in it"

# refuses_text NAME TEXT MESSAGE: the text in a file NAME, refused as
# "FILE:MESSAGE".
refuses_text() {
	printf "$2" >"$dir/$1"
	run_refused --quick "$dir/$1"
	refused "$1: ${3#*: }" "$dir/$1:$3"
}
refuses_text truncated.rep '2 4\na 0 8\na 1 8\n' \
	'4: the file ends after 2 operations; its header says 4'
refuses_text only-a-header.rep '2 4\n' \
	'2: the file ends here: no operation follows the header'
refuses_text id.rep '2 1\na 2 8\n' \
	'2: id 2 is out of range: the header says 2 ids, counted from 0'
refuses_text operation.rep '2 2\na 0 8\nq 0\n' \
	'3: "q": not an operation (a, r or f)'
refuses_text negative.rep '2 1\na 0 -5\n' '2: "-5": a negative size'
refuses_text zero.rep '2 1\na 0 0\n' '2: "a 0 0": a size of 0'
refuses_text word.rep '2 1\na 0 many\n' '2: "many": not a size'
refuses_text no-size.rep '2 2\na 0\na 1 8\n' '2: "a 0" has no size'
refuses_text double-free.rep '20000 1 3 1\na 0 8\nf 0\nf 0\n' \
	'4: double free of id 0 (freed at line 3)'
refuses_text free-first.rep '0 1 1 1\nf 0\n' \
	'2: free of id 0, which was never allocated'
refuses_text reused.rep '1 1 2 9000000000\na 0 8\na 0 9\n' \
	'3: id 0 is live already (allocated at line 2)'
refuses_text huge.rep '1 1\na 0 4294967296\n' \
	'2: id 0 asks for "4294967296" bytes: 4 GiB and more are refused in this format'
refuses_text dialect.rep '1 2 3\na 0 8\n' \
	'1: a header of 3 numbers; the dialects known here have two or four'
refuses_text double-free.script '# two\na 0 8\nf 0\nf 0\n' \
	'4: double free of id 0 (freed at line 3)'
refuses_text zero.script 'a 0 0\n' '1: "a 0 0": a size of 0'
refuses_text number.ostep '10' \
	'1: the file ends here: a number alone is neither a .rep file nor an OSTEP list (+SIZE,-INDEX)'
refuses_text zero.ostep '+0' '1: column 1: "+0": a size of 0'
refuses_text negative.ostep '+-5' '1: column 1: "+-5": a negative size'
refuses_text index.ostep '+10,-1' \
	'1: column 5: free of allocation 1, which was never allocated'
refuses_text twice.ostep '+10,-0,-0' \
	'1: column 8: double free of allocation 0 (freed at column 5)'
refuses_text unsound.txt 'alloclab-text 1\na=malloc(8)\nfree(a)\nfree(a)\n' \
	'4: double free of a (freed at line 3)'
refuses_text version.txt 'alloclab-text 9\na=malloc(8)\n' \
	'1: this program reads versions 1 to 3 of the text form, "alloclab-text 1"'
refuses_text nonsense 'hello\n' \
	'1: no trace that is known here: neither the text form (its first line is "alloclab-text 1") nor the binary one, a CS:APP .rep, a CS107 .script, an OSTEP list, or a log of heaptrack --raw, ltrace, mtrace, logalloc, memory_replay'
refuses_text spec.ini '[workload]\n[phase p]\noperations = 5\nsize = uniform min=3\n' \
	'4: size: uniform lacks max='
run_refused --quick 'a=100 -b'
refused "inline text: free of what is not there" \
	"inline:1: column 7: free of b, which was never allocated"

# Every way to cut a binary trace short, and one flipped bit.
build/alloclab import -o "$dir/whole.trace" workloads/tiny.ini >/dev/null
bytes=$(stat -c %s "$dir/whole.trace")
good=0
for ((length = 9; length < bytes; length += 7)); do
	head -c $length "$dir/whole.trace" >"$dir/cut.trace"
	run_refused --quick "$dir/cut.trace"
	[ $status -eq 2 ] && [ ! -s "$dir/out" ] &&
		grep -Eq "^$dir/cut.trace: byte [0-9]+: " "$dir/err" &&
		[ "$(wc -l <"$dir/err")" -eq 1 ] &&
		cmp -s "$dir/before" "$dir/after" && good=$((good + 1))
done
[ $good -eq $(((bytes - 9 + 6) / 7)) ]
is "a binary trace cut short: the byte, and nothing written"
{ head -c $((bytes - 5)) "$dir/whole.trace"; printf '\377'
	tail -c 4 "$dir/whole.trace"; } >"$dir/flipped.trace"
run_refused --quick "$dir/flipped.trace"
[ $status -eq 2 ] && grep -q "^$dir/flipped.trace: byte" "$dir/err" &&
	cmp -s "$dir/before" "$dir/after"
is "a binary trace with a byte changed"

# ---- where results go ----------------------------------------------------
run_refused --quick --results /proc/no tiny
refused "results that cannot be written" \
	"alloclab: /proc/no: cannot write: No such file or directory"
echo mine >"$results/precious"
mkdir -p "$results/notes" && echo mine >"$results/notes/file"
cp workloads/tiny.ini "$dir/precious.ini"
run_refused --quick "$dir/precious.ini"
refused "a file in the place of the folder" \
	"alloclab: $results/precious is there and holds no results: it is left alone"
cp workloads/tiny.ini "$dir/notes.ini"
run_refused --quick "$dir/notes.ini"
refused "a folder of something else in its place" \
	"alloclab: $results/notes is there and holds no results: it is left alone"
mkdir "$dir/a" && cp workloads/tiny.ini "$dir/a/tiny.ini"
run_refused --quick tiny "$dir/a/tiny.ini"
refused "two workloads for one folder" \
	"alloclab: workloads/tiny.ini and $dir/a/tiny.ini would both fill the folder \"tiny\": run one after the other"
rm -r "$results/precious" "$results/notes"
"$alloclab" run --quick --results "$results" tiny >/dev/full 2>"$dir/err"
status=$?
[ $status -eq 2 ] && grep -q "standard output: No space" "$dir/err"
is "a full disk behind stdout is no success"

# A file system of 64 pages: some of a run's files fit, all of them do not.
if mkdir "$dir/small" && mount -t tmpfs -o size=256k none "$dir/small" 2>/dev/null; then
	"$alloclab" run --quick --results "$dir/small/results" -a bump 'a=8' \
		>"$dir/out" 2>"$dir/err"
	before=$(cd "$dir/small" && find . -type f -exec cksum {} + | sort)
	"$alloclab" run --quick --results "$dir/small/results" churn \
		>"$dir/out" 2>"$dir/err"
	status=$?
	[ $status -eq 2 ] && [ ! -s "$dir/out" ] &&
		grep -q "cannot write: No space left on device" "$dir/err" &&
		[ "$(ls -A "$dir/small/results")" = inline ] &&
		[ "$before" = "$(cd "$dir/small" && find . -type f -exec cksum {} + | sort)" ]
	is "a full disk: one line, exit status 2, nothing half-written"
	umount "$dir/small"
else
	skip "a full disk: one line, exit status 2, nothing half-written" \
		"needs the right to mount a tmpfs"
fi

# ---- stopped -------------------------------------------------------------
# interrupted SIGNAL READY ARGUMENTS...: sends it once the command READY succeeds.
interrupted() {
	signal=$1 ready=$2
	shift 2
	env --default-signal=INT,TERM,HUP "$alloclab" run --results "$results" \
		"$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		eval "$ready" && break
		sleep 0.05
	done
	pids=$(cat /proc/$pid/task/$pid/children)
	kill -"$signal" $pid
	wait $pid
	status=$?
	sleep 0.1
	for child in $pids; do
		[ ! -e "/proc/$child" ] || echo "child $child is alive" >>"$dir/err"
	done
}

# The meter writes its few failures when it closes its files; then the speed pass
# begins, and 1000 repetitions never end by themselves.
run --quick -a bump churn
interrupted INT '[ -s "$(echo "$results"/.churn.*/part.0.failures)" ] &&
	[ -s "$(echo "$results"/.churn.*/part.1.failures)" ] && sleep 2' \
	--reps 1000 -a "first-fit:order=lifo slab" churn
[ $status -eq 1 ] && [ "$(cat "$dir/err")" = \
	"alloclab: interrupted; what had finished: results are in $results/churn.interrupted/" ]
is "SIGINT in the speed pass: exit status 1, a line, no child left"
[ "$(ls -A "$results" | grep -c '^\.')" = 0 ]
is "and no folder half-made"
[ "$(cut -d, -f2 "$results/churn.interrupted/summary.csv" | sort -u | paste -sd,)" = ok,status ] &&
	awk -F, 'NR > 1 && !($11 > 0) { exit 1 }' "$results/churn.interrupted/summary.csv" &&
	[ "$(wc -l <"$results/churn.interrupted/summary.csv")" = 3 ] &&
	grep -q '"interrupted": true' "$results/churn.interrupted/run.json" &&
	grep -q '^slab ' "$dir/out" && grep -q '^bump,ok' "$results/churn/summary.csv"
is "the cells that had finished are in the table and beside the earlier results"

run --quick -a bump churn
snapshot >"$dir/before"
interrupted TERM 'ls -d "$results"/.churn.* >/dev/null 2>&1' churn -a first-fit:order=lifo
snapshot >"$dir/after"
[ $status -eq 1 ] && [ "$(cat "$dir/err")" = \
	"alloclab: interrupted before anything was measured; $results/churn/ is as it was" ] &&
	cmp -s "$dir/before" "$dir/after"
is "SIGTERM at the beginning: the older results are untouched"

# ---- KEEP=1 --------------------------------------------------------------
column() { # FILE NUMBER: its fields below the header, joined
	tail -n +2 "$results/$1" | cut -d, -f"$2" | uniq | paste -sd' '
}
run --quick -a "bump first-fit" tiny
run --quick -a "slab" tiny
[ "$(column tiny/summary.csv 1)" = slab ] &&
	[ "$(column tiny/timeline.csv 1)" = slab ] &&
	! grep -q bump "$results/tiny/run.json"
is "a second run replaces the folder as a whole"
run --reps 2 -a "bump first-fit" tiny
touch "$results/tiny/old-chart.png"
run --quick --keep -a "slab first-fit" tiny
[ $status -eq 0 ] && [ "$(column tiny/summary.csv 1)" = "slab first-fit bump" ] &&
	[ "$(column tiny/timeline.csv 1)" = "slab first-fit bump" ] &&
	[ "$(column tiny/latency.csv 1)" = bump ] &&
	[ "$(column tiny/repetitions.csv 1)" = "bump null" ] &&
	[ "$(column tiny/summary.csv 5)" = "0 2" ]
is "KEEP=1: new rows first, then those of other allocators, in every file"
grep -A40 '"allocators"' "$results/tiny/run.json" | grep -q '"allocator": "bump"'
is "and in run.json"
cp "$dir/a/tiny.ini" "$dir/a/other.ini"
sed -i 's/^seed *=.*/seed = 77/' "$dir/a/tiny.ini"
run_refused --quick --keep "$dir/a/tiny.ini"
refused "KEEP=1 for another trace is refused" \
	"alloclab: $results/tiny holds no results of this trace, so there is nothing to keep; without KEEP=1 (--keep) they are replaced"
sed -i '1s/links_mean/links/' "$results/tiny/searches.csv"
run_refused --quick --keep -a buddy tiny
refused "and for files of other columns" \
	"alloclab: $results/tiny/searches.csv has other columns than this program writes: its rows cannot be kept"
run --quick --keep -a bump "$dir/a/other.ini"
[ $status -eq 0 ] && [ "$(column other/summary.csv 1)" = bump ]
is "KEEP=1 with nothing there is an ordinary run"

# ---- what a workload may be ----------------------------------------------
rm -r "$results" && mkdir "$results"
run --quick -a bump --folders "$dir/folders" "tiny lifo" 'a=100 b=40 -a c=60'
[ $status -eq 0 ] && [ "$(grep -Ec ' calls?, at most ' "$dir/out")" = 3 ] &&
	[ "$(ls -A "$results" | grep -v '^all$' | paste -sd' ')" = "inline lifo tiny" ]
is "several workloads, in one argument or more, and inline text"
mkdir "$dir/two words" "$dir/few" && cp workloads/tiny.ini "$dir/few/one.ini" &&
	echo 'alloclab-text 1
a=8' >"$dir/few/two.txt"
run --quick -a bump --workloads "$dir/few" "all one two all"
[ $status -eq 0 ] && [ "$(grep -Ec ' calls?, at most ' "$dir/out")" = 2 ] &&
	[ -f "$results/one/run.json" ] && [ -f "$results/two/run.json" ]
is "all: every name, each once"
printf '2 4\na 0 512\na 1 128\nr 0 640\nf 1\n' >"$dir/two words/my trace.v2.rep"
[ "$(tail -n 1 "$dir/err")" = \
	"alloclab: the table across workloads is in $results/all/" ] &&
	[ "$(cut -d, -f1,2 "$results/all/summary.csv" | paste -sd' ')" = \
		"workload,allocator one,bump two,bump" ] &&
	[ "$(tail -n +2 "$results/all/summary.csv" | cut -d, -f2-)" = \
		"$(tail -qn +2 "$results/one/summary.csv" "$results/two/summary.csv")" ] &&
	[ "$(grep -c '"one"\|"two"' "$results/all/run.json")" = 2 ]
is "several workloads: results/all/ has the rows of each"
run --quick -a "system bump" --folders "$dir/folders" "tiny lifo"
[ "$(paste -sd' ' "$dir/folders")" = "$results/tiny $results/lifo $results/all" ]
is "--folders lists the folders, results/all last"
means=$(tail -n +2 "$results/all/summary.csv" | awk -F, '$2 == "bump" {
	logs += log($16); n++ } END { printf "%.2f", exp(logs / n) }')
grep -q "^bump  *$means  *2  *0\$" "$dir/out" &&
	grep -q "^2 workloads.  heap/live: geometric means" "$dir/out" &&
	grep -Eq "^lifo +[0-9]+\.[0-9]{2}\$" "$dir/out"
is "the geometric mean, the count of smallest, a line per workload"
run --quick --memory 4M -a "bump best-fit" "tiny churn"
[ $status -eq 0 ] && grep -Eq '^bump +\([0-9.]+\) +0 +1$' "$dir/out" &&
	grep -Eq '^churn +out-of-memory +[0-9.]+$' "$dir/out"
is "a mean over fewer workloads stands in brackets"
cp workloads/tiny.ini "$dir/all.ini"
run_refused --quick "$dir/all.ini" lifo
refused "a workload called all, beside others" \
	"alloclab: $dir/all.ini would fill the folder \"all\", which is for the table across workloads: run it alone"
run --quick -a bump "$dir/two words/my trace.v2.rep"
[ $status -eq 0 ] && [ -f "$results/my trace.v2/summary.csv" ]
is "a path with blanks; results are named after it, without its ending"
(cd "$dir/few" && "$alloclab" run --quick -a bump --results "$results" two.txt) \
	>"$dir/out" 2>"$dir/err"
[ $? -eq 0 ] && grep -q '^two: 1 call,' "$dir/out"
is "a file beside us needs no slash"
checksum() {
	sed -n 's/.*"checksum": "\(.*\)".*/\1/p' "$results/$1/run.json"
}
printf '20000\n2\n4\n1\na 0 512\na 1 128\nr 0 640\nf 1\n' >"$dir/classic.rep"
printf '2 2 4 0\na 0 512\na 1 128\nr 0 640\nf 1\n' >"$dir/f10.rep"
printf '1\r\n2\r\n4\r\n5000000000\r\na 0 512\r\na 1 128\r\nr 0 640\r\nf 1\r\n' \
	>"$dir/modern.rep"
printf '2 4\na 0 512\na 1 128\nr 0 640\nf 1' >"$dir/xv6.rep"
printf '# free\na 0 512\na 1 128\nr 0 640\nf 1\n' >"$dir/cs107.script"
run --quick -a bump 'a=512 b=128 a:640 -b'
expected=$(checksum inline)
for file in classic.rep f10.rep modern.rep xv6.rep cs107.script; do
	run --quick -a "bump best-fit" "$dir/$file"
	[ $status -eq 0 ] && [ ! -e "$results/$file" ] &&
		[ "$(checksum "${file%.*}")" = "$expected" ]
	is "$file runs, as the same trace as the others"
done
printf '2 2\na 0 512\nf 0\nf 1\n' >"$dir/more.rep"
run --quick -a bump "$dir/more.rep"
[ $status -eq 0 ] && [ "$(head -n 1 "$dir/err")" = \
	"$dir/more.rep:4: warning: the header says 2 operations; what follows from here is left out" ]
is "one operation more than the header says is a warning"
printf '+10,-0,+20,+30,-2' >"$dir/list.ostep"
run --quick -a bump "$dir/list.ostep"
[ $status -eq 0 ] && grep -q '^list: 5 calls' "$dir/out"
is "an OSTEP list runs"
cp "$dir/xv6.rep" "$dir/$(printf 'caf\351').rep"
run --quick -a bump "$dir/$(printf 'caf\351').rep"
[ $status -eq 0 ] && grep -q '"name": "caf?"' "$results/$(printf 'caf\351')/run.json"
is "a name that is not UTF-8"

# ---- allocators that fail ------------------------------------------------
run --quick --memory 4M -a "bump first-fit" churn
[ $status -eq 0 ] && grep -Eq '^bump,out-of-memory,[0-9]+,' "$results/churn/summary.csv" &&
	grep -Eq '^first-fit,ok,' "$results/churn/summary.csv" &&
	grep -Eq '^bump: out-of-memory at event [0-9,]+: malloc\([0-9]+\) returned NULL' "$dir/out"
is "out of memory is a row like any other, and exit status 0"
run --quick -a "pool:object=64 slab" 'a=64 b=10 -a c=65'
[ $status -eq 0 ] && grep -Eq '^pool:object=64,refused,4,' "$results/inline/summary.csv" &&
	grep -Eq '^slab,ok,' "$results/inline/summary.csv" &&
	grep -qx 'pool:object=64: refused at event 4: pool serves requests of at most 64 bytes: 65.' "$dir/out"
is "a request that is not served is a row that says so, and exit status 0"
run --quick -a pool nodes
[ $status -eq 0 ] && grep -Eq '^pool,ok,' "$results/nodes/summary.csv"
is "a pool serves a workload of one size"
cat >"$dir/broken.c" <<'END'
#include <stdlib.h>
#include "mm.h"
#include "memlib.h"
int mm_init(void) { return 0; }
void *mm_malloc(size_t size) { return size == 60 ? abort(), NULL : mem_sbrk(4096); }
void mm_free(void *block) { (void)block; }
void *mm_realloc(void *block, size_t size) { (void)block; return mm_malloc(size); }
END
run --quick -a "$dir/broken.c bump" 'a=100 b=40 -a c=60'
[ $status -eq 1 ] && grep -q ',stopped,4,' "$results/inline/summary.csv" &&
	grep -q '^bump,ok,' "$results/inline/summary.csv"
is "an allocator that crashes is a row, and exit status 1"

# ---- a terminal, and none ------------------------------------------------
run -a bump --reps 1 tiny
! grep -q "$(printf '\033')" "$dir/out" "$dir/err"
is "no escape codes where there is no terminal"
NO_COLOR=1 script -qec "$alloclab run --results $results -a bump --reps 1 churn" \
	/dev/null </dev/null >"$dir/out" 2>"$dir/err"
! grep -q "$(printf '\033\\[[0-9;]*m')" "$dir/out" && grep -q '^bump ' "$dir/out"
is "no colour on a terminal with NO_COLOR"
rm -f "$dir/out" "$dir/err"

plan
