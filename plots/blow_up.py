"""Does memory come back to those who need it?  Footprint of a program with threads, and the bounds."""
import numpy as np

from ends import name_ends
from moments import Moments
from style import CONF, capped, elide, palette, plt, save, smallest_text, write_title

NAME = "blow-up"


def finding(run, names, threads):
    """Who holds least and most, in multiples of what is live."""
    who, tied = smallest_text(run, names)
    text = f"{who} hold{'' if tied else 's'} {run.ratio(names[0]):.3g}x of what is live"
    if run.ratio(names[-1]) != run.ratio(names[0]):
        text += f", {elide(names[-1], 28)} {run.ratio(names[-1]):.3g}x"
    return f"{threads} threads: {text}"


def bounds_of(run, facts):
    """[(ratio, name)] that theory has for heaps with owners; [Berger00, 2]."""
    threads = facts["threads"]
    bounds = [(1, "live: one heap, no loss"), (threads, f"{threads}x: each thread keeps what it had")]
    allocated = facts.get("allocated_bytes", 0) / run.peak_live()
    return bounds, allocated


def draw(run):
    facts = run.facts().get("trace", {})
    names = sorted((name for name in run.allocators if run.ratio(name) == run.ratio(name)),
                   key=run.ratio)
    if facts.get("threads", 1) < 2 or not names or not run.has("timeline"):
        return 0
    looks = palette(run)
    bounds, allocated = bounds_of(run, facts)
    live = run.peak_live()
    height = 5.2 + .17 * max(0, len(names) - 22)
    figure = plt.figure(figsize=(10, height))
    ended = [name for name in names if run.status(name) == "ok"] or names
    used = write_title(figure, finding(run, ended, facts["threads"]),
                       f"{run.name}: footprint over the most that is ever live; grey: live memory. "
                       f"Heaps that give nothing back to the thread that needs it would hold "
                       f"{allocated:.3g}x at the end: all that was ever allocated")
    axes = figure.add_axes([.07, .52 / height, .68, 1 - (used + .64) / height])
    timeline = run.table("timeline")
    moments = Moments(run)
    ratios = [run.ratio(name) for name in names]
    top = max((r for r in ratios if r <= 1.5 * facts["threads"]), default=capped(ratios))
    drawn = [bound for bound in bounds if bound[0] <= max(1.35 * top, 2)]
    axes.set_xlim(0, moments.last / moments.unit)
    axes.set_ylim(0, max([top] + [ratio for ratio, _ in drawn]) * 1.06)
    first = max(names, key=lambda name: len(timeline.rows_of(name)))
    axes.fill_between(moments.at(timeline.of(first, "event")) / moments.unit,
                      timeline.of(first, "requested_bytes") / live, color=CONF["GRID"], linewidth=0)
    ends, texts, colours = [], [], []
    for ratio, text in drawn:
        axes.axhline(ratio, color=CONF["MUTED"], linestyle=(0, (6, 3)), linewidth=1, zorder=1)
        ends.append((axes.get_xlim()[1], ratio))
        texts.append(text)
        colours.append(CONF["MUTED"])
    for name in names:
        x = moments.at(timeline.of(name, "event")) / moments.unit
        y = timeline.of(name, "footprint_bytes") / live
        if not len(x):
            continue
        axes.plot(x, y, color=looks[name].colour, linestyle=looks[name].dash, zorder=3)
        ends.append((x[-1], min(y[-1], axes.get_ylim()[1])))
        texts.append(f"{elide(name, 22)} {run.ratio(name):.2f}x" +
                     ("" if run.status(name) == "ok" else " †"))
        colours.append(looks[name].colour)
    axes.set_xlabel(moments.title)
    axes.set_ylabel("footprint / peak live")
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}x")
    axes.grid(True, axis="y")
    name_ends(axes, ends, texts, colours, CONF["TEXT_PT"] - 1)
    return save(figure, run, NAME)
