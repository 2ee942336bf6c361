#!/bin/sh
# seed.sh - sows build/fuzz/corpus/: small inputs to begin with.
set -eu
cd "$(dirname "$0")/../.."

sow() {
	name=$1
	shift
	mkdir -p "$corpus"
	printf "$@" >"$corpus/seed-$name"
}
# fuzz_trace.c: the first byte chooses the layer; each reaches another reader.
corpus=build/fuzz/corpus/fuzz_trace
sow classic 'r20000\n2\n4\n1\na 0 512\na 1 128\nr 0 640\nf 1\n'
sow f10 'r1 2 4 1\r\na 0 512\r\na 1 128\r\nr 0 640\r\nf 1\r\n'
sow modern 'r1 2 4 5000000000\na 0 512\na 1 128\nr 0 640\nf -1\n'
sow xv6 'r2 3\na 0 512\nr 1 128\nr 0 0\n'
sow script 'r# a comment\na 0 512\nr 0 640\nf 0\n'
sow ostep 'r+10,-0,+20,+30,-2'
sow inline 'ra=100 b=40 -a c=60 c:70 -NULL'
sow text 'ralloclab-text 1\n# source: seed\n+0 a=aligned(64,1K)\n+7 start(1)\n@1 phase(x) b=calloc(1M)\na=realloc(5)\nexit(1)\n@0 free(a)\nfree(NULL)\n'
sow binary 'r\211ALT\r\n\032\n\001\000\000\000'
sow header 'h\020\140\024\001\030\005\110\001'
# has_times slots threads phases, four lengths, the streams, times
sow streams 's\000\002\000\000\004\002\003\000\000\000\004\000\010\011\000\000\000'
sow times 's\001\002\001\001\005\001\002\003\000\025\007\026\004\010\000\000\001\000\001\000\001\002\003\004'

# fuzz_operations.c: allocator, no knobs; calls as in its table, each with its
# operands: malloc is \000 and three bytes, realloc \010, free \013.
corpus=build/fuzz/corpus/fuzz_operations
for allocator in 0 1 2 3 4 5 6; do
	sow "small-$allocator" "\\00$allocator\000\000\000\000\144\000\000\000\050\013\000\000\000\000\074\023\013\001\020\021"
	sow "pages-$allocator" "\\00$allocator\000\000\000\003\004\000\000\003\004\010\000\003\006\006\020\002\014\010\001\002\015\013\000"
	sow "refused-$allocator" "\\00$allocator\000\022\000\000\000\002\015\022\003\010\000\002\020\023\024\000\010\025\002\011\021"
done
