#!/usr/bin/env python3
"""e2e_blame.py - `alloclab blame` and the importers on real tools' logs (TAP).

docs/words.trace is what docs/blame.md talks of.  Where heaptrack, ltrace or the
C library's mtrace are installed, a program is run under each: its calls are
known, so the traces must have just those.
"""
import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import plan, skip, verdict  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOCLAB = os.path.join(ROOT, "build", "alloclab")
WORDS = os.path.join(ROOT, "docs", "words.trace")


def result(ok, name, why=""):
    verdict(name, [] if ok else str(why).split("\n"))


def run(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


def blame(folder, *arguments):
    return run(ALLOCLAB, "blame", "--results", folder, *arguments, cwd=ROOT)


def rows(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def check_words(folder):
    """What docs/blame.md says of the example."""
    done = blame(folder, WORDS, "-a", "best-fit", "-a", "jemalloc", "--skip", "allocate")
    result(done.returncode == 0, "blame ends well", done.stderr)
    sites = {(row["allocator"], row["site"]): row
             for row in rows(os.path.join(folder, "words-blame"), "blame.csv")}
    for heap in rows(os.path.join(folder, "words-blame"), "blame_heap.csv"):
        of = [row for (name, _), row in sites.items() if name == heap["allocator"]]
        held = sum(int(row["held_bytes"]) for row in of)
        parts = held + int(heap["metadata_bytes"]) + int(heap["free_page_bytes"])
        result(parts == int(heap["footprint_bytes"]) and held == int(heap["held_bytes"]),
               heap["allocator"] + ": all that is held, headers and free pages are the heap")
        result(all(int(row["held_bytes"]) == sum(int(row[part + "_bytes"]) for part in
                                                 ("requested", "rounding", "hole"))
                   for row in of), heap["allocator"] + ": what is held is live and holes")
    words = sites["jemalloc", "intern (blame_words.c:46)"]
    result(words["blocks"] == "500" and int(words["held_bytes"]) > 100 * int(words["requested_bytes"])
           and words["held_long_bytes"] == words["held_bytes"]
           and int(words["pages_alone"]) > 450, "jemalloc: 500 words hold a hundred times themselves", words)
    result(int(sites["best-fit", "intern (blame_words.c:46)"]["hole_bytes"]) == 0,
           "best-fit: at its peak they hold nothing more")
    page = open(os.path.join(ROOT, "docs", "blame.md")).read()
    quoted = re.findall(r"^    ((?:build_index|intern|\(headers|\(free|sum:).*)$", page, re.M)
    at = blame(folder, WORDS, "-a", "best-fit", "-a", "jemalloc", "--skip", "allocate",
               "--at", "122502")
    said = {" ".join(line.split()) for line in (done.stdout + at.stdout).splitlines()}
    missing = [line for line in quoted if " ".join(line.split()) not in said]
    result(len(quoted) >= 7 and not missing, "docs/blame.md quotes what it says", "\n".join(missing))


def check_options(folder):
    for arguments, status, text in (
            ((WORDS, "-a", "system"), 2, "does not show its heap"),
            ((WORDS, "-a", "no-such"), 2, "no-such"),
            ((WORDS, "-a", "a b"), 2, "one allocator for each -a"),
            ((WORDS, "--at", "122504"), 2, "there is no event 122504: the trace has 122503"),
            ((WORDS, "--page", "5000"), 2, "a power of two from 4K to 1G, not \"5000\""),
            ((WORDS, "-a", "slab", "-a", "slab", "-a", "slab"), 2, "two allocators at most"),
            ((WORDS, "--pace", "x10"), 2, "--pace takes recorded"),
            (("tiny", "--pace", "recorded"), 2, "tiny has no times"),
            ((), 2, "which trace?"),
            ((WORDS, "-a", "first-fit", "--memory", "1M"), 1, "out-of-memory")):
        done = blame(folder, *arguments)
        result(done.returncode == status and text in done.stderr,
               "blame %s: %s" % (" ".join(os.path.basename(a) for a in arguments), text), done.stderr)
    done = blame(folder, WORDS, "--pace", "recorded", "-a", "jemalloc")
    result(done.returncode == 0, "blame keeps the recorded pace", done.stderr)
    done = blame(folder, "a=100 b=40 -a c=60", "-a", "best-fit")
    result("no call sites" in done.stdout and "65-128 bytes" in done.stdout,
           "without call sites sizes are blamed, and it is said", done.stdout)


def check_long_names(folder):
    """A C++ name of 3000 bytes."""
    name = "shop::Table<%s>::grow(int) (table.cpp:120)" % ", ".join(["shop::Key"] * 250)
    path = os.path.join(folder, "long.txt")
    with open(path, "w") as file:
        file.write("alloclab-text 2\nmodule(/bin/x)\nframe(0,11c8,%s)\nsite(0)\n^1 a=malloc(5000)\n"
                   % re.sub("[(), ]", lambda found: "%%%02x" % ord(found[0]), name))
    done = blame(folder, path, "-a", "best-fit")
    table = done.stdout.split("\n\n")[2].splitlines() if done.returncode == 0 else []
    result(len(table) > 1 and table[1].startswith("shop::Table<shop::Key, ")
           and "...w(int) (table.cpp:120) " in table[1] and max(map(len, table)) < 140,
           "a long name keeps its ends in the table", done.stdout + done.stderr)
    result(rows(os.path.join(folder, "long-blame"), "blame.csv")[0]["site"] == name,
           "and all of it in the file")


def check_chart(folder):
    python = next((p for p in ("python3", "/usr/bin/python3")
                   if run(p, "-c", "import matplotlib, numpy").returncode == 0), None)
    if python is None:
        skip("the chart", "no matplotlib")
        return
    for arguments in ((WORDS, "-a", "best-fit", "-a", "jemalloc"), ("tiny", "-a", "buddy")):
        blame(folder, *arguments)
        name = os.path.splitext(os.path.basename(arguments[0]))[0] + "-blame"
        done = run(os.path.join(ROOT, "plots", "draw"), os.path.join(folder, name))
        png = os.path.join(folder, name, "blame.png")
        result(done.returncode == 0 and open(png, "rb").read(4) == b"\x89PNG",
               "the chart of %s is drawn, and no text overlaps" % name, done.stdout + done.stderr)


SOURCE = r"""
#include <mcheck.h>
#include <stdio.h>
#include <stdlib.h>
void *volatile sink;
__attribute__((noinline)) static void *make(size_t size) { return sink = malloc(size); }
int main(void)
{
	mtrace();
	void *all[100];
	for (int i = 0; i < 100; i++)
		all[i] = make(1001 + i);
	for (int i = 0; i < 100; i += 2)
		free(all[i]);
	sink = calloc(7, 300);
	sink = realloc(sink, 4000);
	free(sink);
	muntrace();
	return 0;
}
"""


def build_known(folder):
    path = os.path.join(folder, "known.c")
    with open(path, "w") as file:
        file.write(SOURCE)
    compiler = shlex.split(os.environ.get("CC") or "cc")
    done = run(*compiler, "-g", "-O0", "-fno-builtin", path, "-o", os.path.join(folder, "known"))
    return done.returncode == 0


def imported(log, folder):
    """The lines of a log's text form that have the known program's sizes."""
    text = os.path.join(folder, "known.txt")
    done = run(ALLOCLAB, "import", log, "--text", "-o", text, cwd=ROOT)
    if done.returncode != 0:
        return done.stderr, []
    with open(text) as file:
        lines = file.read().splitlines()
    return "", lines


def expect_known(tool, log, folder, resize, frame):
    problem, lines = imported(log, folder)
    made = [line for line in lines if re.search(r"=malloc\(1[01]\d\d\)$", line)]
    names = {re.search(r"(\w+)=malloc", line)[1] for line in made}
    sizes = sorted(int(re.search(r"\((\d+)\)", line)[1]) for line in made)
    result(sizes == list(range(1001, 1101)) and len(names) == 100,
           tool + ": a hundred blocks, each live in a place of its own", problem or len(made))
    result(sum(line.endswith(resize) for line in lines) == 1, tool + ": its realloc", problem)
    if frame:
        result(any(line.startswith("frame(") and frame in line for line in lines),
               tool + ": the call site, with function and line", problem)


def check_tools(folder):
    known = os.path.join(folder, "known")
    if not build_known(folder):
        skip("logs of real tools", "no compiler")
        return
    log = os.path.join(folder, "known.ltrace")
    if shutil.which("ltrace") and run("ltrace", "-f", "-o", log, known).returncode == 0:
        expect_known("ltrace", log, folder, "=realloc(4000)", "")
    else:
        skip("ltrace", "it is not installed, or may not trace")
    log = os.path.join(folder, "known.mtrace")
    run(known, env=dict(os.environ, MALLOC_TRACE=log, LD_PRELOAD="libc_malloc_debug.so.0"))
    if os.path.exists(log):
        expect_known("mtrace", log, folder, "=realloc(4000)", "make%20%28known.c:6%29")
    else:
        skip("mtrace", "this C library has none")
    if shutil.which("heaptrack"):
        log = os.path.join(folder, "known")
        run("heaptrack", "--raw", "-o", log, known, cwd=folder)
        found = [name for name in os.listdir(folder) if name.startswith("known.raw")
                 or name.startswith("known.zst") or name.startswith("known.gz")]
        expect_known("heaptrack", os.path.join(folder, found[0]), folder, "=malloc(4000)",
                     "make%20%28known.c:6%29")
    else:
        skip("heaptrack", "it is not installed")


def check_recorder(folder):
    """The same program under our own recorder: the same line is to blame."""
    program = os.path.join(ROOT, "build", "tests", "programs", "blame_words")
    made = run("make", "VARIANT=fast", "build/tests/programs/blame_words", cwd=ROOT)
    if "--sites" not in run(ALLOCLAB, "record", "--help").stdout or made.returncode != 0:
        skip("record --sites", "this build records no call sites")
        return
    trace = os.path.join(folder, "own.trace")
    done = run(ALLOCLAB, "record", "--sites", "-o", trace, "--", program, "1", cwd=folder)
    blame(folder, trace, "-a", "jemalloc", "--skip", "allocate")
    sites = {row["site"]: row for row in rows(os.path.join(folder, "own-blame"), "blame.csv")}
    words = sites.get("intern (blame_words.c:46)", {})
    result(words.get("blocks") == "500" and int(words["pages_alone"]) > 450,
           "record --sites: the same line is to blame", done.stderr + str(sites.keys()))


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_words(folder)
        check_options(folder)
        check_long_names(folder)
        check_chart(folder)
        check_tools(folder)
        check_recorder(folder)
    return plan()


sys.exit(main())
