"""Where on the x axis does an event stand?  At its number; at its recorded time, if that was replayed."""
import numpy as np

TIME_UNITS = ((60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns"))


class Moments:
    """The x axis of all charts over time; `last` is its end, before it is divided by `unit`.

    Times are those of timeline.csv; an event between two of its samples stands
    between their times.
    """

    def __init__(self, run):
        timeline = run.table("timeline")
        events = timeline.numbers("event")
        self.by_event = True
        self.last = np.nanmax(events)
        self.unit, self.title = event_unit(self.last)
        times = timeline.numbers("time_ns")
        if run.is_paced() and np.nanmax(times, initial=0) > 0:
            self.by_event = False
            self.events, first = np.unique(events, return_index=True)
            self.times = times[first]
            self.last = np.nanmax(times)
            self.unit, self.title = time_unit(self.last)

    def at(self, events):
        """Where the events stand."""
        return events if self.by_event else np.interp(events, self.events, self.times)

    def start(self, events):
        """From where on they have an effect: by number, an event takes the room before it."""
        return events - 1 if self.by_event else self.at(events)


def event_unit(top):
    """(divisor, axis title) for event numbers up to `top`."""
    for unit, name in ((1e6, "event (millions)"), (1e3, "event (thousands)")):
        if top >= 20 * unit:
            return unit, name
    return 1, "event"


def time_unit(top):
    """(divisor, axis title) for times up to `top` ns."""
    unit, name = next(unit for unit in TIME_UNITS if top >= 2 * unit[0] or unit[0] == 1)
    return unit, f"recorded time ({name})"
