#!/usr/bin/env python3
"""What a good run writes: every column of docs/csv.md, sums that are exact, and
two runs that differ in nothing but what the clock and the kernel decide.

Runs build/alloclab itself, on small workloads.  TAP on stdout.
"""
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import plan, table, verdict  # noqa: E402

ALLOCATORS = ("bump first-fit first-fit:index=tree,min_block=64 next-fit:order=lifo "
              "best-fit worst-fit:coalesce=deferred buddy slab system")
PARTS = ("requested_bytes", "internal_bytes", "metadata_bytes", "free_bytes", "slack_bytes")


def make_trace(path, events):
    """A random program with every kind of event, on three threads."""
    draw, live, born = random.Random(7), [], 0
    lines = ["alloclab-text 1", "start(1)", "start(2)", "phase(begin)"]
    while len(lines) < events - 1:
        thread, size = f"@{draw.randrange(3)} ", int(draw.expovariate(1 / 200))
        kind = draw.random()
        if kind < .5 or not live:
            how = draw.choice(["malloc(%d)"] * 8 + ["calloc(%d)", "aligned(256,%d)"])
            lines.append(f"{thread}b{born}={how % size}")
            live.append(born)
            born += 1
        elif kind < .55:
            lines.append(f"{thread}b{draw.choice(live)}=realloc({size + 1})")
        else:
            lines.append(f"{thread}free(b{live.pop(draw.randrange(len(live)))})")
        if len(lines) == events // 2:
            lines.append("phase(second,half)")
    lines += ["free(NULL)", "@0 exit(2)"]
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


def run(results, *arguments):
    command = ["build/alloclab", "run", "--results", results, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def documented():
    """{file: columns}, as docs/csv.md lists them."""
    with open("docs/csv.md", encoding="utf-8") as file:
        text = file.read()
    files = {}
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        name = re.match(r"([\w/]+\.csv)", section)
        if not name:
            continue
        rows = re.findall(r"^\| ([\w, ]+) \| ", section, flags=re.M)
        if rows:
            columns = [word.strip() for row in rows if row != "column" for word in row.split(",")]
        else:
            columns = re.split(r"[,\s]+", re.search(r"`([^`]+)`", section)[1].strip())
        files[name[1]] = columns
    return files


def exempt():
    """The columns that docs/csv.md leaves to the clock and the kernel."""
    with open("docs/csv.md", encoding="utf-8") as file:
        text = file.read()
    sentence = re.search(r"the clock or the kernel decides:(.*?);", text, flags=re.S)[1]
    return set(re.findall(r"`(\w+)`", sentence))


def check_columns(folder, has_blocks):
    problems = []
    for name, columns in documented().items():
        if "/" in name:  # of other folders
            continue
        path = os.path.join(folder, name)
        if name == "blocks.csv" and not has_blocks:
            if os.path.exists(path):
                problems.append("blocks.csv of a long trace")
            continue
        if name == "threads.csv" and not os.path.exists(path):
            continue  # e2e_threads.py has runs with THREADS
        header, rows = table(path)
        if header != columns and set(header) != set(columns):
            problems.append(f"{name}: {header} is not {columns}")
        if not rows and name not in ("phases.csv", "locks.csv"):
            problems.append(f"{name} has no rows")
        if any(len(row) != len(header) for row in rows):
            problems.append(f"{name}: rows of another length")
    return problems


def whole(row, column):
    return int(row[column])


def check_summary(folder):
    """The five parts are the footprint, and the ratios are what they say."""
    problems = []
    for row in table(f"{folder}/summary.csv")[1]:
        name = row["allocator"]
        if name == "system":
            filled = [c for c in PARTS + ("peak_footprint_bytes", "jw4", "links_mean") if row[c]]
            problems += [f"system has a {column}" for column in filled]
            continue
        footprint = whole(row, "peak_footprint_bytes")
        if sum(whole(row, part) for part in PARTS) != footprint:
            problems.append(f"{name}: the parts are not {footprint}")
        jw4 = footprint / whole(row, "peak_requested_bytes")
        if f"{jw4:.6f}" != row["jw4"]:
            problems.append(f"{name}: jw4 is {row['jw4']}, not {jw4:.6f}")
        lowest, middle, highest = (float(row[c]) for c in
                                   ("ns_per_op_lo", "ns_per_op", "ns_per_op_hi"))
        if not 0 < lowest <= middle <= highest or row["reps"] != "3":
            problems.append(f"{name}: {lowest} <= {middle} <= {highest}, n = {row['reps']}")
    return problems


def check_timeline(folder, events):
    """Footprint is the sum of its parts at each sample, and its peak that of the summary."""
    problems, peak, samples = [], {}, {}
    for row in table(f"{folder}/timeline.csv")[1]:
        name = row["allocator"]
        footprint = whole(row, "footprint_bytes")
        samples.setdefault(name, []).append(whole(row, "event"))
        peak[name] = max(peak.get(name, 0), footprint)
        if footprint != sum(whole(row, part) for part in PARTS):
            problems.append(f"{name} at {row['event']}: the parts are not {footprint}")
    for row in table(f"{folder}/summary.csv")[1]:
        name = row["allocator"]
        if name == "system":
            continue
        if peak[name] > whole(row, "peak_footprint_bytes"):
            problems.append(f"{name}: a sample above the peak")
        if len(samples[name]) < min(400, events) or samples[name] != sorted(set(samples[name])):
            problems.append(f"{name}: {len(samples[name])} samples")
        if samples[name][-1] != events:
            problems.append(f"{name}: the last sample is {samples[name][-1]} of {events}")
    return problems


def check_heapmap(folder):
    """Stretches tile the heap of their sample; their parts are their bytes."""
    problems = []
    footprints = {(row["allocator"], row["event"]): whole(row, "footprint_bytes")
                  for row in table(f"{folder}/timeline.csv")[1]}
    ends = {}
    for row in table(f"{folder}/heapmap.csv")[1]:
        key = (row["allocator"], row["event"])
        start, size = whole(row, "start_bytes"), whole(row, "bytes")
        if sum(whole(row, part) for part in PARTS) != size:
            problems.append(f"{key}: the parts of the stretch at {start} are not {size}")
        if start != ends.get(key, 0):
            problems.append(f"{key}: {start} does not follow {ends.get(key, 0)}")
        ends[key] = start + size
    problems += [f"{key}: {ends.get(key)} of {footprint} bytes" for key, footprint in
                 footprints.items() if ends.get(key, 0) != footprint]
    return problems


def check_tiers(folder):
    """Tiers are the free bytes; the largest block is no larger than its tier."""
    free = {(row["allocator"], row["event"]): whole(row, "free_bytes")
            for row in table(f"{folder}/timeline.csv")[1]}
    sums, problems = {}, []
    for row in table(f"{folder}/tiers.csv")[1]:
        key = (row["allocator"], row["event"])
        sums[key] = sums.get(key, 0) + whole(row, "bytes")
        if not 0 < whole(row, "largest_bytes") * 1 <= whole(row, "bytes"):
            problems.append(f"{key}: {row}")
    return problems + [f"{key}: tiers {sums.get(key, 0)}, free {value}" for key, value in
                       free.items() if sums.get(key, 0) != value]


def check_failures(folder):
    """`all` is the sum of the tiers, and the counterfactual is recomputed."""
    problems, sums = [], {}
    for row in table(f"{folder}/failures.csv")[1]:
        name, free = row["allocator"], whole(row, "free_bytes")
        fits = free >= whole(row, "need_bytes")
        if fits != (row["would_fit_in_one_piece"] == "1"):
            problems.append(f"{name}: would it fit? {row}")
        if row["tier"] == "all" and free != sums.get(name, 0):
            problems.append(f"{name}: all is {free}, the tiers {sums.get(name, 0)}")
        sums[name] = sums.get(name, 0) + free
    return problems


def check_searches(folder, calls):
    """Windows follow one another and hold every call once; the mean is the summary's."""
    problems = []
    counted, links, ends = {}, {}, {}
    for row in table(f"{folder}/searches.csv")[1]:
        name, n = row["allocator"], whole(row, "calls")
        if whole(row, "event_from") != ends.get(name, 0) + 1:
            problems.append(f"{name}: window from {row['event_from']} after {ends.get(name, 0)}")
        ends[name] = whole(row, "event_to")
        counted[name] = counted.get(name, 0) + n
        links[name] = links.get(name, 0.) + float(row["links_mean"]) * n
    for row in table(f"{folder}/summary.csv")[1]:
        name = row["allocator"]
        if name == "system":
            continue
        if counted[name] != calls or abs(links[name] / calls - float(row["links_mean"])) > 2e-4:
            problems.append(f"{name}: {counted[name]} calls, {links[name] / calls} links")
    return problems


def check_repetitions(folder):
    """ns_per_op of the summary is the median of the repetitions; positions differ in a round."""
    problems, rounds, values = [], {}, {}
    for row in table(f"{folder}/repetitions.csv")[1]:
        values.setdefault(row["allocator"], []).append(float(row["ns_per_op"]))
        if row["position"]:
            rounds.setdefault(row["round"], []).append(row["position"])
    for row in table(f"{folder}/summary.csv")[1]:
        middle = sorted(values[row["allocator"]])[1]
        if abs(middle - float(row["ns_per_op"])) > 1e-9:
            problems.append(f"{row['allocator']}: median {middle}, printed {row['ns_per_op']}")
    problems += [f"round {key}: {seen}" for key, seen in rounds.items() if
                 len(set(seen)) != len(seen)]
    if len(values.get("null", [])) != 3:
        problems.append("not three repetitions of null")
    return problems


def check_blocks(folder, trace_rows):
    """A block lives from its event to the end of its row; as many rows as calls that allocate."""
    problems, rows_of = [], {}
    for row in table(f"{folder}/blocks.csv")[1]:
        rows_of[row["allocator"]] = rows_of.get(row["allocator"], 0) + 1
        if row["event_to"] and whole(row, "event_to") <= whole(row, "event_from"):
            problems.append(f"{row}")
        if whole(row, "usable_bytes") < whole(row, "requested_bytes"):
            problems.append(f"{row}")
    problems += [f"{name}: {n} rows, not {trace_rows}" for name, n in rows_of.items() if
                 n != trace_rows]
    return problems


def check_same(one, two):
    """Byte for byte, outside the columns that are named; all files are compared."""
    problems, left_out = [], exempt()
    if sorted(os.listdir(one)) != sorted(os.listdir(two)):
        problems.append(f"{os.listdir(one)} {os.listdir(two)}")
    for name in sorted(os.listdir(one)):
        if not name.endswith(".csv"):
            continue
        with open(f"{one}/{name}", "rb") as a, open(f"{two}/{name}", "rb") as b:
            if a.read() == b.read():
                continue
        (header, ours), (other, theirs) = table(f"{one}/{name}"), table(f"{two}/{name}")
        if header != other or len(ours) != len(theirs):
            problems.append(f"{name}: {len(ours)} and {len(theirs)} rows")
        differ = {c for a, b in zip(ours, theirs) for c in header if a[c] != b[c]}
        problems += [f"{name}: column {column} differs" for column in differ - left_out]
    return problems


def check_sharing(folder):
    """No more lines are shared than are in use; a heap for all shares some."""
    return [row for row in table(f"{folder}/sharing.csv")[1]
            if not 0 < whole(row, "shared_lines") <= whole(row, "lines")]


def check_json(folder):
    with open(f"{folder}/run.json", encoding="utf-8") as file:
        facts = json.load(file)
    wanted = {"time", "command", "commit", "compiler", "flags", "machine", "trace", "options",
              "allocators", "floors", "interrupted"}
    problems = [f"no {key}" for key in wanted - facts.keys()]
    problems += [f"machine: no {key}" for key in
                 {"processor", "cores", "memory", "kernel", "governor"} - facts["machine"].keys()]
    if [a["allocator"] for a in facts["allocators"]] != \
            [row["allocator"] for row in table(f"{folder}/summary.csv")[1]]:
        problems.append("its allocators are not those of summary.csv")
    tree = facts["allocators"][2]["knobs"]
    if tree.get("index") != "tree" or tree.get("min_block") != 64 or len(tree) != 7:
        problems.append(f"knobs {tree}")
    return problems


def check_all(folder, has_blocks):
    with open(f"{folder}/run.json", encoding="utf-8") as file:
        trace = json.load(file)["trace"]
    name = os.path.basename(folder)
    verdict(f"{name}: every file has the columns of docs/csv.md", check_columns(folder, has_blocks))
    verdict(f"{name}: the five parts are the footprint", check_summary(folder))
    verdict(f"{name}: at every sample, too", check_timeline(folder, trace["events"]))
    verdict(f"{name}: the heap map tiles every sample", check_heapmap(folder))
    verdict(f"{name}: tiers are the free bytes", check_tiers(folder))
    verdict(f"{name}: why it grew", check_failures(folder))
    verdict(f"{name}: lines that threads share", check_sharing(folder))
    verdict(f"{name}: windows of searches hold every call", check_searches(folder, trace["calls"]))
    verdict(f"{name}: the summary's time is the repetitions' median", check_repetitions(folder))
    verdict(f"{name}: run.json", check_json(folder))


def main():
    with tempfile.TemporaryDirectory() as top:
        one, two = f"{top}/one", f"{top}/two"
        make_trace(f"{top}/long.txt", 21000)
        make_trace(f"{top}/short.txt", 700)
        arguments = ["--reps", "3", "-a", ALLOCATORS, f"{top}/long.txt", f"{top}/short.txt"]
        runs = [run(one, *arguments), run(two, *arguments)]
        verdict("two runs of nine allocators", [r.stderr for r in runs if r.returncode != 0])
        check_all(f"{one}/long", has_blocks=False)
        check_all(f"{one}/short", has_blocks=True)
        with open(f"{top}/short.txt", encoding="utf-8") as text:
            born = sum("=" in line for line in text)
        verdict("short: a row for each life of a block", check_blocks(f"{one}/short", born))
        for name in ("long", "short", "all"):
            verdict(f"{name}: two runs are the same, byte for byte, but for the columns named",
                    check_same(f"{one}/{name}", f"{two}/{name}"))
        quick = run(f"{top}/three", "--quick", "--paranoid", "-a", ALLOCATORS, f"{top}/short.txt")
        lines = [row for row in table(f"{top}/three/short/summary.csv")[1]
                 if row["status"] != "ok" or row["reps"] != "0" or row["ns_per_op"]]
        verdict("--paranoid finds nothing wrong, --quick times nothing",
                lines + [quick.stderr] * (quick.returncode != 0))
    return plan()


sys.exit(main())
