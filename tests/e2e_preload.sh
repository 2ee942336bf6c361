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
	LD_PRELOAD=$library timeout $limit "$@" >"$dir/out" 2>"$dir/err"
}

# ---- programs that know what must come out --------------------------------------
cases() {
	cat <<-'CASES'
		preload_family
		preload_threads churn
		preload_threads atfork
		preload_threads keys
		preload_threads stacks
		preload_threads handover
		preload_threads interrupt
	CASES
}

cases >"$dir/cases"
while read -r case; do
	# shellcheck disable=SC2086
	timeout $limit $programs/$case >"$dir/out" 2>"$dir/err"
	is "$case holds with glibc's malloc"
	for name in $names; do
		# shellcheck disable=SC2086
		under "$name" $programs/$case
		is "$name: $case"
	done
done <"$dir/cases"

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
