"""What the rows mean: ratios, misses with their reasons, the order of allocators; CSV and text."""
import csv
import itertools
import os
import shutil
import statistics

LIMIT = .05                  # a replay is to come this close
RESOLUTION = 1 / 256         # harness/clock/heap_peak.h: a peak may lack so much
TWO_PAGES = 2 * 4096
FEW_EVENTS = 100_000         # fewer are a smoke test
COLUMNS = ("program", "allocator", "status", "events", "threads", "pace", "live_bytes",
           "preloaded_bytes", "preloaded_lo", "preloaded_hi",
           "replayed_bytes", "ratio", "is_within",
           "is_telling", "touched_once_bytes", "preloaded_committed_bytes",
           "replayed_committed_bytes", "committed_ratio", "reason")


# ---- what the rows mean -----------------------------------------------------------------

def reason_of(row):
    """Why a replay missed, from the figures alone."""
    preloaded, replayed = row["preloaded_bytes"], row["replayed_bytes"]
    spread = (row["preloaded_hi"] - row["preloaded_lo"]) / preloaded
    if spread > LIMIT:
        return "the program's own runs differ by more than that"
    if abs(replayed - preloaded) <= TWO_PAGES:
        return f"a page or two, of {preloaded // 4096}"
    if abs(row["committed_ratio"] - 1) > LIMIT / 2:
        return ("another heap, by what is committed" +
                (": its threads met in another order" if row["threads"] > 1 else ""))
    if replayed > preloaded >= row["touched_once_bytes"]:
        return "the same heap, but the program does not write to all that it asks for"
    return "the same heap, touched in another order"


def add_preloaded(row, reports):
    """What the preloaded runs said, and how far the replay is from it."""
    def median(key):
        return int(statistics.median(int(one[key]) for one in reports))
    peaks = [int(one["peak_resident_bytes"]) for one in reports]
    row["preloaded_bytes"] = median("peak_resident_bytes")
    row["preloaded_lo"], row["preloaded_hi"] = min(peaks), max(peaks)
    row["preloaded_committed_bytes"] = median("peak_committed_bytes")
    row["ratio"] = round(row["replayed_bytes"] / row["preloaded_bytes"], 4)
    row["committed_ratio"] = round(
        row["replayed_committed_bytes"] / row["preloaded_committed_bytes"], 4)


def judge_row(row):
    row["is_telling"] = int(row["events"] >= FEW_EVENTS)
    if row["status"] != "ok":
        return
    row["is_within"] = int(abs(row["ratio"] - 1) <= LIMIT)
    row["reason"] = "" if row["is_within"] else reason_of(row)


def judge(rows):
    for row in rows:
        judge_row(row)


def is_reversed(a, b):
    """None where the preloaded runs do not tell which of two allocators needs more."""
    a_hi, b_hi = (row["preloaded_hi"] * (1 + RESOLUTION) for row in (a, b))
    if a["preloaded_lo"] <= b_hi and b["preloaded_lo"] <= a_hi:
        return None
    return ((a["preloaded_bytes"] < b["preloaded_bytes"]) !=
            (a["replayed_bytes"] < b["replayed_bytes"]))


def orders(rows):
    """{program: (resolved pairs, the reversed ones among them)}"""
    found = {}
    for program, group in itertools.groupby(rows, key=lambda row: row["program"]):
        pairs = [(a, b, is_reversed(a, b)) for a, b in itertools.combinations(
            [row for row in group if row["status"] == "ok"], 2)]
        found[program] = (sum(turned is not None for _, _, turned in pairs),
                          [(a, b) for a, b, turned in pairs if turned])
    return found


# ---- CSV --------------------------------------------------------------------------------

def write(rows, results):
    """Writes results/fidelity/ as a whole; returns its name."""
    folder = os.path.join(results, "fidelity")
    temporary = folder + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    with open(os.path.join(temporary, "fidelity.csv"), "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)
    return folder


# ---- text -------------------------------------------------------------------------------

def cell(row):
    if row is None:
        return "-"
    if row["status"] != "ok":
        return "slow" if row["status"] == "replay-hang" else "-"
    return f"{row['ratio']:.3f}" + ("" if row["is_within"] else "!")


def print_table(rows):
    """A line for each program, a column for each allocator: replayed / preloaded."""
    allocators = list(dict.fromkeys(row["allocator"] for row in rows))
    lines = [["program", "events", "threads", "MiB", *allocators, "order"]]
    turned = orders(rows)
    for program, group in itertools.groupby(rows, key=lambda row: row["program"]):
        by_name = {row["allocator"]: row for row in group}
        first = next(iter(by_name.values()))
        least = min((row["preloaded_bytes"] for row in by_name.values()
                     if row["status"] == "ok"), default=0)
        resolved, wrong = turned[program]
        lines.append([program, f"{first['events']:,}" + ("" if first["is_telling"] else " few"),
                      str(first["threads"]), f"{least / 2 ** 20:.1f}",
                      *(cell(by_name.get(name)) for name in allocators),
                      f"{resolved - len(wrong)}/{resolved}"])
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join([line[0].ljust(widths[0])] +
                        [text.rjust(width) for text, width in zip(line[1:], widths[1:])]))


def mib(count):
    return f"{count / 2 ** 20:.2f}"


def span(ratios):
    low, high = f"{min(ratios):.2f}x", f"{max(ratios):.2f}x"
    return low if low == high else f"{low} to {high}"


def print_groups(rows, column, reason_of_row):
    """A line for each program and reason: the allocators, and how far they are off."""
    groups = {}
    for row in rows:
        groups.setdefault((row["program"], reason_of_row(row)), []).append(row)
    for (program, reason), group in groups.items():
        names = ", ".join(row["allocator"] for row in group)
        print(f"  {program}, {span([row[column] for row in group])} on {names}" +
              (f":\n      {reason}" if reason else ""))


def print_misses(rows):
    rows = [row for row in rows if row["status"] == "ok"]
    telling = [row for row in rows if row["is_telling"]]
    misses = [row for row in rows if not row["is_within"]]
    print(f"\nPeak resident: within 5 % in {sum(row['is_within'] for row in telling)} of "
          f"{len(telling)}, programs with few events apart."
          + (" All misses, replayed / preloaded:" if misses else ""))
    print_groups(misses, "ratio", lambda row: row["reason"])


def print_committed(rows):
    """Footprints do not depend on what is written to: there only the calls and their order count."""
    rows = [row for row in rows if row["status"] == "ok"]
    far = [row for row in rows if abs(row["committed_ratio"] - 1) > LIMIT]
    print(f"\nPeak committed, which does not depend on what is written to: within 5 % in "
          f"{len(rows) - len(far)} of {len(rows)}." + (" The others:" if far else ""))
    print_groups(far, "committed_ratio", lambda row: "")


def print_reversed(rows):
    found = orders(rows)
    print(f"\nPairs of allocators that a replay puts in the other order: "
          f"{sum(len(wrong) for _, wrong in found.values())} of "
          f"{sum(resolved for resolved, _ in found.values())} that the runs tell apart")
    for program, (_, wrong) in found.items():
        for a, b in wrong:
            print(f"  {program}, {a['allocator']} and {b['allocator']}: "
                  f"{mib(a['replayed_bytes'])} and {mib(b['replayed_bytes'])} replayed, "
                  f"{mib(a['preloaded_bytes'])} and {mib(b['preloaded_bytes'])} preloaded")


def print_all(rows):
    print("Peak resident heap, replayed / preloaded; ! is more than 5 % off.  order: pairs of "
          "allocators\nthat the preloaded runs tell apart, and the replay puts in the same order.\n")
    print_table(rows)
    print_misses(rows)
    print_committed(rows)
    print_reversed(rows)
