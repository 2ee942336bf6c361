"""Who takes which lock how often, and who has to wait?  A table with bars."""
import numpy as np

from style import CONF, elide, palette, plt, save, write_title

NAME = "locks"
LEAST = .001  # in a thousand calls: the left end of the bars


def cases_of(run):
    """[(allocator, lock, what, acquired, waited)] of a thousand calls, on the most threads.

    `what` is the work, or how a trace was replayed.
    """
    table = run.table("locks")
    what = table.text.get("work") or table.text.get("replay")
    threads = table.numbers("threads")
    most = np.nanmax(threads)
    return [(table.text["allocator"][i], table.text["lock"][i], what[i],
             table.numbers("acquired_per_1000_ops")[i], table.numbers("waited_per_1000_ops")[i])
            for i in range(len(table)) if threads[i] == most], most


def grouped(cases):
    """{(allocator, lock): {what: (acquired, waited)}}, those who take most locks last."""
    groups = {}
    for allocator, lock, what, acquired, waited in cases:
        groups.setdefault((allocator, lock), {})[what] = (acquired, waited)
    total = {}
    for (allocator, _), figures in groups.items():
        total[allocator] = total.get(allocator, 0) + max(a for a, _ in figures.values())
    return dict(sorted(groups.items(), key=lambda item: (total[item[0][0]], item[0][0],
                                                         max(a for a, _ in item[1].values()))))


def finding(groups, what, threads):
    """Who takes fewest and most."""
    total = {}
    for (allocator, _), figures in groups.items():
        total[allocator] = total.get(allocator, 0) + figures.get(what, (0, 0))[0]
    few, many = min(total, key=total.get), max(total, key=total.get)
    text = f"{elide(few, 26)} takes {number_text(total[few])} locks in a thousand calls"
    if number_text(total[many]) != number_text(total[few]):
        text += f", {elide(many, 26)} {number_text(total[many])}"
    elif many != few:
        text = f"All take {number_text(total[few])} locks in a thousand calls"
    return f"{text} ({what}, {threads:.0f} thread" + ("s)" if threads != 1 else ")")


def number_text(value):
    if value == 0:
        return "0"
    return f"{value:.3g}" if value < 99.5 else f"{value:,.0f}"


def draw_column(axes, groups, what, looks, first):
    for y, ((allocator, lock), figures) in enumerate(groups.items()):
        acquired, waited = figures.get(what, (np.nan, np.nan))
        colour = looks[allocator].colour
        if acquired > 0:
            axes.barh(y, np.log10(max(acquired, LEAST) / LEAST), height=.62, color="white",
                      edgecolor=colour, linewidth=1)
        if waited > 0:
            axes.barh(y, np.log10(max(waited, LEAST) / LEAST), height=.62, color=colour,
                      edgecolor=colour, linewidth=1)
        if acquired == acquired:
            axes.text(1.03, y, number_text(acquired), transform=axes.get_yaxis_transform(),
                      va="center", ha="left", size=CONF["TEXT_PT"] - 1)
            axes.text(1.40, y, number_text(waited), transform=axes.get_yaxis_transform(),
                      va="center", ha="left", size=CONF["TEXT_PT"] - 1,
                      weight="bold" if waited > 0 else "normal")
    ticks = [LEAST * 10 ** k for k in range(0, 8, 2)]
    axes.set_xlim(0, np.log10(1e4 / LEAST))
    axes.set_xticks([np.log10(tick / LEAST) for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set_ylim(-.6, len(groups) - .4)
    if first:
        axes.set_yticks(range(len(groups)), [f"{elide(a, 26)}: {lock}" for a, lock in groups])
        for tick, (allocator, _) in zip(axes.get_yticklabels(), groups):
            tick.set_color(looks[allocator].colour)
    else:
        axes.set_yticks([])
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.set_title(what, loc="left", size=CONF["TEXT_PT"], weight="bold")
    for x, text in ((1.03, "taken"), (1.40, "waited")):
        axes.text(x, 1, text, transform=axes.transAxes, va="bottom", ha="left",
                  size=CONF["TEXT_PT"] - 1, color=CONF["MUTED"])
    axes.set_xlabel("in a thousand calls (log)")


def draw(run):
    if not run.has("locks") or not len(run.table("locks")):
        return 0
    cases, threads = cases_of(run)
    groups = grouped(cases)
    whats = list(dict.fromkeys(case[2] for case in cases))
    first = "threads" if "threads" in whats else whats[0]  # real ones, before recorded order
    looks = palette(run)
    step = 3.6
    left = .25 + .08 * max(len(elide(a, 26)) + len(lock) + 2 for a, lock in groups)
    width = max(left + .15 + step * len(whats), 8)
    height = 1.75 + .26 * len(groups)
    figure = plt.figure(figsize=(width, height))
    used = write_title(figure, finding(groups, first, threads),
                       f"{run.name}: locks taken (outline) and found held by another thread (filled), "
                       "in a thousand calls of the allocator; bars begin at .001")
    for k, what in enumerate(whats):
        axes = figure.add_axes([(left + step * k) / width, .5 / height, 1.9 / width,
                                (height - used - .5 - .32) / height])
        draw_column(axes, groups, what, looks, k == 0)
    return save(figure, run, NAME)
