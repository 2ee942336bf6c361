"""Do titles, ticks and positions follow from the figures?  On small made-up ones.

    PYTHONPATH=plots python3 tests/plots/words.py     prints "ok" or raises
"""
import numpy as np

import across
import locks
import moments
import programs
import throughput


class FakeTable:
    def __init__(self, **columns):
        self.columns = columns

    def numbers(self, column):
        return np.array(self.columns[column], dtype=float)


class FakeRun:
    """A timeline of three events; the second comes after a second of rest."""

    def __init__(self, paced, times=(0, 1e9, 1.5e9)):
        self.timeline = FakeTable(event=(1, 3, 5), time_ns=times)
        self.paced = paced

    def table(self, _):
        return self.timeline

    def is_paced(self):
        return self.paced


def test_by_event():
    axis = moments.Moments(FakeRun(False))
    assert (axis.last, axis.unit, axis.title) == (5, 1, "event")
    assert axis.at(3) == 3 and axis.start(3) == 2, "an event takes the room before it"


def test_by_time():
    axis = moments.Moments(FakeRun(True))
    assert (axis.last, axis.unit, axis.title) == (1.5e9, 1e6, "recorded time (ms)")
    assert axis.at(3) == 1e9 and axis.start(3) == 1e9, "at a time, a state begins at once"
    assert axis.at(4) == 1.25e9
    no_times = moments.Moments(FakeRun(True, (0, 0, 0)))
    assert no_times.title == "event", "a trace without times has events"


def test_lock_titles():
    groups = {("a", "heap"): {"threads": (1000, 3)}, ("b", "heap"): {"threads": (1000, 0)},
              ("c", "heap"): {"threads": (1000, 0)}, ("d", "arena"): {"threads": (2.5, 0)},
              ("d", "huge"): {"threads": (0, 0)}}
    taken, idle = locks.split_idle(groups)
    assert idle == [("d", "huge")] and list(taken) == list(groups)[:4]
    assert locks.finding(taken, "threads", 2) == \
        "d takes 2.5 locks in a thousand calls, a and 2 others 1,000 (on 2 threads)"
    same = {key: groups[key] for key in list(groups)[:2]}
    assert locks.finding(same, "threads", 1) == \
        "a and b take 1,000 locks in a thousand calls (on 1 thread)"
    recorded = {("a", "heap"): {"recorded": (1, 0)}}
    assert locks.finding(recorded, "recorded", 1) == "a takes 1 lock in a thousand calls"


def test_means_that_tie():
    nan = float("nan")
    means = {"a": 1.114, "b": 1.111, "c": 1.3, "d": nan}
    assert across.finding(means, ["b", "a", "c", "d"]) == \
        "Over all workloads b and a need 1.11x peak live memory, c 1.30x"
    assert across.finding({"a": 1.5, "b": nan}, ["a", "b"]) == \
        "Over all workloads a needs 1.50x peak live memory"
    assert across.finding({"a": nan}, ["a"]) == \
        "No allocator came to the end of every workload"


def test_programs():
    row = (.9, .85, .95, 1.2, 1.2, 1.2)
    base = (1., 1., 1., 1., 1., 1.)
    slow = (1.1, .9, 1.3, .8, .8, .8)
    said = programs.finding({"system": base, "a": row, "b": slow}, "perl")
    assert said == ("perl, beside the C library: a takes 0.90x the time and 1.20x the memory, "
                    "b 1.10x and 0.80x"), said
    said = programs.finding({"system": base, "b": slow}, "perl")
    assert said == ("perl: nothing is certainly faster than the C library (b 0.90..1.30x); "
                    "smallest: b, 0.80x the memory"), said
    doubtful = (.8, .5, 1.3, 1.5, 1.5, 1.5)
    said = programs.finding({"system": base, "a": row, "b": slow, "c": doubtful}, "perl")
    assert said.startswith("perl, beside the C library: a takes 0.90x"), said
    means = programs.means_of({"p": {"a": row, "b": slow},
                               "q": {"a": (.4, .4, .4, 4.8, 4.8, 4.8)}})
    assert list(means) == ["a"], "who did not come through everything has no mean"
    assert abs(means["a"][0] - .6) < 1e-9 and abs(means["a"][3] - 2.4) < 1e-9
    assert 1 in programs.ratio_ticks(.93, 1.2) and 1 in programs.ratio_ticks(.4, 3)


def test_ticks():
    for low, high in ((.03, 700), (42, 175), (2, 3), (97, 103)):
        ticks = throughput.log_ticks(low, high)
        assert 4 <= len(ticks) <= 30, f"{low}..{high}: {ticks}"
        assert low <= ticks[0] and ticks[-1] <= high
    assert throughput.log_ticks(42, 175) == [50, 70, 100, 150]


def main():
    test_by_event()
    test_by_time()
    test_lock_titles()
    test_means_that_tie()
    test_programs()
    test_ticks()
    print("ok")


if __name__ == "__main__":
    main()
