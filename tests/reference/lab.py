"""lab.py - runs alloclab as a user would, and reads the CSV that it writes."""

import csv
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALLOCLAB = os.environ.get("ALLOCLAB", os.path.join(ROOT, "build", "alloclab"))


class Results:
    """The files of one workload, as lists of rows by allocator."""

    def __init__(self, folder):
        self.folder, self.tables = folder, {}

    def rows(self, name, allocator):
        if name not in self.tables:
            table = self.tables[name] = {}
            with open(os.path.join(self.folder, name + ".csv"), newline="") as file:
                for row in csv.DictReader(file):
                    table.setdefault(row["allocator"], []).append(row)
        return self.tables[name].get(allocator, [])

    def summary(self, allocator):
        return self.rows("summary", allocator)[0]


def run(trace, allocators, folder, *options):
    """`trace` is a file; returns the Results, written below `folder`."""
    done = subprocess.run(
        [ALLOCLAB, "run", "--quick", "--results", folder,
         "-a", " ".join(allocators), *options, trace],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError("alloclab run: " + done.stderr + done.stdout)
    where = done.stderr.split("results are in ")[-1].split("\n")[0]
    return Results(where)


def run_text(text, allocators, *options, name="trace"):
    """The same for text; the files are read before the folder goes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        results = run(path, allocators, os.path.join(folder, "results"), *options)
        for table in ("summary", "blocks", "timeline", "tiers", "failures",
                      "searches", "size_classes"):
            results.rows(table, None)
        return results
