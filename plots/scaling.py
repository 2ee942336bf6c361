"""Do twice the threads do twice as much?  Speed-up by threads, beside a control without allocator."""
import numpy as np

from ends import name_ends
from style import CONF, elide, palette, plt, save, write_title

NAME = "scaling"
CONTROL = "null"
PANELS = (("private", "private work: each frees what it made"),
          ("crossing", "crossing: each frees what its neighbour made"),
          ("sharing", "sharing: each writes to a small block of its own"))


def lines_of(run, work):
    """{allocator: (threads, speedup, low, high)}, by threads."""
    table = run.summary
    lines = {}
    for name in run.allocators:
        rows = [i for i in table.rows_of(name) if table.text["work"][i] == work]
        rows.sort(key=lambda i: table.numbers("threads")[i])
        if rows:
            lines[name] = [table.numbers(column)[rows] for column in
                           ("threads", "speedup", "speedup_lo", "speedup_hi")]
    return lines


def finding(lines):
    """What private work shows at the most threads."""
    own = {name: line for name, line in lines.items() if name != CONTROL}
    if not own or CONTROL not in lines:
        return "Work on more and more threads"
    threads, control = lines[CONTROL][0][-1], lines[CONTROL][1][-1]
    if control < .8 * threads:
        return (f"No verdict: even without an allocator {threads:.0f} threads do only "
                f"{control:.3g}x the work of one on this machine")
    best = max(own, key=lambda name: own[name][1][-1])
    worst = min(own, key=lambda name: own[name][1][-1])
    text = (f"Private work on {own[best][0][-1]:.0f} threads: {elide(best, 24)} does "
            f"{own[best][1][-1]:.3g}x the work of one")
    if worst != best:
        text += f", {elide(worst, 24)} {own[worst][1][-1]:.3g}x"
    return text + f"; without an allocator it is {control:.3g}x"


def ticks_within(low, high):
    """Powers of two, and as many steps between them as make at least four ticks."""
    for steps in ((1,), (1, 1.5), (1, 1.25, 1.5, 1.75)):
        ticks = [step * 2. ** k for k in range(-10, 10) for step in steps
                 if low <= step * 2. ** k <= high]
        if len(ticks) >= 4:
            break
    return ticks


def draw_panel(axes, lines, looks, title, top):
    """Intervals that reach beyond `top` are cut off there."""
    most = max(line[0][-1] for line in lines.values())
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    counts = sorted({count for line in lines.values() for count in line[0]})
    low = min(line[1].min() for line in lines.values())
    axes.set_xlim(most ** -.06, most ** 1.06)
    axes.set_ylim(min(.9, low * .85), max(top, most) * 1.1)
    axes.plot([1, most], [1, most], color=CONF["MUTED"], linestyle=(0, (6, 3)), linewidth=1,
              zorder=1)
    ends, texts, colours = [(most, most)], ["ideal"], [CONF["MUTED"]]
    for k, (name, (threads, speedup, lower, upper)) in enumerate(lines.items()):
        look = looks[name]
        aside = most ** (.1 * ((k + .5) / len(lines) - .5))  # so that no interval hides another
        threads = np.where(threads > 1, threads * aside, threads)
        control = name == CONTROL
        colour = CONF["TEXT"] if control else look.colour
        axes.errorbar(threads, speedup,
                      yerr=[np.maximum(speedup - lower, 0), np.maximum(upper - speedup, 0)],
                      color=colour, linestyle=(0, (1, 1.5)) if control else look.dash,
                      marker="" if control else look.marker, markersize=5,
                      linewidth=2 if control else 1.5, elinewidth=.8, capsize=2, zorder=3)
        ends.append((threads[-1], speedup[-1]))
        texts.append("no allocator" if control else elide(name, 22))
        colours.append(colour)
    axes.set_xticks(counts, [f"{count:.0f}" for count in counts])
    ticks = ticks_within(*axes.get_ylim())
    axes.set_yticks(ticks, [f"{tick:.3g}x" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("threads")
    axes.set_ylabel("speed-up (log)")
    axes.set_title(title, loc="left", size=CONF["TEXT_PT"], weight="bold")
    axes.grid(True)
    name_ends(axes, ends, texts, colours, CONF["TEXT_PT"] - 1)


def draw(run):
    panels = [(title, lines_of(run, work)) for work, title in PANELS]
    panels = [(title, lines) for title, lines in panels
              if lines and max(line[0][-1] for line in lines.values()) > 1]
    if not panels:
        return 0
    looks = palette(run)
    rounds = run.summary.numbers("rounds")[0]
    bars = f"bars are 95 % intervals over {rounds:.0f} rounds" if rounds > 1 else \
        "one round, no intervals"
    height = 4.6 + .12 * max(0, len(run.allocators) - 12)
    names = max([len(elide(name, 22)) for name in run.allocators] + [len("no allocator")])
    each = 3.87 + .076 * names
    width = each * len(panels) + .1
    figure = plt.figure(figsize=(width, height))
    used = write_title(figure, finding(lines_of(run, "private")),
                       f"speed-up over one thread, each thread doing the same work whatever their "
                       f"number; {bars}; dashed: ideal; dotted: the same work without an "
                       "allocator, which is what the machine allows")
    for k, (title, lines) in enumerate(panels):
        axes = figure.add_axes([(each * k + .82) / width, .5 / height, 2.7 / width,
                                (height - used - .5 - .35) / height])
        draw_panel(axes, lines, looks, title, max(line[1].max() for line in lines.values()))
    return save(figure, run, NAME)
