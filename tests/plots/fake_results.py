"""Writes a made-up results folder that follows docs/csv.md: the fixture of the charts.

    python3 tests/plots/fake_results.py OUT [--allocators N] [--ends] [--large]

A small trace (grow, drain, bigger blocks) is replayed against simulated heaps,
so that maps, tiers and sums agree with each other; only the times are invented.
The same arguments write the same bytes.  Needs nothing but the standard library.

--allocators N  the first N of NAMES, 1 to 14 (default 7)
--ends          next-fit crashes, bump runs out of memory, `system` has no walk
--large         as for a trace of more than 20,000 events: no blocks.csv
--short         the first 60 events only, every call timed, one repetition
--paced         replayed with recorded time: 1 ms an event, 9 s of rest after the 500th
--long          long names with commas
--across        OUT/summary.csv over many workloads instead of one run
--programs N    OUT/programs.csv as of `alloclab compare` on N programs
--fidelity N    OUT/fidelity.csv as of `make fidelity` on N programs
--scale N       OUT/scale.csv as of `alloclab scale` on up to N threads
"""
import argparse
import bisect
import csv
import json
import os
import random
import zlib

NAMES = ["first-fit", "next-fit", "best-fit", "worst-fit", "buddy", "slab", "bump",
         "first-fit:order=lifo", "first-fit:order=fifo", "system", "./mine.c",
         "best-fit:min_block=64,index=tree", "buddy:lazy=8", "./submissions/mm-42.c"]
LONG = {"first-fit": "first-fit:order=lifo,coalesce=deferred,growth=64K",
        "slab": "best-fit:order=fifo,coalesce=never,growth=1M",
        "bump": "worst-fit:order=fifo,coalesce=never,growth=1M"}
PAGE, HEADER, CELL, SAMPLES = 4096, 16, 256, 400
SIZES = {"size_p50_bytes": 60, "size_p90_bytes": 260, "size_p99_bytes": 560}
WALK = ["requested_bytes", "internal_bytes", "metadata_bytes", "free_bytes", "slack_bytes"]


def make_trace(large):
    """Events (op, slot, size): op is +, - or the name of a phase."""
    rng = random.Random(7)
    live, events, slots = [], [], 0
    for phase, count, share, mean in [("grow", 500, .8, 40), ("drain", 400, .3, 40),
                                      ("bigger blocks", 700, .66, 130)]:
        events.append((phase, 0, 0))
        for _ in range(count * (4 if large else 1)):
            if live and rng.random() > share:
                events.append(("-", live.pop(int(rng.betavariate(3, 1) * len(live))), 0))
            else:
                events.append(("+", slots, 8 + int(rng.expovariate(1 / mean))))
                live.append(slots)
                slots += 1
    return events


def time_of(event):
    """Recorded time in ns."""
    return (event - 1) * 10**6 + (9 * 10**9 if event > 500 else 0)


def round_up(n, unit):
    return (n + unit - 1) // unit * unit


def power_of_two(n):
    return max(32, 1 << (n - 1).bit_length())


def size_class(n):
    step = max(16, power_of_two(n) // 8)
    return round_up(n, step)


class Heap:
    """A heap of live blocks and holes; `kind` is the allocator it plays."""

    def __init__(self, name):
        kind = name.split(":")[0]
        self.kind = {"./mine.c": "worst-fit", "./submissions/mm-42.c": "best-fit",
                     "system": "best-fit"}.get(kind, kind)
        self.holes, self.live, self.size, self.rover = [], {}, 0, 0
        self.header = 0 if self.kind in ("buddy", "slab") else HEADER

    def usable(self, request):
        if self.kind == "buddy":
            return power_of_two(request)
        if self.kind == "slab":
            return size_class(request)
        return max(32, round_up(request + HEADER, 16)) - HEADER

    def search(self, need):
        """Index of the chosen hole, or None; and the links followed."""
        fits = [i for i, (_, size) in enumerate(self.holes) if size >= need]
        if not fits or self.kind == "bump":
            tail = len(self.holes) - 1
            return (tail, 0) if self.kind == "bump" and tail in fits else (None, len(self.holes))
        if self.kind in ("buddy", "slab"):
            return fits[0], 1 + len(fits) % 3
        if self.kind == "best-fit":
            return min(fits, key=lambda i: self.holes[i][1]), len(self.holes)
        if self.kind == "worst-fit":
            return max(fits, key=lambda i: self.holes[i][1]), 1 + len(self.holes) // 9
        if self.kind == "next-fit":
            later = [i for i in fits if self.holes[i][0] >= self.rover]
            self.rover = self.holes[(later or fits)[0]][0] + need
            return (later or fits)[0], 3
        return fits[0], fits[0] + 1

    def malloc(self, slot, request):
        """Places a block; returns (links, the state before a growth or None)."""
        usable = self.usable(request)
        at, links = self.search(usable + self.header)
        before = None
        while at is None:
            before = before or (request, self.free_by_tier())
            self.add_hole(self.size, PAGE)
            self.size += PAGE
            at, _ = self.search(usable + self.header)
        start, size = self.holes.pop(at)
        if size > usable + self.header:
            self.holes.insert(at, (start + usable + self.header, size - usable - self.header))
        self.live[slot] = (start + self.header, request, usable)
        return links, before

    def free(self, slot):
        start, _, usable = self.live.pop(slot)
        if self.kind != "bump":
            self.add_hole(start - self.header, usable + self.header)
        return 1

    def add_hole(self, start, size):
        at = bisect.bisect(self.holes, (start, 0))
        if at < len(self.holes) and self.holes[at][0] == start + size:
            size += self.holes.pop(at)[1]
        if at > 0 and sum(self.holes[at - 1]) == start:
            start, size = self.holes[at - 1][0], size + self.holes.pop(at - 1)[1]
            at -= 1
        self.holes.insert(at, (start, size))

    def free_by_tier(self):
        tiers = {}
        for start, size in self.holes:
            tier = "wilderness" if start + size == self.size else "hole"
            if self.kind == "slab":
                tier = ("cache", "central", "page heap")[start // 64 % 3]
            tiers.setdefault(tier, []).append(size)
        return tiers

    def composition(self, low, high, extents, at):
        """The five counts of [low, high) and where in extents to go on."""
        counts = [0] * 5
        while at < len(extents):
            start, end, kind = extents[at]
            counts[kind] += max(0, min(end, high) - max(start, low))
            if end > high:
                break
            at += 1
        return counts, at

    def extents(self):
        """(start, end, index in WALK) over the whole heap, in address order."""
        out = [(start, start + size, 3) for start, size in self.holes]
        for start, request, usable in self.live.values():
            out.append((start, start + request, 0))
            out.append((start + request, start + usable, 1))
        out.sort()
        full, last = [], 0
        for start, end, kind in out:
            if start > last:
                full.append((last, start, 2))  # headers, and bump's dead blocks
            full.append((start, end, kind))
            last = end
        return full


class Run:
    """One allocator's replay, and its rows of every file."""

    def __init__(self, name, events, paced, status, stop):
        self.name, self.events, self.status, self.stop = name, events, status, stop
        self.paced = paced
        self.heap, self.rows = Heap(name), {}
        self.rng = random.Random(zlib.crc32(name.encode()))
        self.peak, self.peak_live, self.sums = None, (0, 0), [0, 0]
        self.links = []
        self.replay()

    def add(self, table, *row):
        self.rows.setdefault(table, []).append((self.name,) + row)

    def replay(self):
        births, every = {}, max(1, len(self.events) // SAMPLES)
        span = 4 * every if len(self.events) > 100 else 1
        failure = None
        for event, (op, slot, size) in enumerate(self.events[:self.stop], 1):
            if op == "+":
                links, grew = self.heap.malloc(slot, size)
                births[slot] = event
                failure = (event, grew) if grew else failure
                self.links.append(links)
            elif op == "-":
                self.block(births.pop(slot), event, slot)
                self.links.append(self.heap.free(slot))
            self.account(event, failure)
            if event % every == 0 or event == len(self.events[:self.stop]):
                self.sample(event)
            if self.links and event % span == 0:
                self.window(event - span + 1, event)
        for slot, event in births.items():
            self.block(event, "", slot)

    def block(self, born, died, slot):
        start, request, usable = self.heap.live[slot]
        self.add("blocks", slot, slot, born, died, start, request, usable)

    def account(self, event, failure):
        live = sum(request for _, request, _ in self.heap.live.values())
        self.sums = [self.sums[0] + self.heap.size, self.sums[1] + live]
        if live > self.peak_live[0]:
            self.peak_live = (live, self.heap.size)
        if self.peak is None or self.heap.size > self.peak[0]:
            self.peak = (self.heap.size, self.totals(), failure)

    def totals(self):
        live = self.heap.live.values()
        requested = sum(request for _, request, _ in live)
        internal = sum(usable for _, _, usable in live) - requested
        free = sum(size for _, size in self.heap.holes)
        slack = 0
        return [requested, internal, self.heap.size - requested - internal - free, free, slack]

    def sample(self, event):
        totals = self.totals()
        sizes = sorted(size for _, size in self.heap.holes)
        unusable = [round(sum(s for s in sizes if s < need) / sum(sizes), 4) if sizes else ""
                    for need in SIZES.values()]
        self.add("timeline", event, totals[0], self.heap.size, *totals[1:], *unusable,
                 time_of(event) if self.paced else "")
        for tier, sizes in self.heap.free_by_tier().items():
            self.add("tiers", event, tier, sum(sizes), len(sizes), max(sizes))
        extents, at, run = self.heap.extents(), 0, None
        for low in range(0, self.heap.size, CELL):
            counts, at = self.heap.composition(low, low + CELL, extents, at)
            if run and run[1] == counts:
                run[2] += 1
                continue
            if run:
                self.stretch(event, *run)
            run = [low, counts, 1]
        if run:
            self.stretch(event, *run)

    def stretch(self, event, low, counts, cells):
        self.add("heapmap", event, low, cells * CELL, *(cells * c for c in counts))

    def window(self, first, last):
        links = sorted(self.links[-(last - first + 1):])
        self.add("searches", first, last, len(links), round(sum(links) / len(links), 4),
                 links[int(.99 * (len(links) - 1))], links[-1])

    def failure_rows(self):
        if self.peak[2] is None:
            return
        event, (request, tiers) = self.peak[2]
        need = self.heap.usable(request) + self.heap.header
        everything = [size for sizes in tiers.values() for size in sizes]
        for tier, sizes in [("all", everything)] + sorted(tiers.items()):
            self.add("failures", event, request, need, PAGE, tier, sum(sizes), len(sizes),
                     max(sizes, default=0), int(sum(sizes) >= need))

    def size_class_rows(self):
        for size in list(range(1, 1025)) + [1 << k for k in range(11, 18)]:
            self.add("size_classes", size, self.heap.usable(size))

    def latency_rows(self, scale):
        samples = 100000 if len(self.events) > 100 else len(self.links)
        for call in ("malloc", "free", "all"):
            values = sorted(scale * self.rng.lognormvariate(0, .5) *
                            (1 if self.rng.random() > .01 else self.rng.paretovariate(.9))
                            for _ in range(2000))
            share = 1.0
            while share * samples >= 1:
                index = min(len(values) - 1, int((1 - share) * len(values)))
                tail = 1 if share > 1e-3 else (1e-3 / share) ** .7
                self.add("latency", call, round(values[index] * tail, 1), f"{share:.6g}", samples)
                share *= .8

    def summary(self, peak_live, calls):
        ok = self.status == "ok"
        scale = {"bump": 3, "slab": 9, "buddy": 14, "best-fit": 70, "first-fit": 40,
                 "next-fit": 16, "worst-fit": 22}[self.heap.kind] * self.rng.uniform(.8, 1.25)
        self.latency_rows(scale)
        reps = 9 if len(self.events) > 100 else 1
        spread = .04 if reps > 1 else 0
        ns = [scale, scale * (1 - spread), scale * (1 + spread)] if ok else ["", "", ""]
        links = sorted(self.links) or [0]
        row = dict(allocator=self.name, status=self.status,
                   status_event="" if ok else self.stop, ops=calls, reps=reps if ok else "",
                   null_ns_per_op=1.9, peak_requested_bytes=peak_live,
                   peak_footprint_bytes=self.peak[0], jw1=self.sums[0] / max(1, self.sums[1]),
                   jw2=self.peak_live[1] / max(1, self.peak_live[0]),
                   jw3=self.peak[0] / max(1, self.peak[1][0]), jw4=self.peak[0] / peak_live,
                   links_mean=sum(links) / len(links), links_p99=links[int(.99 * len(links)) - 1],
                   links_max=links[-1], peak_resident_bytes=round_up(self.peak[0], PAGE) + PAGE)
        row.update(zip(("ns_per_op", "ns_per_op_lo", "ns_per_op_hi"), ns))
        row.update(zip(WALK, self.peak[1]))
        if self.name == "system":
            for column in WALK + ["peak_footprint_bytes", "jw1", "jw2", "jw3", "jw4",
                                  "links_mean", "links_p99", "links_max"]:
                row[column] = ""
        return row


def mark_pareto(rows):
    speed = [(row["ns_per_op"], row["peak_footprint_bytes"]) for row in rows]
    for row, mine in zip(rows, speed):
        row["pareto"] = "" if "" in mine else int(not any(
            "" not in other and other[0] < mine[0] and other[1] < mine[1] for other in speed))


HEADERS = {
    "timeline": "event requested_bytes footprint_bytes internal_bytes metadata_bytes free_bytes"
                " slack_bytes unusable_p50 unusable_p90 unusable_p99 time_ns",
    "tiers": "event tier bytes blocks largest_bytes",
    "heapmap": "event start_bytes bytes requested_bytes internal_bytes metadata_bytes free_bytes"
               " slack_bytes",
    "blocks": "block slot event_from event_to start_bytes requested_bytes usable_bytes",
    "failures": "event request_bytes need_bytes grown_bytes tier free_bytes free_blocks largest_bytes"
                " would_fit_in_one_piece",
    "searches": "event_from event_to calls links_mean links_p99 links_max",
    "size_classes": "requested_bytes usable_bytes",
    "latency": "call latency_ns share_slower samples",
}


def write(folder, table, header, rows):
    with open(os.path.join(folder, table + ".csv"), "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_run(folder, options):
    events = make_trace(options.large)
    if options.short:
        del events[60:]
    ends = {"next-fit": ("crash", len(events) * 5 // 8),
            "bump": ("out-of-memory", len(events) * 4 // 5)} if options.ends else {}
    names = [LONG.get(name, name) if options.long else name for name in NAMES]
    runs = [Run(name, events, options.paced, *ends.get(name, ("ok", len(events))))
            for name in names[:options.allocators]]
    live = peak = 0
    sizes = {}
    for op, slot, size in events:
        sizes[slot] = size or sizes.get(slot, 0)
        live += size if op == "+" else -sizes[slot] if op == "-" else 0
        peak = max(peak, live)
    summary = [run.summary(peak, sum(op in "+-" for op, _, _ in events)) for run in runs]
    mark_pareto(summary)
    write(folder, "summary", summary[0], [row.values() for row in summary])
    for run in runs:
        run.failure_rows()
        run.size_class_rows()
    for table, columns in HEADERS.items():
        walked = [run for run in runs if run.name != "system" or
                  table in ("latency", "size_classes")]
        rows = [row for run in walked for row in run.rows.get(table, [])]
        if table != "blocks" or not options.large:
            write(folder, table, ["allocator"] + columns.split(), rows)
    write_threads(folder, [run.name for run in runs], sum(size for _, _, size in events),
                  "x10" if options.paced else "none")
    write(folder, "phases", ["event", "phase", "time_ns"],
          [(i, op, time_of(i) if options.paced else "")
           for i, (op, _, _) in enumerate(events, 1) if op not in "+-"])


def lock_rows(rng, names, keys):
    """Rows of locks.csv: a lock for the simple heaps, some for the others."""
    rows = []
    for name in names:
        kinds = ["heap"] if name in NAMES[:7] else ["central list", "page heap", "page source"]
        for key in keys:
            for kind in kinds:
                taken = 1000. if kind == "heap" else round(rng.lognormvariate(2, 2), 4)
                waited = 0 if key[1] == 1 else round(taken * rng.random() ** 6, 4)
                rows.append((name, *key, kind, taken * 200, waited * 200, taken, waited))
    return rows


LOCKS = ["threads", "lock", "acquired", "waited", "acquired_per_1000_ops", "waited_per_1000_ops"]


def write_threads(folder, names, allocated, pace):
    """What a run with real threads adds, and run.json; the lock of large blocks is never taken."""
    write(folder, "locks", ["allocator", "replay"] + LOCKS,
          lock_rows(random.Random(5), names, [("recorded", 4), ("threads", 4)]) +
          [(names[0], "threads", 4, "large blocks", 0, 0, 0, 0)])
    with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as out:
        json.dump({"trace": {"threads": 4, "allocated_bytes": allocated, **SIZES},
                   "options": {"pace": pace}}, out, indent=2)


def write_scale(folder, count, most):
    """Made-up speed-ups of a control and `count` allocators."""
    rng, rows = random.Random(11), []
    counts = [1 << k for k in range(7) if 1 << k <= most]
    names = ["null"] + NAMES[:count]
    works = ("private", "crossing", "sharing")
    for name in names:
        for work in works:
            bend = 0 if name == "null" else rng.random() ** 2 * (1 if work == "private" else 2)
            for threads in counts:
                speedup = threads / (1 + bend * (threads - 1)) ** .9
                spread = 1 if threads == 1 else 1 + .1 * rng.random()
                rows.append((name, work, threads, "lab", 9, 20, 19, 21, speedup, speedup / spread,
                             speedup * spread, 1, 1, 1, 200000, 0, 0, 0, 0, 4096))
    write(folder, "scale", "allocator work threads kind rounds ns_per_op ns_per_op_lo ns_per_op_hi"
          " speedup speedup_lo speedup_hi of_control of_control_lo of_control_hi calls acquired"
          " waited takes takes_waited peak_footprint_bytes".split(), rows)
    write(folder, "locks", ["allocator", "work"] + LOCKS,
          lock_rows(rng, names[1:], [(work, n) for work in works for n in counts]))


PROGRAM_COLUMNS = ("program allocator kind status is_telling wall_ratio wall_ratio_lo"
                   " wall_ratio_hi peak_ratio peak_ratio_lo peak_ratio_hi").split()


def write_programs(folder, count, programs):
    """Made-up ratios of whole programs; buddy crashes in the first, the second calls rarely."""
    rng, rows = random.Random(5), []
    names = NAMES[:count] + ["lib:jemalloc", "lib:tcmalloc", "lib:mimalloc"]
    for program in ("sqlite3", "true", "python3", "gcc", "perl", "git")[:programs]:
        for name in [name for name in names if name != "system"]:
            kind = "library" if name.startswith("lib:") else "lab"
            crashed = name == "buddy" and program == "sqlite3"
            time, memory = rng.lognormvariate(.05, .15), rng.lognormvariate(.1, .2)
            time *= 30 if name == "best-fit" else 1
            rows.append((program, name, kind, "crash" if crashed else "ok", int(program != "true"),
                         *([""] * 6 if crashed else [f"{ratio * k:.4f}" for ratio in (time, memory)
                                                     for k in (1, .96, 1.03)])))
        rows.append((program, "system", "system", "ok", int(program != "true"), *[1] * 6))
    write(folder, "programs", PROGRAM_COLUMNS, rows)


def write_fidelity(folder, count, programs):
    """Peaks that agree, but for those of a compressor and one that comes to no end."""
    rng, rows = random.Random(9), []
    for program in ("sqlite3", "xz", "python3", "gcc", "perl", "git")[:programs]:
        bytes_held = rng.lognormvariate(16, 1.5)
        for name in NAMES[:count]:
            peak = bytes_held * rng.lognormvariate(.1, .1)
            far = 3.2 if program == "xz" else rng.lognormvariate(0, .02)
            is_slow = name == "next-fit" and program == "sqlite3"
            rows.append((program, name, "replay-hang" if is_slow else "ok",
                         *(["", ""] if is_slow else [f"{peak:.0f}", f"{peak * far:.0f}"])))
    write(folder, "fidelity",
          ["program", "allocator", "status", "preloaded_bytes", "replayed_bytes"], rows)


def write_across(folder, count):
    rng, rows = random.Random(3), []
    for workload in ("sqlite", "python-json", "git-repack", "cc1", "perl-hash", "awk", "churn",
                     "lifo", "fifo", "ramp", "saw-tooth", "phase-shift", "server", "fleet"):
        for name in NAMES[:count]:
            ratio, ns = 1 + rng.expovariate(4), rng.lognormvariate(3, .8)
            status = "crash" if rng.random() < .03 else "ok"
            if name == "system":
                ratio = ""
            rows.append((workload, name, status, "" if status == "ok" else 77,
                         ns if status == "ok" else "", ratio))
    write(folder, "summary", ["workload", "allocator", "status", "status_event", "ns_per_op",
                              "jw4"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--allocators", type=int, default=7)
    for flag in ("--ends", "--large", "--long", "--across", "--short", "--paced"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--scale", type=int, default=0)
    parser.add_argument("--programs", type=int, default=0)
    parser.add_argument("--fidelity", type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    if options.across:
        write_across(options.out, options.allocators)
    elif options.programs:
        write_programs(options.out, options.allocators, options.programs)
    elif options.fidelity:
        write_fidelity(options.out, options.allocators, options.fidelity)
    elif options.scale:
        write_scale(options.out, options.allocators, options.scale)
    else:
        write_run(options.out, options)


if __name__ == "__main__":
    main()
