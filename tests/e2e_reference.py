#!/usr/bin/env python3
"""e2e_reference.py - the lab's results against simulators that were written
from the documentation (TAP).

    tests/e2e_reference.py [WORD]      only tests whose name has WORD in it
"""

import itertools
import os
import random
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "reference")]
import fit  # noqa: E402
import lab  # noqa: E402
import meter  # noqa: E402
import read_trace  # noqa: E402
import traces  # noqa: E402

# --- one allocator, one trace ------------------------------------------------


def knob_text(value):
    for unit, bytes_ in ("M", 1 << 20), ("K", 1 << 10):
        if isinstance(value, int) and value > 0 and value % bytes_ == 0:
            return "%d%s" % (value // bytes_, unit)
    return str(value)


def name_of(policy, knobs, defaults):
    """As in the CSV: knobs at their default are left out."""
    told = [name + "=" + knob_text(value) for name, value in knobs.items()
            if defaults.get(name) != value]
    return ":".join([policy] + [",".join(told)] * bool(told))


def first_difference(table, ours, theirs, key):
    """A sentence about the first of our rows that is not among theirs."""
    theirs = {tuple(row[column] for column in key): row for row in theirs}
    for row in ours:
        at = tuple(str(row[column]) for column in key)
        other = theirs.pop(at, None)
        if other is None:
            return "%s: no row %s" % (table, at)
        for column, value in row.items():
            if str(value) != other[column]:
                return "%s %s: %s is %s, should be %s" % (
                    table, at, column, other[column], value)
    if theirs:
        return "%s: a row too many: %s" % (table, next(iter(theirs)))
    return None


def ignoring_links(row):
    return {column: value for column, value in row.items() if not column.startswith("links")}


def compare(heap, text, results, allocator, tag_bytes):
    """The first thing in which the results are not what `heap` did, or None."""
    story = meter.Story(heap, read_trace.Text(text).events)
    keep = dict if heap.links_known else ignoring_links
    rows = lambda name: results.rows(name, allocator)  # noqa: E731
    numbers = [int(row["event"]) for row in rows("timeline")]
    failures = meter.failures(story, tag_bytes)
    windows = [{**row, **keep(meter.search_window(
        story, int(row["event_from"]), int(row["event_to"])))}
        for row in rows("searches")]
    return (
        first_difference("blocks", meter.blocks(story), rows("blocks"), ["block"])
        or first_difference("timeline", meter.timeline(story, numbers, tag_bytes), rows("timeline"), ["event"])
        or first_difference("tiers", meter.tiers(story, numbers), rows("tiers"), ["event", "tier"])
        or failures and first_difference("failures", failures, rows("failures"), ["event", "tier"])
        or first_difference("searches", windows, rows("searches"), ["event_from"])
        or first_difference("summary", [keep({**meter.summary(story), "allocator": allocator})],
                            rows("summary"), ["allocator"]))


def compare_all(text, heaps, tag_bytes):
    """`heaps` by allocator; raises if one of them did something else."""
    results = lab.run_text(text, heaps)
    wrong = []
    for allocator, heap in heaps.items():
        difference = compare(heap, text, results, allocator, tag_bytes)
        if difference:
            wrong.append("%s: %s" % (allocator, difference))
    if wrong:
        raise AssertionError("\n".join(wrong))


# --- the fits ----------------------------------------------------------------

ORDERS = ["address", "lifo", "fifo", "size"]
COALESCE = ["immediate", "never", "deferred"]
WILDERNESS = ["kept", "listed"]


FIT_DEFAULTS = {"coalesce": "immediate", "wilderness": "kept", "split_min": 32,
                "growth": 4096, "min_block": 32, "index": "list"}


def fit_name(policy, knobs):
    order = "size" if policy == "best-fit" else "address"
    return name_of(policy, knobs, {"order": order, **FIT_DEFAULTS})


def fit_heaps():
    """All policies with all orders, all ways to merge, both wildernesses."""
    heaps = {}
    for policy, order, coalesce, wilderness in itertools.product(
            fit.POLICIES, ORDERS, COALESCE, WILDERNESS):
        knobs = {"order": order, "coalesce": coalesce, "wilderness": wilderness}
        heaps[fit_name(policy, knobs)] = fit.Fit(policy, **knobs)
    return heaps


def fit_heaps_drawn(dice, count):
    """Some settings of all knobs."""
    heaps = {}
    while len(heaps) < count:
        policy = dice.choice(list(fit.POLICIES))
        knobs = {"order": dice.choice(ORDERS), "coalesce": dice.choice(COALESCE),
                 "split_min": dice.choice([32, 48, 100, 1000, 1 << 20]),
                 "growth": 1 << dice.choice([12, 13, 16, 20]),
                 "wilderness": dice.choice(WILDERNESS),
                 "min_block": 1 << dice.randrange(5, 11)}
        heaps[fit_name(policy, knobs)] = fit.Fit(policy, **knobs)
    return heaps


def fit_heaps_with_trees():
    heaps = {}
    for policy in "first-fit", "best-fit", "worst-fit":
        for coalesce, wilderness in itertools.product(COALESCE, WILDERNESS):
            order = "address" if policy == "first-fit" else "size"
            knobs = {"order": order, "coalesce": coalesce, "wilderness": wilderness,
                     "min_block": 64, "index": "tree"}
            heaps[fit_name(policy, knobs)] = fit.Fit(policy, **knobs)
    return heaps


def test_fits_under_every_setting_of_order_coalesce_wilderness():
    for seed in range(2):
        compare_all(traces.program(seed, 300), fit_heaps(), fit.TAGS)


def test_fits_under_settings_drawn_from_all_knobs():
    dice = random.Random(1)
    for seed in range(10, 16):
        compare_all(traces.program(seed, 400), fit_heaps_drawn(dice, 12), fit.TAGS)


def test_fits_with_trees_choose_what_lists_choose():
    for seed in range(20, 22):
        compare_all(traces.program(seed, 400), fit_heaps_with_trees(), fit.TAGS)


def test_fits_on_a_longer_program():
    text = traces.program(30, 3000, live=300)
    policies = {policy: fit.Fit(policy) for policy in fit.POLICIES}
    compare_all(text, policies, fit.TAGS)


# --- the driver --------------------------------------------------------------


def main(words):
    tests = [(name[5:].replace("_", " "), test) for name, test in globals().items()
             if name.startswith("test_") and all(word in name for word in words)]
    print("1..%d" % len(tests))
    failed = False
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except AssertionError as error:
            failed = True
            print("not ok %d - %s" % (number, name))
            print("# " + "\n# ".join(str(error).split("\n")), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
