#!/bin/sh
# e2e_record.sh: a real server, a part of it recorded, replayed; and what
# `alloclab info` says of a program that crashed.
. tests/tap.sh

program=$PWD/build/checked/tests/programs/record_process
[ -x "$program" ] || program=$PWD/build/tests/programs/record_process
port=$((20000 + $$ % 20000))

# Waits until the file has the line; a minute at most.
await() {
	looks=0
	until grep -q "$2" "$1" 2>/dev/null; do
		looks=$((looks + 1))
		[ $looks -lt 600 ] || return 1
		sleep .1
	done
}

cd "$dir" || exit 1
"$alloclab" record -o segv.trace -- "$program" segv 2>err
status=$?
[ $status = 0 ] && grep -q "was killed by SIGSEGV" err
is "a crash is reported, and the trace is written"
"$alloclab" info segv.trace >out && grep -q "ended early: killed by SIGSEGV" out
is "info says that it ended early, and how"

"$alloclab" record --max-size 5Q -- true 2>err
[ $? -eq 2 ] && grep -q -e '--max-size takes 64K' err
is "what cannot be a size is named with its option"

# Two million records are 32 MB on disk; in memory there is one window of 4 MiB.
hammer='for $round (1 .. 14) { @all = (); push @all, "x" x 100 for 1 .. 50000 }
	open STATUS, "/proc/self/status"; print map { /VmHWM:\s*(\d+)/ } <STATUS>'
perl -e "$hammer" >alone
"$alloclab" record -o hammer.trace -- perl -e "$hammer" >recorded 2>err
events=$("$alloclab" info hammer.trace | awk '$1 == "events" { print $2 + 0 }')
[ "${events:-0}" -gt 1000000 ] && [ "$(cat recorded)" -gt "$(cat alone)" ] &&
	[ "$(cat recorded)" -lt $(($(cat alone) + 8192)) ]
is "a recorded program has at most 8 MiB more at its peak, however much it calls"

if mkdir small && mount -t tmpfs -o size=8k none small 2>/dev/null; then
	head -c 8192 /dev/zero >small/full 2>/dev/null
	TMPDIR=$dir/small "$alloclab" record -o full.trace -- true 2>err
	status=$?
	[ $status -eq 2 ] && grep -q "No space left on device" err &&
		[ "$(ls small)" = full ] && [ ! -e full.trace ]
	is "a full disk is said before the program runs, and nothing is left"
	umount small
else
	skip "a full disk is said before the program runs" \
		"needs the right to mount a tmpfs"
fi

if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
	"$alloclab" record --start-signal USR1 --stop-signal USR2 -o redis.trace \
		-- redis-server --port $port --save "" >server 2>err &
	recorder=$!
	await server "Ready to accept"
	redis-benchmark -p $port -q -n 2000 -r 500 -t set,lpush >/dev/null
	kill -USR1 $recorder
	await err "recording has started"
	redis-benchmark -p $port -q -n 4000 -r 500 -t set,lpush >/dev/null
	kill -USR2 $recorder
	await err "goes on"
	is "a server is recorded from one signal to another"
	redis-cli -p $port ping >out 2>&1 && grep -q PONG out
	is "and goes on afterwards"
	redis-cli -p $port shutdown nosave >/dev/null 2>&1
	wait $recorder
	is "alloclab record ends with it"
	grep -q "live when recording started" err &&
		! grep -q "before the recording" err
	is "no call was about a block that is not known"
	cd - >/dev/null || exit 1
	run --quick -a "best-fit tcmalloc" "$dir/redis.trace"
	[ "$status" = 0 ]
	is "the trace can be replayed"
else
	skip "a part of a server is recorded" "no redis-server"
fi
plan
