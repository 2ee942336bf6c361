#!/usr/bin/env python3
"""e2e_preload_frames.py: no frame above 1 KiB in the preloaded libraries (TAP).

Threads with stacks of 16 KiB call malloc.  The compiler's -Wframe-larger-than
looks at one file; link-time optimisation then inlines across files, so this reads
the libraries as they are: of each function, by objdump,

    frame = 8 for each push + what is subtracted from %rsp

all paths through it added up, so never less than any one of them needs.  Whatever
else moves %rsp (alloca, an array of variable length) makes a frame unknown.

Two kinds of function may have more, and only their own kind may call them: what
runs once, when the heap is built; and what is in the vtable for the lab's tools,
which no function of malloc's family calls.
"""
import math
import os
import platform
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import plan, skip, verdict  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 1024
AT_START = {"build_heap", "start", "settings_read",  # who calls the next two
            "knob_parse",   # ALLOCLAB_CONF
            "tcm_create"}   # size classes
FOR_TOOLS = {"tcm_check", "tcm_walk", "tcm_free_lists", "pt_check", "pt_walk",
             "je_check", "je_walk", "je_free_lists", "check_arena"}

# The first is fine, and none of the others is; knob_parse should not be called here.
FIXTURE = """
#include <alloca.h>
void use(char *bytes);
void fits(void) { char bytes[1000]; use(bytes); }
void large(void) { char bytes[1100]; use(bytes); }
void huge(void) { char bytes[70000]; use(bytes); }
void variable(int n) { char bytes[n]; use(bytes); }
void asks(int n) { use(alloca(n)); }
static __attribute__((noinline)) void knob_parse(void) { char bytes[1100]; use(bytes); }
void calls(void) { knob_parse(); use(0); }
"""


def growth(instruction):
    """By how many bytes the stack grows in it."""
    if re.match(r"push", instruction):
        return 8
    move = re.match(r"(sub|add)q? +\$(-?0x[0-9a-f]+),%rsp$", instruction)
    if move:
        value = int(move[2], 16)
        if value >> 63:
            value -= 1 << 64
        return max(value if move[1] == "sub" else -value, 0)
    if instruction.endswith(",%rsp") and "%rbp,%rsp" not in instruction \
            and "(%rbp),%rsp" not in instruction:
        return math.inf
    return 0


def functions(library):
    """name -> (frame, names called or jumped to) of everything in a library."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library],
                          capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <([\w.]+)(?:@plt)?>:$", line)
        if start:
            name, frame, calls = start[1], 0, set()
        elif line.startswith(" ") and "\t" in line:
            instruction = line.split("\t", 1)[1].strip()
            frame += growth(instruction)
            calls |= set(re.findall(r"^(?:call|j\w+) .*<([\w.]+)>$", instruction))
            found[name] = frame, calls
    return found


def plain(name):
    """Of a clone that the compiler made: the function it was made of."""
    return name.split(".")[0]


def large_frames(found):
    return [f"{name}: {frame} bytes" for name, (frame, _) in found.items()
            if frame > LIMIT and plain(name) not in AT_START | FOR_TOOLS]


def wrong_calls(found):
    """Calls of the large ones by others than their own kind."""
    return [f"{caller} calls {callee}"
            for caller, (_, calls) in found.items() for callee in calls
            for kind in (AT_START, FOR_TOOLS)
            if plain(callee) in kind and plain(caller) not in kind
            and found.get(callee, (0, None))[0] > LIMIT]


def fixture():
    """The complaints about the fixture: names, and calls."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = os.path.join(folder, "f.c"), os.path.join(folder, "f.so")
        with open(source, "w", encoding="utf-8") as file:
            file.write(FIXTURE)
        subprocess.run(["cc", "-O2", "-fPIC", "-shared", source, "-o", library], check=True)
        found = functions(library)
        return sorted(line.split(":")[0] for line in large_frames(found)) + wrong_calls(found)


def build():
    environment = {key: value for key, value in os.environ.items()
                   if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    make = ["make", "-s", "--no-print-directory", "VARIANT=fast"]
    subprocess.run([*make, "preload"], cwd=ROOT, env=environment, check=True,
                   stdout=subprocess.DEVNULL)
    names = subprocess.run([*make, "preload-names"], cwd=ROOT, env=environment, check=True,
                           capture_output=True, text=True).stdout.split()
    return [os.path.join(ROOT, "build/lib", f"liballoclab-{name}.so") for name in names]


def main():
    if platform.machine() != "x86_64":
        skip("frames", "knows x86-64 only")
        return plan()
    found = fixture()
    wanted = ["asks", "huge", "large", "variable", "calls calls knob_parse"]
    verdict("a large frame, an array of variable length, alloca and a wrong call are noticed",
            [] if found == wanted else [str(found)])
    for library in build():
        found = functions(library)
        name = os.path.basename(library)
        known = {"malloc", "free", "calloc", "realloc", "handle_find"}
        verdict(f"{name}: no frame above {LIMIT} bytes in {len(found)} functions",
                sorted(known - set(found)) or large_frames(found))
        verdict(f"{name}: the exceptions are called by their own kind", wrong_calls(found))
    return plan()


sys.exit(main())
