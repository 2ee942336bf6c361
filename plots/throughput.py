"""Which allocator is both fast and small?  Throughput by footprint, with the Pareto front."""
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from labels import label_points
from style import CONF, capped, elide, palette, plt, save, write_title

NAME = "throughput"


def points_of(run):
    """[(name, calls per microsecond, ratio, (lo, hi))] of those with a speed; ratio may be NaN."""
    points = []
    for name in run.allocators:
        ns = run.figure(name, "ns_per_op")
        interval = [1e3 / run.figure(name, column) for column in ("ns_per_op_hi", "ns_per_op_lo")]
        if ns > 0:
            points.append((name, 1e3 / ns, run.ratio(name),
                           [x if x == x else 1e3 / ns for x in interval]))
    return points


def front_of(points):
    """Those that none beats, being no worse in speed and space and better in one; slowest first."""
    return sorted((p for p in points if not any(
        q[1] >= p[1] and q[2] <= p[2] and q[1:3] != p[1:3] for q in points)), key=lambda p: p[1])


def sentence(points):
    fastest = max(points, key=lambda p: p[1])
    smallest = min((p for p in points if p[2] == p[2]), key=lambda p: (p[2], -p[1]))
    if fastest == smallest:
        return f"{elide(fastest[0])} is both the fastest ({1e3 / fastest[1]:.3g} ns a call) " \
               f"and the smallest ({fastest[2]:.2f}x live)"
    space = f", {fastest[2]:.2f}x live" if fastest[2] == fastest[2] else ""
    return f"{elide(fastest[0])} is fastest ({1e3 / fastest[1]:.3g} ns a call{space}), " \
           f"{elide(smallest[0])} smallest ({1e3 / smallest[1]:.3g} ns, {smallest[2]:.2f}x)"


def draw_front(axes, front):
    """The stairs through the points that nothing beats in both."""
    if len(front) > 1:
        axes.step([p[1] for p in front], [p[2] for p in front], where="pre", zorder=1,
                  color=CONF["TEXT"], linewidth=1, linestyle=(0, (4, 2)))


def pixels_of_lines(axes, points, front):
    """Boxes of the interval bars and of the front, which labels keep clear of."""
    corners = [corner for p, q in zip(front, front[1:])
               for corner in ((p[1:3], (p[1], q[2])), ((p[1], q[2]), q[1:3]))]
    boxes = [Bbox(axes.transData.transform(corner)).padded(2) for corner in corners]
    for _, _, ratio, (low, high) in points:
        (x0, y), (x1, _) = axes.transData.transform([(low, ratio), (high, ratio)])
        boxes.append(Bbox.from_extents(x0 - 1, y - 2, x1 + 1, y + 2))
    return boxes


def set_axes(axes, points, timed):
    speeds = [x for p in timed for x in (p[1], *p[3])]
    ratios = [p[2] for p in points]
    span = max(np.log10(max(speeds) / min(speeds)), .15)
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 10 ** (.12 * span), max(speeds) * 10 ** (.22 * span))
    top = capped(ratios)
    high = max(top - min(ratios), .1 * top)
    axes.set_ylim(min(ratios) - .2 * high, top + (.14 if top == max(ratios) else .3) * high)
    axes.yaxis.set_major_locator(MaxNLocator(7))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}x"))
    axes.xaxis.set_major_locator(FixedLocator(log_ticks(*axes.get_xlim())))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.4g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True)


def log_ticks(low, high):
    """Round numbers within low..high, as coarse as leaves at least four of them."""
    ticks = []
    for digits in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, *np.arange(2, 10, .5)),
                   np.arange(1, 10, .1)):
        ticks = sorted(float(f"{digit * 10. ** k:.3g}") for k in range(-6, 7) for digit in digits)
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 4:
            break
    return ticks


def split_blind(run, blind):
    """Those without a footprint: (with resident memory by peak live in its place, without any)."""
    hollow, rest = [], []
    for name, speed, _, ends in blind:
        ratio = run.resident(name) / run.peak_live()
        if ratio > 0:
            hollow.append((name, speed, ratio, ends))
        else:
            rest.append((name, speed, ratio, ends))
    return hollow, rest


def draw_without_walk(axes, points, looks):
    """Those of which only the speed is known: a dotted line each, named at the top."""
    foot = axes.transData.inverted().transform(axes.transAxes.transform((0, .97)))[1]
    for name, speed, _, (low, high) in points:
        axes.axvline(speed, color=looks[name].colour, linewidth=1.2, linestyle=(0, (1, 2)))
        axes.axvspan(low, high, color=looks[name].colour, alpha=.1, linewidth=0)
    return [(speed, foot) for _, speed, _, _ in points]


def intervals(run, timed):
    """What the bars are; one repetition has none."""
    if all(low == high for _, _, _, (low, high) in timed):
        reps = np.nanmax(run.summary.numbers("reps"), initial=1)
        return "one repetition, no intervals" if reps == 1 else "no intervals"
    return "bars are 95 % intervals of the median"


def what(run, timed):
    """The line below the title."""
    text = (f"{run.name}: {intervals(run, timed)}; ringed and dashed: the Pareto "
            "front, nothing beats these in one without losing in the other")
    if run.is_threaded():
        threads = np.nanmax(run.summary.numbers("threads"))
        text += f"; on {threads:.0f} real threads, footprint in recorded order"
    floor = run.summary.numbers("null_ns_per_op")
    if np.isfinite(floor).any():
        text += f"; the loop alone takes {np.nanmedian(floor):.2g} ns"
    if any(name not in [p[0] for p in timed if p[2] == p[2]] for name in run.allocators):
        text += "; hollow: libraries, by resident memory"
        text += " on these threads" if run.is_threaded() else ""
    lost = [elide(name, 20) for name in run.allocators if name not in [p[0] for p in timed]]
    return text + ("; no speed: " + ", ".join(lost) if lost else "")


def draw_points(axes, points, hollow, front, looks):
    for name, speed, ratio, (low, high) in points + hollow:
        look = looks[name]
        axes.errorbar(speed, ratio, xerr=[[max(speed - low, 0)], [max(high - speed, 0)]],
                      fmt="none", ecolor=look.colour, elinewidth=1.2, capsize=3, zorder=3)
        inside = "white" if (name, speed) in [p[:2] for p in hollow] else look.colour
        axes.plot(speed, ratio, look.marker, color=look.colour, markerfacecolor=inside,
                  markersize=7, zorder=4)
    draw_front(axes, front)
    for _, speed, ratio, _ in front:
        axes.plot(speed, ratio, "o", color="none", markeredgecolor=CONF["TEXT"], markersize=13,
                  zorder=4)


def draw_better(axes):
    """The arrow to where it is good to be; returns its box, for labels to keep clear of."""
    text = axes.annotate("better", (.985, .03), (.91, .1), xycoords="axes fraction", ha="center",
                         color=CONF["MUTED"],
                         arrowprops={"arrowstyle": "->", "color": CONF["MUTED"]})
    return text.get_window_extent(axes.figure.canvas.get_renderer())


def draw(run):
    timed = points_of(run)
    if timed and run.is_paced():
        print(f"{NAME}: no chart, a paced replay waits for the recorded time: its ns are no speed")
        return 0
    points = [p for p in timed if p[2] == p[2]]
    measure = "peak footprint / peak live"
    if not points:  # libraries alone: all of them by resident memory
        points = timed = split_blind(run, timed)[0]
        measure = "peak resident / peak live"
    if not points:
        return 0
    looks = palette(run)
    figure = plt.figure(figsize=(10, 6.4))
    used = write_title(figure, sentence(timed), what(run, timed))
    axes = figure.add_axes([.085, .09, .895, 1 - .09 - (used + .1) / 6.4])
    axes.set_xlabel("throughput (calls per µs, log)")
    axes.set_ylabel(measure +
                    (" (hollow: resident / peak live)" if any(p[2] != p[2] for p in timed)
                     else ""))
    hollow, blind = split_blind(run, [p for p in timed if p[2] != p[2]])
    set_axes(axes, points + hollow, timed)
    feet = draw_without_walk(axes, blind, looks)
    brim = axes.get_ylim()[1] - .03 * np.diff(axes.get_ylim())[0]
    texts = [elide(name) + (f" (↑ {ratio:.3g}x)" if ratio > brim else "")
             for name, _, ratio, _ in points + hollow]
    texts += [f"{elide(p[0])} (speed only)" for p in blind]
    front = front_of(points)
    points, hollow = ([(name, speed, min(ratio, brim), ends) for name, speed, ratio, ends in some]
                      for some in (points, hollow))
    draw_points(axes, points, hollow, front, looks)
    walls = [Bbox.from_bounds(axes.transData.transform(foot)[0] - 1, 0, 2, 1e4) for foot in feet]
    label_points(axes, [p[1:3] for p in points + hollow] + feet, texts,
                 [looks[p[0]].colour for p in points + hollow + blind],
                 walls + pixels_of_lines(axes, points + hollow, front) + [draw_better(axes)])
    return save(figure, run, NAME)
