"""Why did the heap have to grow?  What was asked and what lay free, just before its peak."""
import numpy as np

from style import CONF, byte_unit, bytes_text, elide, palette, plt, save, write_title

NAME = "growth"
FEW_EVENTS = 100  # of a trace in which a heap grows with every other malloc
UNITS = {1: "byte", 1 << 10: "KiB", 1 << 20: "MiB", 1 << 30: "GiB", 1 << 40: "TiB"}


def cases_of(run):
    """[(name, event, need, free, blocks, largest, fits)], least free memory first.

    `need` is the request with its rounding and headers: a hole would have to be that large.
    """
    table = run.table("failures")
    rows = [i for i, tier in enumerate(table.text["tier"]) if tier == "all"]
    columns = ("event", "need_bytes", "free_bytes", "free_blocks", "largest_bytes",
               "would_fit_in_one_piece")
    cases = [(table.text["allocator"][i], *(table.numbers(c)[i] for c in columns)) for i in rows]
    return sorted((case for case in cases if case[0] in run.allocators), key=lambda case: case[3])


def of_itself(run, cases):
    """The others, whose heap did not grow for a request: for a new thread, say, or in advance."""
    asked = {case[0] for case in cases}
    names = [elide(name, 20) for name in run.allocators
             if name not in asked and run.ratio(name) == run.ratio(name)]
    return f". Without a request of its own: {', '.join(names)}" if names else ""


def pieces(count):
    return f"{count:,.0f} piece" + ("" if count == 1 else "s")


def sentence(case):
    name, event, need, free, blocks, largest, _ = case
    if not need > 0:
        return f"{elide(name)} grew at event {event:,.0f} without a request of its own"
    where = f"{elide(name)} grew at event {event:,.0f}: needed {bytes_text(need)}"
    if not free > 0:
        return f"{where}, and nothing was free"
    return (f"{where} while {bytes_text(free)} lay free in {pieces(blocks)}, "
            f"the largest {bytes_text(largest)}")


def draw(run):
    cases = cases_of(run) if run.has("failures") else []
    if not cases:
        return 0
    events = np.nanmax(run.table("timeline").numbers("event"))
    if events < FEW_EVENTS:
        print(f"{NAME}: no chart, of {events:.0f} events the heap map shows every growth")
        return 0
    looks = palette(run)
    height = 1.75 + .42 * len(cases)
    figure = plt.figure(figsize=(10, height))
    used = write_title(figure, sentence(cases[-1]),
                       f"{run.name}: the request that made the heap grow to its peak, with rounding "
                       "and headers, against the memory that was free. Where all free memory lies "
                       "right of the request and no piece does, one piece would have been enough: the rest is fragmentation" +
                       of_itself(run, cases))
    axes = figure.add_axes([.24, .5 / height, .47, (height - used - .85) / height])
    notes = []
    for y, (name, _, need, free, blocks, largest, _) in enumerate(cases):
        colour = looks[name].colour
        if free > 0 and blocks > 0:
            mean = free / blocks
            axes.plot([mean, free], [y, y], color=colour, linewidth=1.2, zorder=2)
            axes.plot(mean, y, "|", color=colour, markersize=12, markeredgewidth=2, zorder=3)
            axes.plot(largest, y, "o", color="white", markeredgecolor=colour, markersize=8,
                      zorder=3)
            axes.plot(free, y, "s", color=colour, markersize=8, zorder=3)
        if need > 0:
            axes.plot(need, y, "D", color=CONF["TEXT"], markersize=6, zorder=4)
        notes.append(axes.text(1.02, y, verdict(*cases[y][2:]), va="center",
                               transform=axes.get_yaxis_transform(), size=CONF["TEXT_PT"] - 1))
    make_room(axes, notes)
    set_axes(axes, cases)
    for tick, case in zip(axes.get_yticklabels(), cases):
        tick.set_color(looks[case[0]].colour)
    legend(figure, 1 - used / height)
    return save(figure, run, NAME)


def make_room(axes, notes):
    """Narrows the axes until the widest of the notes beside them ends inside the figure."""
    figure = axes.figure
    renderer = figure.canvas.get_renderer()
    widest = max(note.get_window_extent(renderer).width for note in notes) / figure.bbox.width
    x, y, width, height = axes.get_position().bounds
    axes.set_position([x, y, min(width, (.99 - x - widest) / 1.02), height])


def verdict(need, free, blocks, largest, fits):
    """Two lines; the same distinctions as in the sentences of the report."""
    if not free > 0:
        return "nothing was free"
    if not need > 0:
        text = "no request of its own"
    elif largest >= need:
        text = "large enough, not usable for this request"
    else:
        text = "one piece would do" if fits == 1 else "even in one piece too little"
    return f"{bytes_text(free)} in {pieces(blocks)}:\n{text}"


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
    handles = [plt.Line2D([], [], marker="D", **{**style, "color": CONF["TEXT"]}, label="request, with rounding and headers"),
               plt.Line2D([], [], marker="|", markeredgewidth=2, **style, label="mean free piece"),
               plt.Line2D([], [], marker="o", markerfacecolor="white", **style,
                          label="largest free piece"),
               plt.Line2D([], [], marker="s", **style, label="all free memory")]
    figure.legend(handles=handles, loc="upper left", ncol=4, frameon=False,
                  bbox_to_anchor=(0, y), borderaxespad=.3)
