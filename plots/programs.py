"""What does a program gain or lose with each malloc?  Time by memory, the C library's at 1."""
import math

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from labels import label_points
from style import CONF, capped, elide, palette, plt, save, several, write_title

NAME = "programs"
BASE = "system"
COLUMNS = ("wall_ratio", "wall_ratio_lo", "wall_ratio_hi",
           "peak_ratio", "peak_ratio_lo", "peak_ratio_hi")
TIME, MEMORY = 0, 3                    # places in such a row
WIDE, HIGH, LEFT, BELOW = 5, 4.4, .75, .85  # inches of a panel, and of it beside the axes


def programs_of(run):
    """{program: {allocator: the numbers of COLUMNS}} of the rows that are ok and were timed."""
    table, programs = run.summary, {}
    numbers = [table.numbers(column) for column in COLUMNS]
    for i, (program, name) in enumerate(zip(table.text["program"], table.text["allocator"])):
        row = tuple(column[i] for column in numbers)
        if table.text["status"][i] == "ok" and row[TIME] > 0 and row[MEMORY] > 0:
            programs.setdefault(program, {})[name] = row
    return programs


def is_telling(run, program):
    """False for a program that calls so rarely that it says little about a malloc."""
    rows = zip(run.summary.text["program"], run.summary.numbers("is_telling"))
    return any(name == program and telling for name, telling in rows)


def means_of(programs):
    """Geometric means over the programs, of those that came through all; they have no interval."""
    names = [name for name in next(iter(programs.values()))
             if all(name in points for points in programs.values())]
    means = {}
    for name in names:
        mean = [math.exp(np.mean([math.log(points[name][k]) for points in programs.values()]))
                for k in (TIME, MEMORY)]
        means[name] = (mean[0],) * 3 + (mean[1],) * 3
    return means


def finding(points, where):
    """The fastest, if any is beyond doubt, and the smallest, beside the C library."""
    others = {name: row for name, row in points.items() if name != BASE}
    if not others:
        return f"{where}: nothing beside the C library came through"
    faster = [name for name, row in others.items() if row[TIME + 2] < 1]
    fast = min(faster or others, key=lambda name: others[name][TIME])
    small = min(others, key=lambda name: others[name][MEMORY])
    time, low, high = others[fast][:MEMORY]
    if low < 1 < high:
        return (f"{where}: nothing is certainly faster than the C library "
                f"({elide(fast, 26)} {low:.2f}..{high:.2f}x); "
                f"smallest: {elide(small, 26)}, {others[small][MEMORY]:.2f}x the memory")
    text = f"{where}, beside the C library: {elide(fast, 26)} takes {time:.2f}x the time"
    if fast == small:
        return f"{text} and {others[small][MEMORY]:.2f}x the memory, the least of both"
    return (f"{text} and {others[fast][MEMORY]:.2f}x the memory, {elide(small, 26)} "
            f"{others[small][TIME]:.2f}x and {others[small][MEMORY]:.2f}x")


def left_out(run):
    """Who did not come through, and why: "crash: buddy and slab"."""
    words = {}
    for name, status in zip(run.summary.text["allocator"], run.summary.text["status"]):
        if status != "ok":
            words.setdefault(status, []).append(name)
    texts = [f"{status}: {several(sorted(set(names)), 20)}" for status, names in words.items()]
    return ". Left out, " + "; ".join(texts) if texts else ""


def ratio_ticks(low, high):
    """Round ratios within low..high, as coarse as leaves at least three of them."""
    ticks = []
    for steps in ((1,), (1, 1.5), (1, 1.2, 1.4, 1.6, 1.8), np.arange(1, 2, .1),
                  np.arange(1, 2, .05), np.arange(1, 2, .02), np.arange(1, 2, .01)):
        ticks = sorted({round(step * 2. ** k, 4) for k in range(-8, 9) for step in steps})
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks


def limits(values):
    """Of a logarithmic axis: 1, and all of the values but those far above the others."""
    low, high = min(1, *values), max(1, capped(values))
    room = max((high / low) ** .2, 1.02)
    return low / room, high * room


def set_axes(axes, points):
    """Returns the largest time and memory that a mark is drawn at; beyond, it stands there."""
    brims = []
    for axis, scale, limit, place in ((axes.xaxis, axes.set_xscale, axes.set_xlim, TIME),
                                      (axes.yaxis, axes.set_yscale, axes.set_ylim, MEMORY)):
        low, high = limits([row[place + k] for row in points.values() for k in range(3)])
        scale("log")
        limit(low, high)
        axis.set_major_locator(FixedLocator(ratio_ticks(low, high)))
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}x"))
        axis.set_minor_locator(NullLocator())
        brims.append(high / (high / low) ** .03)
    return brims


def draw_mark(axes, row, look, is_lab, brims):
    """The mark with its intervals; returns where it stands, and the boxes of the intervals."""
    x, y = min(row[TIME], brims[0]), min(row[MEMORY], brims[1])
    boxes = []
    for ends in (((min(row[TIME + 1], x), y), (max(min(row[TIME + 2], brims[0]), x), y)),
                 ((x, min(row[MEMORY + 1], y)), (x, max(min(row[MEMORY + 2], brims[1]), y)))):
        axes.plot(*zip(*ends), color=look.colour, linewidth=1.1, zorder=3)
        boxes.append(Bbox(axes.transData.transform(ends)).padded(2))
    axes.plot(x, y, look.marker, color=look.colour, markersize=7, zorder=4,
              markerfacecolor=look.colour if is_lab else "white")
    return (x, y), boxes


def draw_panel(axes, run, points, title, looks):
    """Filled: designs of the lab; hollow: libraries."""
    brims = set_axes(axes, points)
    for line in (axes.axvline, axes.axhline):
        line(1, color=CONF["MUTED"], linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    kinds = dict(zip(run.summary.text["allocator"], run.summary.text["kind"]))
    centre = axes.transData.transform((1, 1))
    taken = [Bbox.from_bounds(centre[0] - 1, 0, 2, 1e4), Bbox.from_bounds(0, centre[1] - 1, 1e4, 2)]
    spots, texts = [], []
    for name, row in points.items():
        spot, boxes = draw_mark(axes, row, looks[name], kinds[name] == "lab", brims)
        spots.append(spot)
        taken += boxes
        beyond = [f" ({arrow} {row[place]:.3g}x)" for arrow, place, brim in
                  zip("→↑", (TIME, MEMORY), brims) if row[place] > brim]
        texts.append(elide(name, 26) + "".join(beyond))
    axes.set_title(title, loc="left", size=CONF["TEXT_PT"], weight="bold")
    axes.set_xlabel("wall time / the C library's (log)")
    axes.set_ylabel("peak resident / the C library's (log)")
    axes.grid(True)
    label_points(axes, spots, texts, [looks[name].colour for name in points], taken,
                 CONF["TEXT_PT"] - .5)


def panels_of(run, programs):
    """[(title, points)]: the mean over those that tell something, then each program."""
    telling = {name: points for name, points in programs.items() if is_telling(run, name)}
    panels = [(elide(name, 40) + ("" if name in telling else " (few calls, a smoke test)"), points)
              for name, points in programs.items()]
    if len(telling) > 1 and means_of(telling):
        panels.insert(0, (f"geometric mean of {len(telling)} programs", means_of(telling)))
    return panels


def draw(run):
    programs = programs_of(run)
    if not programs:
        return 0
    panels = panels_of(run, programs)
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    width = max(8, WIDE * columns)
    each = width / columns
    where = panels[0][0].capitalize() if len(programs) > 1 else elide(next(iter(programs)), 40)
    what = ("each program run as a whole with each malloc; filled: designs of the lab, "
            "hollow: libraries; bars are 95 % intervals; left and below is better" + left_out(run))
    height = .95 + HIGH * rows
    figure = plt.figure(figsize=(width, height))
    used = write_title(figure, finding(panels[0][1], where), what)
    looks = palette(run)
    high = (height - used) / rows
    for k, (title, points) in enumerate(panels):
        row, column = divmod(k, columns)
        axes = figure.add_axes([(each * column + LEFT) / width,
                                (height - used - high * (row + 1) + .5) / height,
                                (each - LEFT - .15) / width, (high - BELOW) / height])
        draw_panel(axes, run, points, title, looks)
    return save(figure, run, NAME)
