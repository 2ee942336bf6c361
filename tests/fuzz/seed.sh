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
sow sites 'rmodule(/x)\nframe(0,1f,main%%20(a.c:1))\nframe(0,2)\nsite(0)\nsite(1,1)\n^2 a=8 ^1 b=9 -a ^2 b:7\n'
sow touched 'r~100 a=8K +3 ~0 b=calloc(1M) ~5 b:7 -a\n'
sow logalloc 'r1 1 malloc(42)=#1\n1 2 calloc(4,8)=0x2\n1 1 realloc(#1,50)=#3\n1 1 memalign(16,8)=#4\n1 2 free(#3)\n2 2 valloc(3)=#4\n'
sow memory_replay 'r10: malloc 0x100 20 5 6\n10: calloc 0x200 4 8\n11: realloc 0x300 0x100 30 7 8\n11: memalign 0x500 64 100\n11: thread_done 0x0\n10: free 0x300\n'
sow mtrace 'r= Start\n@ ./x:(main+2c)[0x11b2] + 0x100 0xa\n@ ./x:[0x11c5] < 0x100\n@ ./x:[0x11c5] > 0x200 0x3e8\n@ ./x:[0x1] ! 0x200 0x7\n- 0x200\n= End\n'
sow ltrace 'r[pid 7] x->malloc(10) = 0x100\n[pid 8] x->calloc(2, 3 <unfinished ...>\n[pid 7] x->free(0x100 <no return ...>\n[pid 8] <... calloc resumed> ) = 0x100\n8 1700000000.000001 realloc(0x100, 30) = 0x200\n[pid 8] +++ exited (status 0) +++\n[pid 7] --- Called exec() ---\n'
sow heaptrack 'rv 10400 3\nx 6 /bin/x\nm 1 -\nm 1 x 1000 0 850 1000 3a9\nm 1 y 7f0000 0 2b28\nt 7f1010 0\nt 1020 1\n+ a 2 100\nc 5\n- 100\n+ 0 1 100\n'
sow binary 'r\211ALT\r\n\032\n\001\000\000\000'
sow table 't\001\002\001\002/x\002\000\005\001f\000\006\000\002\000\001\001\001'
sow header 'h\020\140\024\001\030\005\110\001'
# flags slots threads phases, four lengths, the streams, times or untouched bytes
sow streams 's\000\002\000\000\004\002\003\000\000\000\004\000\010\011\000\000\000'
sow times 's\001\002\001\001\005\001\002\003\000\025\007\026\004\010\000\000\001\000\001\000\001\002\003\004'

sow untouched 's\002\001\001\000\003\002\002\000\000\003\004\100\010\000\001\100\003'

# fuzz_operations.c: allocator, no knobs; calls as in its table, each with its
# operands: malloc is \000 and three bytes, realloc \010, free \013.
corpus=build/fuzz/corpus/fuzz_operations
for allocator in 0 1 2 3 4 5 6; do
	sow "small-$allocator" "\\00$allocator\000\000\000\000\144\000\000\000\050\013\000\000\000\000\074\023\013\001\020\021"
	sow "pages-$allocator" "\\00$allocator\000\000\000\003\004\000\000\003\004\010\000\003\006\006\020\002\014\010\001\002\015\013\000"
	sow "refused-$allocator" "\\00$allocator\000\022\000\000\000\002\015\022\003\010\000\002\020\023\024\000\010\025\002\011\021"
done
