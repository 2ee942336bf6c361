"""How are the files of a run read?  Columns as lists and numpy arrays, nothing more."""
import csv
import json
import os

import numpy as np


class Table:
    """One CSV file: columns by name, rows by allocator."""

    def __init__(self, path):
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            self.header = next(rows)
            columns = list(zip(*rows))
        self.text = dict(zip(self.header, columns or [()] * len(self.header)))
        self.cache = {}

    def __len__(self):
        return len(self.text[self.header[0]])

    def numbers(self, column):
        """The column as floats; an empty field, or a missing column, is NaN."""
        if column not in self.cache:
            fields = self.text.get(column, [""] * len(self))
            self.cache[column] = np.array([float(x) if x else np.nan for x in fields])
        return self.cache[column]

    def rows_of(self, allocator):
        """Indices of the rows of one allocator."""
        if "rows" not in self.cache:
            names = {}
            for i, name in enumerate(self.text["allocator"]):
                names.setdefault(name, []).append(i)
            self.cache["rows"] = names
        return np.array(self.cache["rows"].get(allocator, []), dtype=int)

    def of(self, allocator, column):
        """The numbers of one column in the rows of one allocator."""
        return self.numbers(column)[self.rows_of(allocator)]


def read_numbers(path, allocators):
    """Reads a large file of numbers, as heapmap.csv is, ten times faster.

    Returns {allocator: {column: array}}.  Every name becomes its number in one
    pass over the bytes; numpy then parses the whole file at once.  No field
    may be empty.
    """
    with open(path, "rb") as file:
        header, _, body = file.read().partition(b"\n")
    columns = header.decode().strip().split(",")
    body = b"\n" + body.replace(b"\r", b"")
    for i, name in enumerate(allocators):
        for spelling in (name, '"' + name.replace('"', '""') + '"'):
            body = body.replace(b"\n" + spelling.encode() + b",", b"\n%d," % i)
    numbers = np.fromstring(body.strip().replace(b"\n", b",").decode(), sep=",")
    numbers = numbers.reshape(-1, len(columns))
    return {name: dict(zip(columns, numbers[numbers[:, 0] == i].T))
            for i, name in enumerate(allocators)}


class Run:
    """A results folder: its tables, read when asked for, and what each chart wants to know."""

    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(os.path.realpath(folder))
        self.tables = {}
        self.main = next(name for name in ("summary", "scale", "programs", "blame", "fidelity")
                         if self.has(name))
        self.summary = self.table(self.main)
        self.allocators = list(dict.fromkeys(self.summary.text["allocator"]))

    def path(self, table):
        return os.path.join(self.folder, table + ".csv")

    def has(self, table):
        return os.path.exists(self.path(table))

    def table(self, name):
        """The table, or None if the run wrote none."""
        if name not in self.tables:
            self.tables[name] = Table(self.path(name)) if self.has(name) else None
        return self.tables[name]

    def figure(self, allocator, column):
        """One number of summary.csv, NaN if it is not there."""
        values = self.summary.of(allocator, column)
        return values[0] if len(values) else np.nan

    def status(self, allocator):
        return self.summary.text["status"][self.summary.rows_of(allocator)[0]]

    def is_threaded(self):
        """Whether the clock ran on real threads."""
        return np.nanmax(self.summary.numbers("threads"), initial=1) > 1

    def resident(self, allocator):
        """Most resident bytes; on real threads those there: on one, a library has one cache."""
        return self.figure(allocator, "threads_resident_bytes" if self.is_threaded()
                           else "peak_resident_bytes")

    def peak_live(self):
        """Most bytes live at a time, a property of the trace."""
        peaks = self.summary.numbers("peak_requested_bytes")
        return np.nanmax(peaks) if np.isfinite(peaks).any() else np.nan

    def ratio(self, allocator):
        """Peak footprint over peak live."""
        return self.figure(allocator, "peak_footprint_bytes") / self.peak_live()

    def finished(self, column):
        """The allocators that came to the end and have this number, smallest first."""
        names = [name for name in self.allocators if self.status(name) == "ok"
                 and np.isfinite(self.figure(name, column))]
        return sorted(names, key=lambda name: self.figure(name, column))

    def facts(self):
        """run.json, or nothing."""
        path = os.path.join(self.folder, "run.json")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def is_paced(self):
        """True if the replay had the recorded time."""
        return self.facts().get("options", {}).get("pace", "none") != "none"

    def phases(self):
        """(event, name, recorded time in ns or NaN) of the phase marks."""
        table = self.table("phases")
        if not table:
            return []
        return list(zip(table.numbers("event"), table.text["phase"], table.numbers("time_ns")))
