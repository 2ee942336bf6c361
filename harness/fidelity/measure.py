"""One program recorded, replayed, and run under the preloaded library: bytes, from each."""
import csv
import ctypes
import glob
import os
import re
import subprocess

PR_SET_THP_DISABLE = 41
LIBC = ctypes.CDLL(None)


def no_huge_pages():
    """In the child, and for all that it starts: replays have none, either."""
    LIBC.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


class Lab:
    """The built lab, as a folder with alloclab and lib/ in it."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.command = os.path.join(self.build, "alloclab")

    def library(self, allocator):
        return os.path.join(self.build, "lib", f"liballoclab-{allocator}.so")


def run(argv, folder, seconds, **variables):
    """Runs a program to its end, whatever its exit status; False if that took too long."""
    environment = {**os.environ, **variables}
    with subprocess.Popen(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True, preexec_fn=no_huge_pages) as process:
        try:
            process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False


# ---- recorded ---------------------------------------------------------------------------

def trace_facts(lab, path):
    """What `alloclab info` says: events, threads, peak of live bytes, seconds."""
    text = subprocess.run([lab.command, "info", path], capture_output=True, encoding="utf-8",
                          check=True).stdout
    def number(pattern):
        found = re.search(pattern, text)
        return float(found.group(1)) if found else 0.
    return {"path": path, "events": int(number(r"\n  events +(\d+)")),
            "threads": int(number(r"\n  threads +(\d+)")),
            "live": int(number(r"\n  peak +(\d+) bytes")),
            "seconds": number(r"\n  time +([\d.]+) s")}


def record(lab, program, seconds):
    """Records all its processes; the facts of the one with the largest live heap, or None."""
    out = os.path.join(program.folder, "recorded.trace")
    for old in glob.glob(os.path.join(program.folder, "recorded*.trace")):
        os.remove(old)
    run([lab.command, "record", "--follow", "--time", "--touched", "-o", out, "--", *program.argv],
        program.folder, seconds)
    traces = [trace_facts(lab, path)
              for path in glob.glob(os.path.join(program.folder, "recorded*.trace"))]
    return max(traces, key=lambda facts: facts["live"], default=None)


# ---- replayed ---------------------------------------------------------------------------

def replay(lab, trace, allocator, seconds, *options):
    """The row of `alloclab peak` as {column: text}."""
    text = subprocess.run([lab.command, "peak", "-a", allocator, "--seconds", str(seconds),
                           *options, trace["path"]],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
                          check=False).stdout
    rows = list(csv.DictReader(text.splitlines()))
    return rows[0] if rows else {"status": "failed"}


# ---- preloaded --------------------------------------------------------------------------

def read_report(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.split() for line in file if len(line.split()) == 2)


def preload(lab, program, allocator, seconds):
    """The report of its process with the largest heap; None if there is none in time.

    Largest by what was committed: like the live bytes of a trace, that does not depend on what
    is written to.
    """
    for old in glob.glob(os.path.join(program.folder, "report.*")):
        os.remove(old)
    in_time = run(program.argv, program.folder, seconds,
                  LD_PRELOAD=lab.library(allocator), ALLOCLAB_STATS_RESIDENT="1",
                  ALLOCLAB_STATS=os.path.join(program.folder, "report.%p"))
    reports = [read_report(path)
               for path in glob.glob(os.path.join(program.folder, "report.*"))]
    reports = [report for report in reports if "peak_resident_bytes" in report]
    if not in_time or not reports:
        return None
    return max(reports, key=lambda report: int(report["peak_committed_bytes"]))
