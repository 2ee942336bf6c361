"""Is an allocator good everywhere?  Footprint and time of every allocator on every workload."""
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from style import CONF, elide, palette, plt, save, several, write_title

NAME = "across"
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#f0c9a0", "#c4662b"])


def grid_of(run, column):
    """{(allocator, workload): (number, status)}."""
    text, numbers = run.summary.text, run.summary.numbers(column)
    return {key: (number, status) for key, number, status in zip(
        zip(text["allocator"], text["workload"]), numbers, text["status"])}


def mean_of(grid, allocator, workloads):
    """Geometric mean over the workloads, NaN unless it came to the end of each."""
    cells = [grid.get((allocator, w), (math.nan, "")) for w in workloads]
    values = [value if status == "ok" else math.nan for value, status in cells]
    return math.exp(np.mean(np.log(values))) if all(v > 0 for v in values) else math.nan


def relative(grid, workloads):
    """Times over the fastest allocator of the same workload."""
    out = {}
    for workload in workloads:
        best = min((v for (_, w), (v, _) in grid.items() if w == workload and v == v),
                   default=math.nan)
        out.update({key: (v / best, status) for key, (v, status) in grid.items()
                    if key[1] == workload})
    return out


def number_text(value):
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def draw_table(axes, run, grid, names, workloads, looks, title):
    """Rows are allocators, columns workloads and last their mean; darker is worse."""
    for y, name in enumerate(names):
        for x, workload in enumerate(workloads + [None]):
            value, status = (mean_of(grid, name, workloads), "ok") if workload is None else \
                grid.get((name, workload), (math.nan, ""))
            known = value == value and status == "ok"
            dark = min(math.log(value) / math.log(4), 1.) if known and value > 0 else 0.
            axes.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=SHADES(dark), edgecolor=CONF["GRID"],
                                         linewidth=.7))
            text = number_text(value) if known else "†" if status not in ("ok", "") else "–"
            axes.text(x + .5, y + .5, text, ha="center", va="center", size=CONF["TEXT_PT"] - 1,
                      weight="bold" if workload is None else "normal")
    axes.set_xlim(0, len(workloads) + 1)
    axes.set_ylim(len(names), 0)
    axes.axvline(len(workloads), color=CONF["TEXT"], linewidth=1)
    axes.set_xticks(np.arange(len(workloads) + 1) + .5,
                    [elide(w, 18) for w in workloads] + ["mean"], rotation=38, ha="left",
                    rotation_mode="anchor")
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.set_yticks(np.arange(len(names)) + .5, [elide(name, 30) for name in names])
    for tick, name in zip(axes.get_yticklabels(), names):
        tick.set_color(looks[name].colour)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.annotate(title, (0, 1), (-5, 6), xycoords="axes fraction", textcoords="offset points",
                  ha="right", va="bottom", weight="bold")


def sorted_by_mean(run, grid, workloads):
    means = {name: mean_of(grid, name, workloads) for name in run.allocators}
    return sorted(means, key=lambda name: (math.isnan(means[name]), means[name])), means


def finding(means, space):
    if math.isnan(means[space[0]]):
        return "No allocator came to the end of every workload"
    means = {name: means[name] for name in space if not math.isnan(means[name])}
    worst = list(means)[-1]
    tied = [name for name in means if f"{means[name]:.2f}" == f"{means[space[0]]:.2f}"]
    text = (f"Over all workloads {several(tied)} need{'s' if len(tied) == 1 else ''} "
            f"{means[space[0]]:.2f}x peak live memory")
    return text if worst in tied else text + f", {elide(worst)} {means[worst]:.2f}x"


def draw(run):
    workloads = list(dict.fromkeys(run.summary.text["workload"]))
    space = grid_of(run, "jw4")
    time = relative(grid_of(run, "ns_per_op"), workloads)
    looks = palette(run)
    names, means = sorted_by_mean(run, space, workloads)
    quick, _ = sorted_by_mean(run, time, workloads)
    timed = any(value == value for value, _ in time.values())
    panels = 2 if timed else 1
    width = max(7.5, 2.6 + .56 * (len(workloads) + 1) + .9)
    above = .25 + .05 * max(len(elide(w, 18)) for w in workloads)  # where their names stand
    height = .85 + panels * (above + .25 * len(names) + .15)
    figure = plt.figure(figsize=(width, height))
    used = write_title(figure, finding(means, names),
                       "Each cell: one workload; mean: geometric, of those that ended well "
                       "everywhere; †: did not come to the end; –: not measured; sorted by mean, "
                       "darker is worse, from 4x on no darker")
    step = (height - used - .1) / panels
    for k in range(panels):
        bottom = height - used - (k + 1) * step + .1
        axes = figure.add_axes([2.45 / width, bottom / height, (width - 2.45 - .85) / width,
                                (step - above - .15) / height])
        grid, order, title = ((space, names, "peak footprint /\npeak live"),
                              (time, quick, "time per call /\nthat of the fastest"))[k]
        draw_table(axes, run, grid, order, workloads, looks, title)
    return save(figure, run, NAME)
