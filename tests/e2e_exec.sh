#!/bin/sh
# e2e_exec.sh: `alloclab exec` becomes the program, or says why it cannot.
set -u
. tests/tap.sh

unset LD_PRELOAD ALLOCLAB_CONF ALLOCLAB_STATS
make -s --no-print-directory VARIANT=fast all preload \
	build/tests/programs/record_static >"$dir/out" 2>&1
is "the libraries are built"

exec_with() { # ALLOCATOR PROGRAM...
	allocator=$1
	shift
	"$alloclab" exec -a "$allocator" -- "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
# The last command ended so, and said this and nothing else on stderr.
ended() { # STATUS MESSAGE
	[ $status -eq "$1" ] && [ ! -s "$dir/out" ] &&
		[ "$(cat "$dir/err")" = "alloclab exec: $2" ]
}

for name in first-fit next-fit best-fit worst-fit buddy slab ptmalloc \
    tcmalloc jemalloc; do
	exec_with $name sh -c 'cat /proc/$$/maps; exit 7'
	[ $status -eq 7 ] && grep -q "/liballoclab-$name\.so$" "$dir/out"
	is "$name is in the program, whose exit status counts"
done

exec_with system sh -c 'cat /proc/$$/maps'
[ $status -eq 0 ] && ! grep -q liballoclab "$dir/out"
is "system: nothing is preloaded"

# shellcheck disable=SC2016
exec_with tcmalloc:page_map=hash sh -c 'echo "$ALLOCLAB_CONF"'
[ "$(cat "$dir/out")" = tcmalloc:page_map=hash ] && [ ! -s "$dir/err" ]
is "knobs reach the library, which takes them"

exec_with slab sh -c 'sh -c "cat /proc/\$\$/maps; true"'
grep -q '/liballoclab-slab\.so$' "$dir/out"
is "programs that it starts have the same malloc"

# shellcheck disable=SC2016
"$alloclab" exec -a buddy -- sh -c 'echo $$' >"$dir/out" 2>&1 &
process=$!
wait $process
[ "$(cat "$dir/out")" = $process ]
is "it is the same process: nothing stands between"

exec_with buddy sh -c 'kill -TERM $$'
[ $status -eq 143 ]
is "a signal ends it as it would end the program"

exec_with buddy echo -a --help
[ "$(cat "$dir/out")" = "-a --help" ]
is "what follows the program is its own"

"$alloclab" exec -a slab echo 'two  words' '' end >"$dir/out"
[ "$(cat "$dir/out")" = "two  words  end" ]
is "arguments arrive as they are, and -- can be left out"

if LD_PRELOAD=libjemalloc.so.2 sh -c true 2>&1 | grep -q ERROR; then
	skip "lib:jemalloc is preloaded" "not installed"
else
	exec_with 'lib:jemalloc[MALLOC_CONF=narenas:1]' \
		sh -c 'cat /proc/$$/maps; echo $MALLOC_CONF'
	grep -q 'libjemalloc\.so' "$dir/out" && grep -q '^narenas:1$' "$dir/out"
	is "lib:jemalloc is preloaded, with its environment"
fi

# ---- what cannot be ------------------------------------------------------------
exec_with slab no-such-program
ended 127 'there is no program "no-such-program" in PATH'
is "a program that is not there: 127"

exec_with slab ./no/such/program
ended 127 './no/such/program: No such file or directory'
is "a path that is not there: 127"

exec_with slab tests/README.md
ended 126 'tests/README.md is not executable'
is "a file that is no program: 126"

exec_with slab ./tests
ended 126 './tests is a folder, not a program'
is "a folder: 126"

exec_with slab build/tests/programs/record_static
ended 126 "build/tests/programs/record_static is statically linked: the dynamic \
linker, which would load the lab's library, takes no part in running it"
is "a static program: 126"

exec_with system build/tests/programs/record_static
[ $status -ne 126 ]
is "with its own malloc it runs"

cp /bin/true "$dir/setuid" && chmod u+s "$dir/setuid"
exec_with slab "$dir/setuid"
ended 126 "$dir/setuid is setuid: the dynamic linker loads no foreign library \
into such a program"
is "a setuid program: 126"

exec_with slob true
[ $status -eq 2 ] && grep -q 'no allocator is called "slob" (there are ' "$dir/err"
is "an unknown allocator: 2"

exec_with tcmalloc:page_map=tree true
[ $status -eq 2 ] && grep -q 'page_map' "$dir/err"
is "a bad knob: 2"

exec_with bump true
ended 2 "bump never takes memory back: no program can run with it"
is "bump is for no program: 2"

exec_with pool true
ended 2 "pool has blocks of one size: no program can run with it"
is "nor is pool: 2"

"$alloclab" exec true >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 2 ] && grep -q 'which allocator' "$dir/err"
is "no allocator: 2"

"$alloclab" exec -a slab >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 2 ] && grep -q 'which program' "$dir/err"
is "no program: 2"

# The program with nothing beside it.
mkdir "$dir/bare" && cp build/alloclab "$dir/bare"
"$dir/bare/alloclab" exec -a slab true >"$dir/out" 2>"$dir/err"
status=$?
ended 2 "slab is not built as a library yet: make preload"
is "a library that is not built: 2, and how to build it"

plan
