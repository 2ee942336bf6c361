#!/usr/bin/env python3
"""`alloclab scale`: every column of docs/csv.md, figures that follow from the
rounds, counts that are known, and what happens when something goes wrong.

TAP on stdout.  No time is asserted, only how the figures hang together.
"""
import csv
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from tap import plan, table, verdict  # noqa: E402

ALLOCATORS = ["bump", "first-fit:min_block=64,index=tree", "slab", "system"]
WORKS = ("private", "crossing", "sharing")
THREADS = ("1", "2", "3")
STEPS = 500


def scale(results, *arguments):
    command = ["build/alloclab", "scale", "--results", results, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def documented(name):
    """The columns of a file, as docs/csv.md lists them."""
    with open("docs/csv.md", encoding="utf-8") as file:
        section = re.search(rf"^## {name}.*?(?=^## )", file.read(), flags=re.M | re.S)[0]
    rows = re.findall(r"^\| ([\w, ]+) \| ", section, flags=re.M)
    if rows:
        return [word.strip() for row in rows if row != "column" for word in row.split(",")]
    return re.split(r"[,\s]+", re.search(r"`([^`]+)`", section)[1].strip())


def key(row):
    return row["allocator"], row["work"], row["threads"]


def check_columns(folder):
    return [f"{name}: {table(f'{folder}/{name}')[0]}" for name in
            ("scale.csv", "rounds.csv", "locks.csv")
            if sorted(table(f"{folder}/{name}")[0]) != sorted(documented(f"scale/{name}"))]


def check_keys(rows):
    wanted = [(a, w, t) for a in ["null"] + ALLOCATORS for w in WORKS for t in THREADS]
    return [] if [key(row) for row in rows] == wanted else [key(row) for row in rows]


def check_figures(folder, rows):
    """Medians of what rounds.csv says, within what four digits can."""
    rounds = {}
    for row in table(f"{folder}/rounds.csv")[1]:
        rounds.setdefault(key(row), []).append(float(row["wall_ns"]))
    problems = []
    for row in rows:
        allocator, work, threads = key(row)
        wall, one = rounds[key(row)], rounds[allocator, work, "1"]
        null, null_one = rounds["null", work, threads], rounds["null", work, "1"]
        speedups = [int(threads) * a / b for a, b in zip(one, wall)]
        control = [int(threads) * a / b for a, b in zip(null_one, null)]
        figures = {
            "ns_per_op": statistics.median(wall) / (int(row["calls"]) / int(threads)),
            "speedup": statistics.median(speedups),
            "of_control": statistics.median(a / b for a, b in zip(speedups, control)),
        }
        for name, figure in figures.items():
            low, high = float(row[name + "_lo"]), float(row[name + "_hi"])
            if abs(float(row[name]) - figure) > 1e-4 * max(1, figure) or \
                    not low <= float(row[name]) <= high:
                problems.append(f"{key(row)}: {name} {low} {row[name]} {high}, not {figure}")
    return problems


def check_counts(rows):
    """What does not depend on who comes first."""
    problems = []
    for row in rows:
        allocator, work, threads = key(row)
        calls, takes = int(row["calls"]), int(row["takes"])
        if work == "private" and calls != int(threads) * (2 * STEPS + 100):
            problems.append(f"{key(row)}: {calls} calls")
        if (takes > 0) != (work == "crossing" and threads != "1"):
            problems.append(f"{key(row)}: {takes} blocks from other threads")
        # one lock around a heap for one thread: once a call, at least
        locked = allocator not in ("null", "system")
        if int(row["acquired"]) < (calls if locked else 0) or \
                not locked and int(row["acquired"]) > 0 or threads == "1" and row["waited"] != "0":
            problems.append(f"{key(row)}: {row['acquired']} and {row['waited']} of {calls} calls")
    return problems


def check_locks(folder, rows):
    sums = {}
    for row in table(f"{folder}/locks.csv")[1]:
        got, waited = sums.get(key(row), (0, 0))
        sums[key(row)] = got + int(row["acquired"]), waited + int(row["waited"])
    return [key(row) for row in rows
            if sums.get(key(row), (0, 0)) != (int(row["acquired"]), int(row["waited"]))]


def check_json(folder):
    with open(f"{folder}/run.json", encoding="utf-8") as file:
        facts = json.load(file)
    problems = [f"no {name}" for name in ("machine", "commit", "flags", "options") if name not in facts]
    if [a["allocator"] for a in facts["allocators"]] != ALLOCATORS or \
            facts["threads"] != [1, 2, 3] or facts["options"]["steps"] != STEPS:
        problems.append(facts)
    return problems


def check_interrupt(top):
    """Complete rounds count; where results are, they stay as they are."""
    scale(top, "--reps", "1", "--steps", "10", "-a", "slab")
    before = os.stat(f"{top}/scale/scale.csv").st_mtime_ns
    with subprocess.Popen(["build/alloclab", "scale", "--results", top, "--reps", "1000",
                           "--steps", "10", "-a", "slab"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    rows = table(f"{top}/scale.interrupted/scale.csv")[1]
    good = process.returncode == 1 and "interrupted" in errors and \
        all(0 < int(row["rounds"]) < 1000 for row in rows) and \
        os.stat(f"{top}/scale/scale.csv").st_mtime_ns == before
    return [] if good else [process.returncode, errors]


def main():
    with tempfile.TemporaryDirectory() as top:
        run = scale(top, "--reps", "3", "--steps", str(STEPS), "--live", "100", "--threads-max",
                    "3", "-a", " ".join(ALLOCATORS))
        verdict("four allocators on 1, 2 and 3 threads", [run.stderr] * (run.returncode != 0))
        folder = f"{top}/scale"
        rows = table(f"{folder}/scale.csv")[1]
        verdict("the columns of docs/csv.md", check_columns(folder))
        verdict("a row for each allocator, work and number of threads", check_keys(rows))
        verdict("the figures follow from the rounds", check_figures(folder, rows))
        verdict("calls, blocks handed over, locks taken", check_counts(rows))
        verdict("locks.csv adds up to it", check_locks(folder, rows))
        verdict("run.json", check_json(folder))
        verdict("a table for each work", [w for w in WORKS if f"\n{w}: " not in run.stdout])
        small = scale(top, "--reps", "2", "--steps", "3000", "--memory", "64K", "-a", "slab bump")
        left = {row["allocator"] for row in table(f"{folder}/scale.csv")[1]}
        said = re.search(r"^alloclab: bump: out-of-memory at event \d+: (malloc\(\d+\) returned "
                         r"NULL with \d+ bytes live|malloc\(8\) returned NULL)", small.stderr,
                         re.MULTILINE)
        verdict("an allocator without memory is a line, the others are there",
                [small.stderr, left] * (small.returncode != 1 or left != {"null"} or not said))
        pool = scale(top, "--reps", "1", "--steps", "1000", "--threads-max", "1", "-a", "pool")
        verdict("one that refuses the work says so",
                [pool.stderr] * (pool.returncode != 1 or not re.search(
                    r"^alloclab: pool: refused at event \d+: pool serves requests of at most",
                    pool.stderr, re.MULTILINE)))
        once = scale(top, "--reps", "1", "--steps", "10", "-a", "slab").stdout
        verdict("one round has no interval", [once] * ("1 round." not in once or
                                                       re.search(r"\d-\d", once) is not None))
        wrong = scale(top, "-a", ""), scale(top, "-a", "slab:"), scale(top, "--reps", ""), \
            scale(top, "cc1"), scale(top, "--threads-max", "0"), scale(top, "-a", "nobody")
        verdict("bad usage is exit 2", [run.stderr for run in wrong if run.returncode != 2])
    with tempfile.TemporaryDirectory() as top:
        verdict("an interrupt keeps complete rounds", check_interrupt(top))
    return plan()


sys.exit(main())
