#!/usr/bin/env python3
"""e2e_read_trace.py - the C and the Python reader of traces agree (TAP)."""

import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import read_trace  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOCLAB = os.path.join(ROOT, "build", "alloclab")


def random_sites(dice):
    """Declarations of some call sites, and their number."""
    out = ["module(/bin/x%20y)", "module()"]
    out += ["frame(%d,%x%s)" % (i % 2, dice.randrange(1 << 47), dice.choice(["", ",f%20%28a.c:1%29"]))
            for i in range(9)]
    callers = [dice.randrange(i + 1) for i in range(20)]
    stacks = dict.fromkeys((dice.randrange(9), caller if caller < i // 3 else 0)
                           for i, caller in enumerate(callers))
    out += ["site(%d%s)" % (frame, ",%d" % caller if caller else "") for frame, caller in stacks]
    return out, len(stacks)


def random_text(seed, events, times, threads, sites, touched):
    """A sound trace in short and long tokens."""
    dice = random.Random(seed)
    out = ["alloclab-text 1\n# source: seed %d" % seed]
    live, running, born, stacks = [], {0}, 0, 0
    if sites:
        declarations, stacks = random_sites(dice)
        out[0] = out[0].replace("text 1", "text 2")
        out += declarations
    for i in range(events):
        if times:
            out.append("+%d" % (dice.randrange(10 ** dice.randrange(1, 12)) if i else 0))
        choice = dice.random()
        if threads and choice < 0.02:
            thread = dice.randrange(1, 4)
            word = "exit" if thread in running else "start"
            running ^= {thread}
            out.append("%s(%d) @0" % (word, thread))
        elif choice < 0.04:
            out.append("phase(p%d)" % dice.randrange(5))
        elif choice < 0.06:
            out.append(dice.choice(["free(NULL)", "-NULL"]))
        elif live and choice < 0.12:
            name = dice.choice(live)
            if stacks:
                out.append("^%d" % dice.randrange(1, stacks + 1))
            size = dice.randrange(1, 9999)
            if touched:
                out.append("~%d" % dice.randrange(size + 1))
            out.append(dice.choice(["%s:%d", "%s=realloc(%d)"]) % (name, size))
        elif live and choice < 0.50:
            name = live.pop() if choice < 0.3 else live.pop(dice.randrange(len(live)))
            out.append(dice.choice(["-%s", "free(%s)"]) % name)
        else:
            name = "%s%d" % (dice.choice(["n", "x.", "_", ""]), born)
            born += 1
            live.append(name)
            if stacks and choice < 0.8:
                out.append("^%d" % dice.randrange(1, stacks + 1))
            form = dice.choice(["%s=%d", "%s=malloc(%d)", "%s=calloc(%d)",
                                "%s=aligned(64,%d)", "%s=aligned(1M,%dK)"])
            size = dice.randrange(0, 1 << dice.randrange(1, 30))
            if touched and choice < 0.9:
                out.append("~%d" % dice.randrange(size + 1))
            out.append(form % (name, size))
        if threads and choice > 0.9:
            out.append("@%d" % dice.choice(sorted(running)))
    return dice.choice(["\n", " ", "\r\n"]).join(out[1:]).join([out[0] + "\n", "\n"])


def run(*arguments):
    done = subprocess.run([ALLOCLAB, *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode()


def said(info, key):
    return re.search(r"^  %s +(.*)$" % key, info, re.M).group(1)


def compare(condition, what):
    if not condition:
        raise AssertionError(what)


def check(folder, seed, events, *parts):
    """Text by both readers, binary by C read by Python, sums by both."""
    text, binary = os.path.join(folder, "t.txt"), os.path.join(folder, "t.trace")
    back = os.path.join(folder, "back.txt")
    with open(text, "w", newline="") as file:
        file.write(random_text(seed, events, *parts))
    run("import", text, "-o", binary)
    run("import", binary, "--text", "-o", back)
    with open(text, "rb") as file:
        ours = read_trace.read_trace(file.read())
    with open(binary, "rb") as file:
        theirs = read_trace.read_trace(file.read())
    with open(back) as file:
        back_text = file.read()
    compare(read_trace.text_of(theirs) == back_text, "C's text of its binary form")
    compare(read_trace.text_of(ours) == back_text, "C's reading of the text")
    both = ours.all()
    compare(read_trace.checksum(both, ours.slots) == theirs.checksum, "the checksum")
    compare(read_trace.peak(both) == (theirs.peak_live_bytes, theirs.peak_live_event), "the peak")
    compare(ours.slots == theirs.slots, "the slots")
    info = run("info", binary)
    compare(said(info, "checksum") == "%016x" % theirs.checksum, "info's checksum")
    compare(said(info, "events").startswith("%d," % events), "info's events")
    last = theirs.segment((events - 1) // read_trace.SEGMENT_EVENTS)[-1]
    compare(read_trace.line_of(last) == back_text.rstrip("\n").split("\n")[-1].split()[-1],
            "the last event, found through the index")


# Seed, events, and whether there are times, threads, call sites, touched bytes.
CASES = [(1, 1000, False, False, False, False), (2, 3000, True, False, False, False),
         (3, 3000, False, True, False, False), (4, 5000, True, True, False, False),
         (5, 70000, True, True, False, False), (6, 3000, False, False, True, False),
         (7, 70000, True, True, True, False), (8, 3000, False, False, False, True),
         (9, 70000, True, True, True, True)]
PARTS = (", times", ", threads", ", sites", ", touched")


def main():
    print("1..%d" % len(CASES))
    for number, (seed, events, *parts) in enumerate(CASES, 1):
        name = "%d events" % events + "".join(word * part for word, part in zip(PARTS, parts))
        if read_trace.ZSTD is None:
            print("ok %d - %s # SKIP no libzstd" % (number, name))
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                check(folder, seed, events, *parts)
            print("ok %d - %s" % (number, name))
        except AssertionError as failure:
            print("not ok %d - %s\n# differs: %s" % (number, name, failure))


main()
