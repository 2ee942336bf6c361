"""Who takes which lock how often, and who has to wait?  A table with bars."""
import numpy as np

from style import CONF, elide, palette, plt, save, several, write_title

NAME = "locks"
LEAST = .001  # in a thousand calls: the left end of the bars
TAKEN, WAITED = 44, 92  # points right of the bars: where the columns of figures end
NUMBERS = 1.6  # inches: the columns of figures beside the bars


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


def split_idle(groups):
    """(groups of which a lock was taken, those of which none ever was)."""
    idle = {key for key, figures in groups.items() if not any(a > 0 for a, _ in figures.values())}
    return {key: groups[key] for key in groups if key not in idle}, sorted(idle)


def finding(groups, what, threads):
    """Who takes fewest and most."""
    total = {}
    for (allocator, _), figures in groups.items():
        total[allocator] = total.get(allocator, 0) + figures.get(what, (0, 0))[0]
    least, most = number_text(min(total.values())), number_text(max(total.values()))
    few, many = ([name for name in total if number_text(total[name]) == text]
                 for text in (least, most))
    text = (f"{several(few, 26)} take{'s' if len(few) == 1 else ''} {least} "
            f"lock{'s' if least != '1' else ''} in a thousand calls")
    if least != most:
        text += f", {several(many, 26)} {most}"
    return f"{text} ({title_of(what, threads)})" if what != "recorded" else text


def title_of(what, threads):
    """The work, or how a trace was replayed, on how many threads."""
    where = f"on {threads:.0f} thread" + ("s" if threads != 1 else "")
    return {"recorded": "in recorded order", "threads": where}.get(what, f"{what}, {where}")


def number_text(value):
    if value == 0:
        return "0"
    return f"{value:.3g}" if value < 99.5 else f"{value:,.0f}"


def draw_column(axes, groups, what, title, looks, first):
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
            for x, value, weight in ((TAKEN, acquired, "normal"),
                                     (WAITED, waited, "bold" if waited > 0 else "normal")):
                axes.annotate(number_text(value), (1, y), (x, 0), xycoords=axes.get_yaxis_transform(),
                              textcoords="offset points", va="center", ha="right",
                              size=CONF["TEXT_PT"] - 1, weight=weight)
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
    axes.set_title(title, loc="left", size=CONF["TEXT_PT"], weight="bold")
    for x, text in ((TAKEN, "taken"), (WAITED, "waited")):
        axes.annotate(text, (1, 1), (x, 2), xycoords="axes fraction", textcoords="offset points",
                      va="bottom", ha="right", size=CONF["TEXT_PT"] - 1, color=CONF["MUTED"])
    axes.set_xlabel("in a thousand calls (log)")


def draw(run):
    if not run.has("locks") or not len(run.table("locks")):
        return 0
    cases, threads = cases_of(run)
    groups, idle = split_idle(grouped(cases))
    if not groups:
        print(f"{NAME}: no chart, no lock was ever taken")
        return 0
    whats = list(dict.fromkeys(case[2] for case in cases))
    first = "threads" if "threads" in whats else whats[0]  # real ones, before recorded order
    looks = palette(run)
    left = .25 + .08 * max(len(elide(a, 26)) + len(lock) + 2 for a, lock in groups)
    bars = max(1.9, (7.9 - left) / len(whats) - NUMBERS)  # fills a figure of at least 8 inches
    step = bars + NUMBERS
    width = left + step * len(whats) + .1
    height = 1.75 + .26 * len(groups)
    figure = plt.figure(figsize=(width, height))
    note = "; never taken: " + ", ".join(f"{elide(a, 26)}'s {lock}" for a, lock in idle)
    used = write_title(figure, finding(groups, first, threads),
                       f"{run.name}: locks taken (outline) and found held by another thread (filled), "
                       "in a thousand calls of the allocator; bars begin at .001" +
                       (note if idle else ""))
    for k, what in enumerate(whats):
        axes = figure.add_axes([(left + step * k) / width, .5 / height, bars / width,
                                (height - used - .5 - .32) / height])
        draw_column(axes, groups, what, title_of(what, threads), looks, k == 0)
    return save(figure, run, NAME)
