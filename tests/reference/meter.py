"""meter.py - the measures of docs/metrics.md, taken of a simulated heap.

`replay` runs a trace against a simulator and keeps what it saw after every
event; the functions below it make from that the rows which `alloclab run`
should have written, as text, digit by digit.  A simulator has

    malloc(size) aligned(align, size) realloc(block, size) free(block)
    address(block) usable(block) footprint() metadata() slack() tiers()
    links splits merges exact_fits grows shrinks moves
"""

import math

from read_trace import ALIGNED, FREE, REALLOC

COUNTERS = ["splits", "merges", "exact_fits", "grows", "shrinks", "moves"]
QUANTILES = [50, 90, 99]


class Life:
    """A row of blocks.csv in the making; a realloc ends one, starts one."""

    def __init__(self, slot, event, size, block, heap):
        self.slot, self.born, self.died = slot, event, ""
        self.requested, self.usable = size, heap.usable(block)
        self.address = heap.address(block)
        self.block = block


class State:
    """The heap after an event."""

    def __init__(self, heap, requested, usable, links):
        self.requested, self.links = requested, links
        self.internal = usable - requested
        self.footprint, self.metadata = heap.footprint(), heap.metadata()
        self.tiers = {tier: sizes for tier, sizes in heap.tiers().items() if sum(sizes)}
        self.sizes = [size for sizes in self.tiers.values() for size in sizes]
        self.free, self.slack = sum(self.sizes), heap.slack()

    def parts(self):
        return [self.requested, self.internal, self.metadata, self.free, self.slack]

    def net(self):
        return self.requested + self.free + self.slack


class Story:
    def __init__(self, heap, events):
        self.heap, self.events = heap, events
        self.states = [State(heap, 0, 0, 0)]  # [0] is before event 1
        self.lives, live = [], {}
        requested = usable = 0
        for number, event in enumerate(events, 1):
            links = heap.links
            before = live.pop(event.slot, None) if is_call(event) and not event.null else None
            if before:
                before.died = number
                requested -= before.requested
                usable -= before.usable
            block = call(heap, event, before)
            if block is not None:
                life = Life(event.slot, number, event.size, block, heap)
                live[event.slot] = life
                self.lives.append(life)
                requested += life.requested
                usable += life.usable
            self.states.append(State(heap, requested, usable, heap.links - links))
        for state in self.states:
            if sum(state.parts()) != state.footprint:
                raise AssertionError("the simulator lost bytes")

    def first_peak(self, what):
        most = max(what(state) for state in self.states[1:])
        return next(number for number, state in enumerate(self.states)
                    if number > 0 and what(state) == most)


def is_call(event):
    return event.kind <= FREE


def call(heap, event, life):
    if not is_call(event) or event.null:
        return None
    if event.kind == FREE:
        return heap.free(life.block)
    if event.kind == REALLOC:
        return heap.realloc(life.block, event.size)
    if event.kind == ALIGNED:
        return heap.aligned(1 << event.align, event.size)
    return heap.malloc(event.size)


def nearest_rank(numbers, percent):
    """The least of them that `percent` of all do not exceed; 0 of none."""
    ordered = sorted(numbers)
    rank = math.ceil(percent * len(ordered) / 100)
    return ordered[max(rank, 1) - 1] if ordered else 0


# --- summary.csv -------------------------------------------------------------


def summary(story):
    states = story.states
    after = states[1:]
    most_requested = story.first_peak(lambda state: state.requested)
    most_held = story.first_peak(lambda state: state.footprint)
    peak, top = states[most_requested], states[most_held]
    calls = [state.links for state, event in zip(after, story.events) if is_call(event)]
    row = {
        "status": "ok",
        "ops": len(calls),
        "peak_requested_bytes": peak.requested,
        "peak_footprint_bytes": top.footprint,
        "jw1": ratio(sum(state.footprint for state in after),
                     sum(state.requested for state in after)),
        "jw2": ratio(peak.footprint, peak.requested),
        "jw3": ratio(top.footprint, top.requested),
        "jw4": ratio(top.footprint, peak.requested),
        "jw2_net": ratio(peak.net(), peak.requested),
        "jw3_net": ratio(top.net(), top.requested),
        "jw4_net": ratio(top.net(), peak.requested),
        **dict(zip(["requested_bytes", "internal_bytes", "metadata_bytes",
                    "free_bytes", "slack_bytes"], top.parts())),
        "links_mean": "%.4f" % (sum(calls) / len(calls)),
        "links_p99": nearest_rank(calls, 99),
        "links_max": max(calls),
        **{counter: getattr(story.heap, counter) for counter in COUNTERS},
    }
    if len(after) <= 1000:  # every event is a sample point
        row["jw1_net"] = ratio(sum(state.net() for state in after),
                               sum(state.requested for state in after))
    return row


def ratio(a, b):
    return "%.6f" % (a / b) if b else ""


# --- one row per event, block or tier ----------------------------------------


def blocks(story):
    return [{"block": number, "slot": life.slot, "event_from": life.born,
             "event_to": life.died, "start_bytes": life.address,
             "requested_bytes": life.requested, "usable_bytes": life.usable}
            for number, life in enumerate(story.lives, 1)]


def timeline(story, numbers, tag_bytes):
    sizes = [event.size for event in story.events if event.kind < FREE]
    quantiles = [nearest_rank(sizes, percent) for percent in QUANTILES]
    for number in numbers:
        state = story.states[number]
        names = ["requested", "internal", "metadata", "free", "slack"]
        row = {name + "_bytes": part for name, part in zip(names, state.parts())}
        row.update(event=number, footprint_bytes=state.footprint)
        for percent, quantile in zip(QUANTILES, quantiles):
            small = sum(size for size in state.sizes if size < quantile + tag_bytes)
            row["unusable_p%d" % percent] = "%.4f" % (small / state.free if state.free else 0)
        yield row


def tiers(story, numbers):
    return [{"event": number, "tier": tier, "bytes": sum(sizes),
             "blocks": len(sizes), "largest_bytes": max(sizes)}
            for number in numbers
            for tier, sizes in sorted(story.states[number].tiers.items())]


def failures(story, tag_bytes):
    """The state just before the growth to the peak; None if no call grew."""
    number = story.first_peak(lambda state: state.footprint)
    before, after = story.states[number - 1:number + 1]
    event = story.events[number - 1]
    if event.kind >= FREE:
        return None
    need = next(life.usable for life in story.lives if life.born == number) + tag_bytes
    both = {**dict(sorted(before.tiers.items())), "all": before.sizes}
    return [{"event": number, "request_bytes": event.size, "need_bytes": need,
             "grown_bytes": after.footprint - before.footprint, "tier": tier,
             "free_bytes": sum(sizes), "free_blocks": len(sizes),
             "largest_bytes": max(sizes, default=0),
             "would_fit_in_one_piece": int(sum(sizes) >= need)}
            for tier, sizes in both.items()]


def search_window(story, first, last):
    window = [state.links for state, event in
              zip(story.states[first:last + 1], story.events[first - 1:last])
              if is_call(event)]
    return {"calls": len(window),
            "links_mean": "%.4f" % (sum(window) / len(window) if window else 0),
            "links_p99": nearest_rank(window, 99),
            "links_max": max(window, default=0)}
