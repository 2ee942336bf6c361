#!/bin/sh
# e2e_step.sh: `alloclab step` on the small example and on larger ones, held
# against the texts in tests/golden/.  After a change that is meant to change
# them: UPDATE=1 tests/e2e_step.sh, and read the difference.
set -u
export LC_ALL=C
step="build/alloclab step"
out=build/step-test
number=0
failed=0
mkdir -p "$out"

verdict() { # ok|not name
	set -- "$1" "$(echo "$2" | tr -s "\n\t" "  ")"
	number=$((number + 1))
	case $1 in ok) echo "ok $number - $2" ;; *)
		echo "not ok $number - $2"
		failed=$((failed + 1)) ;;
	esac
}

# golden NAME STATUS ARGUMENTS...: stdout is tests/golden/step-NAME.txt.
golden() {
	name=$1 status=$2
	shift 2
	$step "$@" >"$out/$name.txt" 2>"$out/$name.err"
	got=$?
	[ -n "${UPDATE:-}" ] && cp "$out/$name.txt" "tests/golden/step-$name.txt"
	if [ $got = "$status" ] &&
		diff -u "tests/golden/step-$name.txt" "$out/$name.txt"; then
		verdict ok "step $*"
	else
		echo "# exit status $got"
		verdict not "step $*"
	fi
}

# refuses PATTERN ARGUMENTS...: exit 2, nothing on stdout, a line on stderr.
refuses() {
	pattern=$1
	shift
	$step "$@" >"$out/refused.txt" 2>"$out/refused.err"
	if [ $? = 2 ] && [ ! -s "$out/refused.txt" ] &&
		grep -q -- "$pattern" "$out/refused.err"; then
		verdict ok "refused: $*"
	else
		sed 's/^/# /' "$out/refused.txt" "$out/refused.err"
		verdict not "refused: $*"
	fi
}

# narrow EVENTS ARGUMENTS...: no line is wider than 80 columns, and so many events
# are told ("all": as many as the trace has).
narrow() {
	events=$1
	shift
	$step "$@" >"$out/narrow.txt" 2>&1
	if [ $? = 0 ] && awk -v events="$events" '
		$1 == "trace" && events == "all" { events = $2 }
		length($0) > 80 { print "# " $0; wide = 1 }
		/^[0-9]+: / { told++ }
		END { exit wide || told != events }' "$out/narrow.txt"; then
		verdict ok "80 columns: $*"
	else
		verdict not "80 columns: $*"
	fi
}

small='a=100 b=40 -a c=60'
holes='a=80 b=16 c=48 d=16 e=192 f=16 -a -c -e g=40 h=48'

# The small example on each design, and what sets them apart.
for allocator in bump first-fit best-fit buddy slab; do
	golden $allocator 0 "$small" -a $allocator
done
golden tcmalloc 0 -a tcmalloc 'a=100 b=100 -a'
golden next-fit 0 "$holes" -a next-fit
golden best-fit-tree 0 "$holes" -a best-fit:index=tree,min_block=64 --at 10
golden pool 1 'a=120 b=10 -a c=100 -b -c d=300' -a pool:chunk=4K
golden buddy-all 0 "$small" -a buddy --all --count 1
golden calls 0 'phase(load) a=calloc(10) b=aligned(64,100) -NULL start(1) @1 a:5000
	phase(end) @0 -b a:20 exit(1)' -a first-fit
golden no-memory 1 'a=1M b=5000M -a' -a first-fit

# Nothing said: the small example on best fit.
$step >"$out/default.txt" && cmp -s "$out/default.txt" tests/golden/step-best-fit.txt
[ $? = 0 ] && verdict ok "the default is the small example" ||
	verdict not "the default is the small example"

# system: addresses differ from run to run.
$step "$small" -a system | sed 's/0x[0-9a-f]*/ADDRESS/g' >"$out/system.txt"
[ -n "${UPDATE:-}" ] && cp "$out/system.txt" tests/golden/step-system.txt
diff -u tests/golden/step-system.txt "$out/system.txt" &&
	verdict ok "system shows its live blocks" ||
	verdict not "system shows its live blocks"

# Large heaps: a window, lists cut short, the events before and after counted.
golden churn-first-fit 0 churn -a first-fit --at 5000 --count 2
golden churn-slab 0 churn -a slab --at 5000 --count 1
for allocator in bump next-fit first-fit:order=lifo,coalesce=deferred \
	worst-fit:wilderness=listed best-fit:coalesce=never buddy:merge=lazy \
	slab system; do
	narrow 30 churn -a $allocator --at 70000 --count 30
	narrow all tiny -a $allocator --count 0
done

narrow 40 tiny -a buddy
narrow 11 "$holes" -a worst-fit --text

# Bad usage and bad input.
refuses 'no allocator is called "best"' -a best
refuses 'lib:jemalloc: a library does not show its heap; run, scale' -a lib:jemalloc
refuses 'one allocator at a time' -a 'best-fit slab'
refuses 'order' -a first-fit:order=random
refuses 'there is no workload "nowhere"' nowhere
refuses 'one workload at a time' tiny churn
refuses 'there is no event 5: the trace has 4' "$small" --at 5
refuses '--at takes 1..' --at 0
refuses '--count takes 0..9223372036854775807, not "-3"' --count=-3
refuses 'seconds' --seconds soon
refuses 'inline:1' 'a=100 -b'
refuses 'unrecognized option' --graphic

# The lesson shows what is really printed: each of its output lines is in one of
# the texts above.
sed -n 's/^    //p' docs/stepping.md | grep -v '^make ' >"$out/lesson.txt"
cat tests/golden/step-*.txt | sort -u >"$out/all.txt"
sort -u "$out/lesson.txt" | comm -23 - "$out/all.txt" >"$out/invented.txt"
[ -s "$out/lesson.txt" ] && [ ! -s "$out/invented.txt" ] &&
	verdict ok "docs/stepping.md shows real output" || {
	sed 's/^/# not printed: /' "$out/invented.txt"
	verdict not "docs/stepping.md shows real output"
}

# Colour on a terminal only, and never with NO_COLOR or TERM=dumb.
escape=$(printf '\033')
coloured() { # what, yes|no, environment assignments...
	what=$1 expected=$2
	shift 2
	env "$@" script -qec "$step" /dev/null </dev/null >"$out/colour.txt" 2>&1
	grep -q "$escape\[" "$out/colour.txt" && got=yes || got=no
	[ $got = "$expected" ] && verdict ok "$what" || verdict not "$what"
}
if command -v script >/dev/null 2>&1; then
	coloured "colour on a terminal" yes -u NO_COLOR TERM=xterm
	coloured "no colour with NO_COLOR" no NO_COLOR=1 TERM=xterm
	coloured "no colour with TERM=dumb" no -u NO_COLOR TERM=dumb
else
	number=$((number + 1))
	echo "ok $number - colour # SKIP no script(1) to make a terminal with"
fi
TERM=xterm $step >"$out/pipe.txt"
grep -q "$escape" "$out/pipe.txt" && verdict not "no colour in a pipe" ||
	verdict ok "no colour in a pipe"

# A reader that goes away is no crash of the allocator.
$step churn --count 2000 2>"$out/pipe.err" | head -3 >/dev/null
[ ! -s "$out/pipe.err" ] && verdict ok "a closed pipe is silent" ||
	verdict not "a closed pipe is silent"

echo "1..$number"
[ $failed = 0 ]
