#!/bin/sh
# e2e_preload_tsan.sh: the code of the preloaded library under ThreadSanitizer.
#
# A sanitizer has a malloc of its own, so that it cannot be preloaded into.  But
# harness/preload/, compiled under other names (shim/names.h), can be linked with
# programs/preload_races.c, compiled under the same: eight threads that come, go,
# fork, and free after their handles are gone.  Then a few lines are broken, for
# which it has to be blamed.
#
# Not seen here: what is before main and in the last round of destructors, where
# the sanitizer itself is not there.
set -u
. tests/tap.sh

out=build/tsan/tests/shim
limit=60 # seconds; it takes a few
attempts=3
unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS ALLOCLAB_STATS_SIGNAL
export TSAN_OPTIONS=exitcode=66

make -s --no-print-directory VARIANT=tsan shims >"$dir/out" 2>&1
is "the shims are built"
eval "$(make -s --no-print-directory VARIANT=tsan shims-print)"

for name in tcmalloc jemalloc ptmalloc slab; do
	timeout $limit $out/$name/races >"$dir/out" 2>"$dir/err"
	is "$name: no data race"
	ALLOCLAB_STATS=$dir/stats ALLOCLAB_STATS_SIGNAL=1 \
		timeout $limit $out/$name/races >"$dir/out" 2>"$dir/err"
	[ $? -eq 0 ] && grep -q "^allocator $name\$" "$dir/stats"
	is "$name: none with reports on signals"
done

# Whether tcmalloc's shim with a line of handle.c broken is blamed for it.
is_blamed() { # SED-COMMAND COMPLAINT
	sed "$1" harness/preload/handle.c >"$dir/handle.c"
	others=$(echo "$out"/tcmalloc/[!h]*.o)
	# shellcheck disable=SC2086
	! cmp -s harness/preload/handle.c "$dir/handle.c" &&
		$SHIM_CC -w -iquote harness/preload \
			-DPRELOAD_NAME='"tcmalloc"' -DPRELOAD_ALLOCATOR=tcmalloc_allocator \
			-DPRELOAD_CALLS=tcmalloc_allocator -c "$dir/handle.c" -o "$dir/handle.o" &&
		$SHIM_CC "$dir/handle.o" $others "$out/preload_races.o" \
			build/tsan/liblab.a -o "$dir/broken" $SHIM_LIBS || return 1
	for attempt in $(seq $attempts); do
		timeout $limit "$dir/broken" >"$dir/out" 2>"$dir/err"
		if [ $? -ne 0 ] && grep -q "$2" "$dir/err"; then
			return 0
		fi
	done
	return 1
}

is_blamed 's/^static atomic_bool forks_alone/static bool forks_alone/' \
	'data race .* in fork_prepare'
is "blamed: threads that fork at once write the same variable"
is_blamed '/^static struct thread_heap \*take_shared/,/^}/s/.*lock_take.*//' \
	'ThreadSanitizer: \(data race\|SEGV\)'
is "blamed: the shared handle has no lock"
is_blamed 's/.*PRELOAD_CALLS.fork_prepare.*//' 'ThreadSanitizer: data race'
is "blamed: fork does not take the heap's locks"

plan
