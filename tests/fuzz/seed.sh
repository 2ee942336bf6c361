#!/bin/sh
# seed.sh - sows build/fuzz/corpus/: small inputs that each reach another reader.
set -eu
cd "$(dirname "$0")/../.."
corpus=build/fuzz/corpus/fuzz_trace
mkdir -p "$corpus"

# The first byte chooses the layer, see fuzz_trace.c.
sow() {
	name=$1
	shift
	printf "$@" >"$corpus/seed-$name"
}
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
