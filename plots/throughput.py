"""Which allocator is both fast and small?  Throughput by footprint, with the Pareto front."""
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

from labels import label_points
from style import CONF, elide, palette, plt, save, write_title

NAME = "throughput"


def points_of(run):
    """[(name, calls per microsecond, ratio, (lo, hi))] of those with a speed."""
    points = []
    for name in run.allocators:
        ns = run.figure(name, "ns_per_op")
        ratio = run.ratio(name)
        if ratio != ratio:
            ratio = run.figure(name, "peak_resident_bytes") / run.peak_live()
        interval = [1e3 / run.figure(name, column) for column in ("ns_per_op_hi", "ns_per_op_lo")]
        if ns > 0 and ratio == ratio:
            points.append((name, 1e3 / ns, ratio, [x if x == x else 1e3 / ns for x in interval]))
    return points


def sentence(run, points):
    fastest = max(points, key=lambda p: p[1])
    walked = [p for p in points if run.figure(p[0], "peak_footprint_bytes") > 0] or points
    smallest = min(walked, key=lambda p: p[2])
    if fastest == smallest:
        return f"{elide(fastest[0])} is both the fastest ({1e3 / fastest[1]:.3g} ns a call) " \
               f"and the smallest ({fastest[2]:.2f}x live)"
    return f"{elide(fastest[0])} is fastest ({1e3 / fastest[1]:.3g} ns a call, " \
           f"{fastest[2]:.2f}x live), {elide(smallest[0])} smallest " \
           f"({1e3 / smallest[1]:.3g} ns, {smallest[2]:.2f}x)"


def draw_front(axes, front):
    """The stairs through the points that nothing beats in both."""
    if len(front) > 1:
        axes.step([p[1] for p in front], [p[2] for p in front], where="pre", zorder=1,
                  color=CONF["TEXT"], linewidth=1, linestyle=(0, (4, 2)))


def pixels_of_bars(axes, points):
    """Boxes of the interval bars, which labels keep clear of."""
    boxes = []
    for _, _, ratio, (low, high) in points:
        (x0, y), (x1, _) = axes.transData.transform([(low, ratio), (high, ratio)])
        boxes.append(Bbox.from_extents(x0 - 1, y - 2, x1 + 1, y + 2))
    return boxes


def set_axes(axes, points):
    speeds = [x for p in points for x in (p[1], *p[3])]
    ratios = [p[2] for p in points]
    span = max(np.log10(max(speeds) / min(speeds)), .15)
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 10 ** (.12 * span), max(speeds) * 10 ** (.22 * span))
    high = max(max(ratios) - min(ratios), .05)
    if max(ratios) > 4 * min(ratios):
        axes.set_yscale("log")
        axes.set_ylim(min(ratios) / 1.35, max(ratios) * 1.3)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_ylim(min(ratios) - .2 * high, max(ratios) + .14 * high)
        axes.yaxis.set_major_locator(MaxNLocator(7))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}x"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    wide = span > 1.2
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if wide else range(1, 10)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.4g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True)


def draw(run):
    points = points_of(run)
    if not points:
        return 0
    looks = palette(run)
    figure = plt.figure(figsize=(10, 6.4))
    floor = run.summary.numbers("null_ns_per_op")
    floor = f"; the empty loop takes {np.nanmedian(floor):.2g} ns" if np.isfinite(floor).any() else ""
    lost = [name for name in run.allocators if name not in [p[0] for p in points]]
    lost = "; no speed: " + ", ".join(elide(name, 20) for name in lost) if lost else ""
    used = write_title(figure, sentence(run, points), f"{run.name}: bars are 95 % intervals of the "
                       f"median; ringed and dashed: the Pareto front, nothing is both faster and "
                       f"smaller{floor}{lost}")
    axes = figure.add_axes([.085, .09, .895, 1 - .09 - (used + .1) / 6.4])
    set_axes(axes, points)
    front = sorted((p for p in points if run.figure(p[0], "pareto") == 1), key=lambda p: p[1])
    draw_front(axes, front)
    for name, speed, ratio, (low, high) in points:
        look = looks[name]
        axes.errorbar(speed, ratio, xerr=[[max(speed - low, 0)], [max(high - speed, 0)]],
                      fmt="none", ecolor=look.colour, elinewidth=1.2, capsize=3, zorder=3)
        axes.plot(speed, ratio, look.marker, color=look.colour, markersize=7, zorder=4)
    for _, speed, ratio, _ in front:
        axes.plot(speed, ratio, "o", color="none", markeredgecolor=CONF["TEXT"], markersize=13,
                  zorder=4)
    axes.set_xlabel("throughput (calls per µs, log)")
    axes.set_ylabel("peak footprint / peak live")
    better = axes.annotate("better", (.985, .03), (.91, .1), xycoords="axes fraction", ha="center",
                           color=CONF["MUTED"], arrowprops={"arrowstyle": "->",
                                                            "color": CONF["MUTED"]})
    renderer = figure.canvas.get_renderer()
    taken = pixels_of_bars(axes, points) + [better.get_window_extent(renderer)]
    walked = {p[0]: run.figure(p[0], "peak_footprint_bytes") > 0 for p in points}
    label_points(axes, [p[1:3] for p in points],
                 [elide(p[0]) + ("" if walked[p[0]] else " (resident)") for p in points],
                 [looks[p[0]].colour for p in points], taken)
    return save(figure, run, NAME)
