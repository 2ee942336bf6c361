#!/bin/sh
# e2e_preload.sh: build/lib/liballoclab-<name>.so as the malloc of programs.
#
# Each program of tests/programs/preload_*.c knows what must come out; each runs
# under every library, and once without one: what glibc's own malloc does not
# pass is a mistake of the program.
set -u
. tests/tap.sh

unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS ALLOCLAB_STATS_SIGNAL
programs=build/tests/programs
limit=100 # seconds; the slowest takes a few

make -s --no-print-directory VARIANT=fast preload preload-programs \
	>"$dir/out" 2>&1
is "the libraries are built"
if [ $passed -ne 0 ]; then
	plan
	exit 1
fi
names=$(make -s --no-print-directory VARIANT=fast preload-names)
[ "$(echo "$names" | wc -w)" -eq \
	$(($(build/alloclab list | grep -c '^[a-z][a-z-]* ') - 3)) ]
is "there is one for each allocator but bump, pool and system"

# With a library preloaded, its output to $dir/out.
under() { # NAME COMMAND...
	library=$PWD/build/lib/liballoclab-$1.so
	shift
	timeout $limit env LD_PRELOAD="$library" "$@" >"$dir/out" 2>"$dir/err"
}

# ---- programs that know what must come out --------------------------------------
cases() {
	cat <<-'CASES'
		preload_family
		preload_threads churn
		preload_threads atfork
		preload_threads fork
		preload_threads keys
		preload_threads errno
		preload_threads stacks
		preload_threads handover
		preload_threads interrupt
		preload_corners first
		preload_corners last
		preload_corners storm
		preload_races
		preload_hazards early
		preload_hazards dlopen
		preload_hazards sbrk
		preload_hazards seccomp
		preload_hazards mlockall
		preload_hazards maps
		preload_hazards limit
		preload_hazards handler
		preload_hazards handlers
	CASES
}

cases >"$dir/cases"
while read -r case; do
	# glibc's malloc opens files in /proc and /sys when it likes.
	if [ "$case" != "preload_hazards seccomp" ]; then
		# shellcheck disable=SC2086
		timeout $limit $programs/$case >"$dir/out" 2>"$dir/err"
		is "$case holds with glibc's malloc"
	fi
	for name in $names; do
		# shellcheck disable=SC2086
		under "$name" $programs/$case
		is "$name: $case"
	done
done <"$dir/cases"

# ---- hazards that a shell provokes --------------------------------------------------
for name in $names; do
	library=$PWD/build/lib/liballoclab-$name.so

	timeout $limit $programs/preload_hazards load "$library" \
		>"$dir/out" 2>"$dir/err"
	is "$name: loaded by dlopen, it outlives dlclose"

	LD_PRELOAD=$library ALLOCLAB_CONF=wrong ALLOCLAB_STATS=/ \
		timeout $limit $programs/preload_hazards fd2 2>&-
	is "$name: descriptor 2 is closed, then the program's"

	# No environment at all: the loader itself preloads.
	loader=$(readelf -l $programs/preload_family |
		sed -n 's/.*interpreter: \(.*\)]/\1/p')
	env -i "$loader" --preload "$library" $programs/preload_family \
		>"$dir/out" 2>"$dir/err"
	is "$name: an empty environment"

	# Address space for the shell, its libraries and a little more.
	(ulimit -v 40000 && LD_PRELOAD=$library timeout $limit bash -c '
		for i in 1 2 3 4 5; do text=$(echo "$i$text" | cat); done
		echo "$text"') >"$dir/out" 2>"$dir/err"
	[ "$(cat "$dir/out")" = 54321 ]
	is "$name: bash with 40 MB of address space"
done

# ---- ALLOCLAB_CONF --------------------------------------------------------------------
# Whether stderr is this one line, and the program did its work.
says() { # MESSAGE
	[ $? -eq 0 ] && [ "$(cat "$dir/out")" = done ] &&
		[ "$(cat "$dir/err")" = "$1" ]
}

ALLOCLAB_CONF=tcmalloc:page_map=hash,transfer=0 \
	ALLOCLAB_STATS=$dir/stats under tcmalloc echo done
says "" && grep -q '^knobs .*page_map=hash' "$dir/stats" &&
	grep -q '^free_transfer_cache_bytes 0$' "$dir/stats"
is "ALLOCLAB_CONF sets knobs"

ALLOCLAB_CONF=tcmalloc ALLOCLAB_STATS=$dir/stats under tcmalloc echo done
says "" && grep -q '^knobs default$' "$dir/stats"
is "ALLOCLAB_CONF may be a name alone"

ALLOCLAB_CONF=tcmalloc:page_map=9 under tcmalloc echo done
says "liballoclab-tcmalloc.so: ALLOCLAB_CONF: knob page_map cannot be \"9\": it takes 1 | 2 | 3 | hash; the defaults are used"
is "a bad value is one line on stderr"

ALLOCLAB_CONF=ptmalloc:colour=red under ptmalloc echo done
grep -q '^liballoclab-ptmalloc.so: ALLOCLAB_CONF: there is no knob "colour" (it has tcache, .*); the defaults are used$' "$dir/err" &&
	[ "$(wc -l <"$dir/err")" = 1 ] && [ "$(cat "$dir/out")" = done ]
is "a knob that there is not is one line on stderr"

ALLOCLAB_CONF=jemalloc:gc=0 under tcmalloc echo done
says "liballoclab-tcmalloc.so: ALLOCLAB_CONF: it is for \"jemalloc\"; the defaults are used"
is "knobs of another allocator are not taken"

# Linked with the library, for the loader preloads nothing into such a program;
# run by root, it has the rights of nobody.
echo 'int main(void) { return 0; }' >"$dir/secure.c"
chmod 755 "$dir" # mktemp made it ours alone
if [ "$(id -u)" = 0 ] &&
	cc -Wl,--no-as-needed "$dir/secure.c" "$PWD/build/lib/liballoclab-slab.so" \
		-o "$dir/secure" && chown nobody "$dir/secure" &&
	chmod 4755 "$dir/secure" && mkdir -m 777 "$dir/anyone"; then
	export ALLOCLAB_STATS="$dir/anyone/stats"
	ALLOCLAB_CONF=wrong "$dir/secure" >"$dir/out" 2>"$dir/err"
	[ $? -eq 0 ] && [ ! -s "$dir/err" ] && [ ! -e "$ALLOCLAB_STATS" ]
	is "a program with rights of its own ignores the environment"
	chmod 755 "$dir/secure"
	"$dir/secure" && [ -s "$ALLOCLAB_STATS" ]
	is "the same program without them does not"
	unset ALLOCLAB_STATS
else
	skip "a program with rights of its own ignores the environment" \
		"needs root"
fi

# ---- ALLOCLAB_STATS --------------------------------------------------------------------
# Whether the parts of a heap add up to its committed bytes.
adds_up() { # FILE
	awk '/^(live|metadata|slack|free_.*)_bytes / { sum += $2; parts++ }
		$1 == "committed_bytes" { committed = $2 }
		END { exit !(parts >= 3 && sum > 0 && sum == committed) }' "$1"
}

for name in $names; do
	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats under "$name" $programs/preload_family
	grep -q "^allocator $name\$" "$dir/stats" &&
		grep -q '^requested unknown$' "$dir/stats" &&
		adds_up "$dir/stats"
	is "$name: the report at exit adds up to what is committed"
done

# A thread's handle goes when it ends, and its memory serves the next ones.
for name in $names; do
	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats \
		under "$name" $programs/preload_threads churn
	grep -q '^handles 1$' "$dir/stats" && adds_up "$dir/stats" &&
		awk '$1 == "peak_committed_bytes" { peak = $2 }
			END { exit !(peak > 0 && peak < 4194304) }' "$dir/stats"
	is "$name: 2000 short threads leave nothing behind"
done

# The one left is that of main, another the one that is shared.
for name in $names; do
	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats \
		under "$name" $programs/preload_corners idle
	awk '$1 == "handles" { handles = $2 } END { exit !(handles == 1 ||
		handles == 2) }' "$dir/stats" && adds_up "$dir/stats"
	is "$name: threads that never call keep no handle"
done

# In a child, what lies in the caches of other threads is live: nobody knows.
for name in $names; do
	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats.%p under "$name" $programs/preload_threads fork
	[ $? -eq 0 ] && [ "$(ls "$dir"/stats.* | wc -l)" = 61 ] && {
		for file in "$dir"/stats.*; do
			adds_up "$file" || break
		done
	}
	is "$name: the reports of forked children add up"
done

rm -f "$dir"/stats*
(cd "$dir" && ALLOCLAB_STATS=stats.%p LD_PRELOAD=$OLDPWD/build/lib/liballoclab-slab.so \
	perl -e 'chdir "/"; print $$' >out 2>err)
grep -q "^process $(cat "$dir/out")\$" "$dir/stats.$(cat "$dir/out")"
is "the path is made absolute at the start, and %p is the process"

ALLOCLAB_STATS=/nowhere/stats under slab echo done
says "liballoclab-slab.so: ALLOCLAB_STATS: its folder cannot be written; there will be no report"
is "a report that cannot be written is one line on stderr"
ALLOCLAB_STATS=$dir under slab echo done
says "liballoclab-slab.so: ALLOCLAB_STATS: it is a folder; there will be no report"
is "so is one in the place of a folder"

mkfifo "$dir/pipe"
ALLOCLAB_STATS=$dir/pipe under slab echo done
says ""
is "a report to a pipe that nobody reads does not hold up the exit"

# The program signals itself, calls on, and looks before it ends.
on_signal='kill "USR2", $$; my @some = map { "x" x $_ } 1 .. 2000;
	print -s $ENV{ALLOCLAB_STATS} ? "there" : "missing";'
for name in $names; do
	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats ALLOCLAB_STATS_SIGNAL=1 \
		under "$name" perl -e "$on_signal"
	[ "$(cat "$dir/out")" = there ] && adds_up "$dir/stats"
	is "$name: a report on SIGUSR2"

	rm -f "$dir"/stats*
	ALLOCLAB_STATS=$dir/stats ALLOCLAB_STATS_SIGNAL=1 \
		under "$name" $programs/preload_corners signal
	is "$name: by another thread, if that which got it sleeps"
done

rm -f "$dir"/stats*
ALLOCLAB_STATS=$dir/stats under slab perl -e "$on_signal"
[ $? -eq 140 ] && [ ! -e "$dir/stats" ]
is "SIGUSR2 that was not asked for does what it always does"

(trap '' USR2 && ALLOCLAB_STATS=$dir/stats ALLOCLAB_STATS_SIGNAL=1 \
	under slab perl -e "$on_signal")
[ "$(cat "$dir/out")" = missing ]
is "a disposition that is not the default stays"

ALLOCLAB_STATS_SIGNAL=1 under slab echo done
says "liballoclab-slab.so: ALLOCLAB_STATS_SIGNAL: ALLOCLAB_STATS names no file"
is "a signal for no report is one line on stderr"

# ---- what a library exports -------------------------------------------------------
family="aligned_alloc calloc cfree free mallinfo mallinfo2 malloc malloc_info
malloc_stats malloc_trim malloc_usable_size mallopt memalign posix_memalign
pvalloc realloc reallocarray valloc"
for name in $names; do
	nm -D --defined-only "build/lib/liballoclab-$name.so" |
		awk '{ print $NF }' | sort >"$dir/out"
	echo "$family" | tr ' ' '\n' | cmp -s - "$dir/out"
	is "$name: exports malloc's family and nothing else"
	readelf -d "build/lib/liballoclab-$name.so" >"$dir/out" &&
		grep -q 'FLAGS.*STATIC_TLS' "$dir/out" &&
		grep -q 'FLAGS_1.*NOW.*NODELETE' "$dir/out" &&
		! grep -q TEXTREL "$dir/out"
	is "$name: bound at once, never unloaded, its variable in static TLS"
done

plan
