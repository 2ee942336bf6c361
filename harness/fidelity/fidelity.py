#!/usr/bin/env python3
"""Is what a replay says what a program gets?

    harness/fidelity/fidelity.py [--quick] [-a "tcmalloc ..."] [PROGRAM...]

Records each program of tests/real_programs, replays the trace on each allocator of the lab, runs
the program under the same allocators preloaded, and holds the peaks of resident memory against
each other.  Writes results/fidelity/fidelity.csv, prints a table, and every miss with its reason.
docs/fidelity.md says what is compared.  Exit status: 0, also with misses; 1 if nothing came out.
"""
import argparse
import glob
import os
import sys

import measure
import report
import suite

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "..", "..", "tests", "real_programs")

GENERAL = ["ptmalloc", "tcmalloc", "jemalloc"]
TEXTBOOK = ["slab", "buddy", "first-fit", "next-fit", "best-fit", "worst-fit"]
DECAYS = {"jemalloc"}        # gives memory back over time: replayed at the recorded pace


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("-a", "--allocators", default=" ".join(GENERAL + TEXTBOOK))
    parser.add_argument("--quick", action="store_true",
                        help="one round, no textbook allocators")
    parser.add_argument("--full", action="store_true",
                        help="programs in their full size: an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replay-seconds", type=float, default=3,
                        help="what a replay without pace may take (default 3)")
    parser.add_argument("--seconds", type=float, default=60,
                        help="what a run of a program may take (default 60)")
    parser.add_argument("--build", default="build")
    parser.add_argument("--results", default="results")
    parser.add_argument("--directory", default=PROGRAMS, help="where programs are described")
    parser.add_argument("--work", default="build/fidelity")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
        options.allocators = " ".join(a for a in options.allocators.split() if a in GENERAL)
    return options


def replay_of(lab, trace, allocator, options, touch):
    """The row of a replay, at the pace that the design asks for."""
    if allocator in DECAYS:
        return measure.replay(lab, trace, allocator, options.seconds + trace["seconds"],
                              "--touch", touch, "--pace", "recorded")
    return measure.replay(lab, trace, allocator, options.replay_seconds, "--touch", touch)


def run_rounds(lab, program, allocator, options):
    """Reports of the preloaded program, one for each round; None if one did not come."""
    rounds = options.rounds if allocator in GENERAL else min(options.rounds, 2)
    reports = []
    for _ in range(rounds):
        program.shell("before")
        reports.append(measure.preload(lab, program, allocator, options.seconds))
        if reports[-1] is None:
            return None
    return reports


def measure_allocator(lab, program, trace, allocator, options):
    """A row; its status says how far it came."""
    row = {"program": program.name, "allocator": allocator, "events": trace["events"],
           "threads": trace["threads"], "live_bytes": trace["live"], "status": "ok",
           "pace": "recorded" if allocator in DECAYS else "none"}
    replayed = replay_of(lab, trace, allocator, options, "recorded")
    if replayed["status"] != "ok":
        return {**row, "status": "replay-" + replayed["status"]}
    reports = run_rounds(lab, program, allocator, options)
    if reports is None:
        return {**row, "status": "preload-failed"}
    row["replayed_bytes"] = int(replayed["peak_resident_bytes"])
    row["replayed_committed_bytes"] = int(replayed["peak_committed_bytes"])
    report.add_preloaded(row, reports)
    if row["ratio"] > 1:
        once = replay_of(lab, trace, allocator, options, "first")
        row["touched_once_bytes"] = int(once.get("peak_resident_bytes") or 0)
    return row


def measure_program(lab, program, options):
    """Rows of all allocators; none if it cannot be recorded."""
    why = program.prepare()
    program.shell("before")
    trace = None if why else measure.record(lab, program, options.seconds)
    if trace is None:
        print(f"{program.name}: skipped: {why or 'no trace came of it'}", file=sys.stderr)
        return []
    print(f"{program.name}: {trace['events']:,} events, {trace['seconds']:.1f} s",
          file=sys.stderr, flush=True)
    return [measure_allocator(lab, program, trace, allocator, options)
            for allocator in options.allocators.split()]


def program_files(options):
    """What is to be measured: the programs that are named, or all."""
    files = sorted(glob.glob(os.path.join(options.directory, "*.program")))
    known = {os.path.basename(file).removesuffix(".program"): file for file in files}
    for name in options.programs:
        if name not in known:
            print(f'fidelity: there is no program "{name}": {" ".join(known)}', file=sys.stderr)
            sys.exit(2)
    return [known[name] for name in options.programs] or files


def main():
    options = arguments()
    lab = measure.Lab(options.build)
    work = os.path.abspath(options.work)
    rows = []
    try:
        for path in program_files(options):
            program = suite.Program(path, "full" if options.full else "short", work)
            rows += measure_program(lab, program, options)
    except KeyboardInterrupt:
        print("fidelity: interrupted; what had finished:", file=sys.stderr)
    if not any(row["status"] == "ok" for row in rows):
        sys.exit("fidelity: nothing was measured")
    report.judge(rows)
    folder = report.write(rows, options.results)
    report.print_all(rows)
    print(f"fidelity: results are in {folder}/", file=sys.stderr)


if __name__ == "__main__":
    main()
