"""Is what a replay says what a program gets?  Peak heap replayed by peak heap of the run itself."""
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from labels import label_points
from style import CONF, bytes_text, elide, palette, plt, save, write_title

NAME = "fidelity"
LIMIT = .05                            # docs/fidelity.md


def points_of(run):
    """[(program, allocator, preloaded, replayed)] in bytes, of the rows that came to their end."""
    table = run.summary
    rows = zip(table.text["program"], table.text["allocator"],
               table.numbers("preloaded_bytes"), table.numbers("replayed_bytes"))
    return [row for row in rows if row[2] > 0 and row[3] > 0]


def ratio(point):
    return point[3] / point[2]


def finding(points):
    near = [point for point in points if abs(ratio(point) - 1) <= LIMIT]
    far = max(points, key=lambda point: abs(np.log(ratio(point))))
    text = f"{len(near)} of {len(points)} replays come within 5 % of the program's own peak"
    if len(near) == len(points):
        return text
    return f"{text}; farthest off is {far[0]} on {elide(far[1], 26)}, {ratio(far):.2f}x"


def set_axes(axes, points):
    values = [value for point in points for value in point[2:]]
    low, high = min(values) / 1.5, max(values) * 1.5
    ticks = [2. ** k for k in range(10, 45) if low <= 2. ** k <= high]
    ticks = ticks[::-(-len(ticks) // 8)]
    for axis, scale, limit in ((axes.xaxis, axes.set_xscale, axes.set_xlim),
                               (axes.yaxis, axes.set_yscale, axes.set_ylim)):
        scale("log", base=2)
        limit(low, high)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FuncFormatter(lambda x, _: bytes_text(x)))
        axis.set_minor_locator(NullLocator())
    line = np.array([low, high])
    axes.fill_between(line, line * (1 - LIMIT), line * (1 + LIMIT), color=CONF["GRID"],
                      linewidth=0, zorder=0)
    axes.plot(line, line, color=CONF["MUTED"], linewidth=.8, linestyle=(0, (4, 3)), zorder=1)


def label_misses(axes, points):
    """A name at the farthest point of each program that has one outside the band."""
    worst = {}
    for point in points:
        if abs(ratio(point) - 1) > LIMIT and (
                point[0] not in worst or
                abs(np.log(ratio(point))) > abs(np.log(ratio(worst[point[0]])))):
            worst[point[0]] = point
    taken = [Bbox.from_bounds(x - 7, y - 7, 14, 14)
             for x, y in axes.transData.transform([point[2:] for point in points])]
    label_points(axes, [point[2:] for point in worst.values()],
                 [f"{elide(name, 30)} {ratio(point):.2f}x" for name, point in worst.items()],
                 [CONF["TEXT"]] * len(worst), taken, CONF["TEXT_PT"] - .5)


def draw(run):
    points = points_of(run)
    if not points:
        return 0
    width, height = 8.5, 7.6
    figure = plt.figure(figsize=(width, height))
    used = write_title(figure, finding(points),
                       "a mark is a program on an allocator: the most of its heap that was resident "
                       "as the program ran on it, and in a replay of the program's trace; "
                       "grey: within 5 %; names: programs outside")
    axes = figure.add_axes([.95 / width, .6 / height, (width - 2.5) / width,
                            (height - used - .75) / height])
    set_axes(axes, points)
    looks = palette(run)
    for name in run.allocators:
        own = [point for point in points if point[1] == name]
        if own:
            axes.plot([point[2] for point in own], [point[3] for point in own],
                      looks[name].marker, color=looks[name].colour, markersize=6, alpha=.85,
                      label=elide(name, 16), zorder=4)
    axes.set_xlabel("peak resident heap of the program, preloaded (log)")
    axes.set_ylabel("peak resident heap of the replay (log)")
    axes.grid(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    label_misses(axes, points)
    return save(figure, run, NAME)
