"""Why did the heap have to grow?  What was asked and what lay free, just before its peak."""
import numpy as np

from style import CONF, byte_unit, bytes_text, elide, palette, plt, save, write_title

NAME = "growth"
UNITS = {1: "byte", 1 << 10: "KiB", 1 << 20: "MiB", 1 << 30: "GiB", 1 << 40: "TiB"}


def cases_of(run):
    """[(name, event, request, free, blocks, largest, fits)], least free memory first."""
    table = run.table("failures")
    rows = [i for i, tier in enumerate(table.text["tier"]) if tier == "all"]
    columns = ("event", "request_bytes", "free_bytes", "free_blocks", "largest_bytes",
               "would_fit_in_one_piece")
    cases = [(table.text["allocator"][i], *(table.numbers(c)[i] for c in columns)) for i in rows]
    return sorted((case for case in cases if case[0] in run.allocators), key=lambda case: case[3])


def pieces(count):
    return f"{count:,.0f} piece" + ("" if count == 1 else "s")


def sentence(case):
    name, event, request, free, blocks, largest, _ = case
    where = f"{elide(name)} grew at event {event:,.0f}: asked {bytes_text(request)}"
    if not free > 0:
        return f"{where}, and nothing was free"
    return (f"{where} while {bytes_text(free)} lay free in {pieces(blocks)}, "
            f"the largest {bytes_text(largest)}")


def draw(run):
    cases = cases_of(run) if run.has("failures") else []
    if not cases:
        return 0
    looks = palette(run)
    height = 1.75 + .36 * len(cases)
    figure = plt.figure(figsize=(10, height))
    used = write_title(figure, sentence(cases[-1]),
                       f"{run.name}: the request that made the heap grow to its peak, against the "
                       "memory that was free. Where all free memory lies right of the request, one "
                       "piece would have been enough: the rest is fragmentation")
    axes = figure.add_axes([.24, .5 / height, .47, (height - used - .85) / height])
    for y, (name, _, request, free, blocks, largest, fits) in enumerate(cases):
        colour = looks[name].colour
        if free > 0:
            mean = free / blocks
            axes.plot([mean, free], [y, y], color=colour, linewidth=1.2, zorder=2)
            axes.plot(mean, y, "|", color=colour, markersize=12, markeredgewidth=2, zorder=3)
            axes.plot(largest, y, "o", color="white", markeredgecolor=colour, markersize=8,
                      zorder=3)
            axes.plot(free, y, "s", color=colour, markersize=8, zorder=3)
        axes.plot(request, y, "D", color=CONF["TEXT"], markersize=6, zorder=4)
        axes.text(1.02, y, verdict(free, blocks, fits), transform=axes.get_yaxis_transform(),
                  va="center", size=CONF["TEXT_PT"] - 1)
    set_axes(axes, cases)
    for tick, case in zip(axes.get_yticklabels(), cases):
        tick.set_color(looks[case[0]].colour)
    legend(figure, 1 - used / height)
    return save(figure, run, NAME)


def verdict(free, blocks, fits):
    if not free > 0:
        return "nothing was free"
    text = "one piece would do" if fits == 1 else "even in one piece too little"
    return f"{bytes_text(free)} in {pieces(blocks)}: {text}"


def set_axes(axes, cases):
    sizes = np.array([[case[2], case[3], case[5], case[3] / case[4] if case[4] else np.nan]
                      for case in cases], float)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    axes.set_xscale("log")
    axes.set_xlim(sizes.min() / 2, sizes.max() * 2)
    span = np.log2(axes.get_xlim()[1] / axes.get_xlim()[0])
    step = 2 if span < 14 else 4 if span < 28 else 8
    ticks = [1 << k for k in range(0, 50, step)]
    axes.set_xticks(ticks, [tick_text(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(sizes.min() / 2, sizes.max() * 2)
    axes.set_yticks(range(len(cases)), [elide(case[0], 30) for case in cases])
    axes.set_ylim(-.6, len(cases) - .4)
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("size (log)")


def tick_text(size):
    unit = max(unit for unit in UNITS if unit <= size)
    return f"{size // unit} {UNITS[unit]}" + ("s" if unit == 1 and size > 1 else "")


def legend(figure, y):
    style = {"color": CONF["MUTED"], "linestyle": "none", "markersize": 7}
    handles = [plt.Line2D([], [], marker="D", **{**style, "color": CONF["TEXT"]}, label="request"),
               plt.Line2D([], [], marker="|", markeredgewidth=2, **style, label="mean free piece"),
               plt.Line2D([], [], marker="o", markerfacecolor="white", **style,
                          label="largest free piece"),
               plt.Line2D([], [], marker="s", **style, label="all free memory")]
    figure.legend(handles=handles, loc="upper left", ncol=4, frameon=False,
                  bbox_to_anchor=(0, y), borderaxespad=.3)
