"""Where does each allocator's memory go?  The footprint taken apart, at its peak."""
import numpy as np
from matplotlib.patches import Patch

from style import CONF, bytes_text, byte_unit, capped, elide, ending, palette, plt, save, \
    smallest_text, tier_hatches, tiers_drawn, write_title

NAME = "waste"
PARTS = [("requested", "requested (live)", CONF["LONG_LIVED"], ""),
         ("internal", "internal (rounding)", CONF["INTERNAL"], ""),
         ("metadata", "metadata (headers)", CONF["METADATA"], "....")]


def free_by_tier(run, allocator):
    """{tier: bytes} of the free bytes at the peak, which is always a sample."""
    free = run.figure(allocator, "free_bytes")
    tiers, timeline = run.table("tiers"), run.table("timeline")
    footprints = timeline.of(allocator, "footprint_bytes") if timeline else np.array([])
    if not free > 0 or not tiers or not np.isfinite(footprints).any():
        return {"": free} if free > 0 else {}
    event = timeline.of(allocator, "event")[np.nanargmax(footprints)]
    rows = [i for i in tiers.rows_of(allocator) if tiers.numbers("event")[i] == event]
    drawn = tiers_drawn(run)
    sizes = {}
    for i in rows:
        kind = drawn[tiers.text["tier"][i]]
        sizes[kind] = sizes.get(kind, 0) + tiers.numbers("bytes")[i]
    return sizes or {"": free}


def parts_of(run, allocator, hatches):
    """[(bytes, colour, hatch)] from the left of the bar to its right."""
    parts = [(run.figure(allocator, part + "_bytes"), colour, hatch)
             for part, _, colour, hatch in PARTS]
    parts += [(size, CONF["FREE"], hatches[tier])
              for tier, size in sorted(free_by_tier(run, allocator).items(),
                                       key=lambda item: list(hatches).index(item[0]))]
    parts.append((run.figure(allocator, "slack_bytes"), CONF["SLACK"], ""))
    return [part for part in parts if part[0] > 0]


def draw_bar(axes, y, parts, unit, end):
    """One allocator's bar; what lies beyond `end` is cut off there.  Returns its end."""
    left = 0
    for size, colour, hatch in parts:
        width = min(size / unit, end - left)
        axes.barh(y, width, .72, left, color=colour, hatch=hatch, edgecolor=CONF["TEXT"],
                  linewidth=.5)
        label_part(axes, left + width / 2, y, width, size / unit, colour, end)
        left += width
    return left


def label_part(axes, x, y, width, size, colour, end):
    """The number in the part, where there is room for it."""
    text = f"{size:.0f}" if size >= 9.95 else f"{size:.1f}"
    if width / end * 6.2 < .085 * len(text) + .1:
        return
    dark = colour in (CONF["INTERNAL"], CONF["LONG_LIVED"])
    axes.text(x, y, text, ha="center", va="center", size=CONF["TEXT_PT"] - 1,
              color="white" if dark else CONF["TEXT"],
              bbox=None if dark else {"facecolor": "white", "edgecolor": "none",
                                      "boxstyle": "square,pad=.12"})


def sentence(run):
    names = run.finished("peak_footprint_bytes")
    if not names:
        return "No allocator came to the end of the trace"
    best, worst = names[0], names[-1]
    smallest, tied = smallest_text(run, names)
    text = (f"{smallest} need{'' if tied else 's'} {run.ratio(best):.2f}x "
            f"{'the' if tied else 'its'} peak live memory")
    if run.ratio(best) == run.ratio(worst):
        return text
    blame = max(("internal", "rounding"), ("metadata", "headers"), ("free", "free memory"),
                ("slack", "slack"), key=lambda part: run.figure(worst, part[0] + "_bytes"))
    return f"{text}, {elide(worst)} {run.ratio(worst):.2f}x, mostly {blame[1]}"


def draw(run):
    looks = palette(run)
    walked = [name for name in run.allocators if run.ratio(name) == run.ratio(name)]
    if not walked:
        return 0
    walked.sort(key=lambda name: -run.figure(name, "peak_footprint_bytes"))
    blind = [name for name in run.allocators if name not in walked
             and run.resident(name) > 0]
    blind.sort(key=lambda name: -run.resident(name))
    names = blind + walked
    hatches = {"": "", **tier_hatches(run)}
    present = {tier for name in walked for tier in free_by_tier(run, name)}
    tiers = [tier for tier in hatches if tier in present]
    ends = [run.figure(name, "peak_footprint_bytes") for name in walked]
    top = max(capped(ends), run.peak_live())
    unit, unit_name = byte_unit(top)
    height = 1.75 + .33 * len(names)
    figure = plt.figure(figsize=(10, height))
    used = write_title(figure, sentence(run), f"{run.name}: bytes committed when the footprint "
                       f"was largest, by use; at the end of the bar footprint / peak live "
                       f"({bytes_text(run.peak_live())})")
    room = .54 if any(ending(run, name) for name in walked) else .69  # notes stand on the right
    axes = figure.add_axes([.21, .52 / height, room, (height - used - .95) / height])
    end = top / unit * 1.03
    for y, name in enumerate(names):
        if name in blind:
            draw_resident(axes, y, run, name, unit, end)
            continue
        right = draw_bar(axes, y, parts_of(run, name, hatches), unit, end)
        cut = run.figure(name, "peak_footprint_bytes") / unit > end * 1.001
        axes.text(right + end * .012, y, ("» " if cut else "") + f"{run.ratio(name):.2f}x",
                  weight="bold", va="center")
        axes.text(right + end * .012 + end * (.095 if cut else .075), y, ending(run, name),
                  va="center", color=CONF["MUTED"], size=CONF["TEXT_PT"] - 1.5,
                  bbox={"facecolor": "white", "edgecolor": "none", "boxstyle": "square,pad=.1"})
    axes.axvline(run.peak_live() / unit, color=CONF["TEXT"], linestyle=(0, (4, 3)), linewidth=1)
    axes.set_yticks(range(len(names)), [elide(name, 26) for name in names])
    for tick, name in zip(axes.get_yticklabels(), names):
        tick.set_color(looks[name].colour)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, end)
    axes.set_ylim(-.6, len(names) - .4)
    axes.set_xlabel(f"{unit_name} committed at the footprint's peak (dashed: peak live = 1.00x)")
    legend(figure, axes, tiers, hatches, walked, run, used, height)
    return save(figure, run, NAME)


def draw_resident(axes, y, run, name, unit, end):
    """An allocator without a walk: only the kernel's figure, as an open bar."""
    size = run.resident(name)
    width = min(size / unit, end)
    axes.barh(y, width, .72, color="none", edgecolor=CONF["MUTED"], linestyle="--", linewidth=1)
    axes.text(width + end * .012, y, f"{size / run.peak_live():.2f}x", va="center",
              bbox={"facecolor": "white", "edgecolor": "none", "boxstyle": "square,pad=.1"})
    what = "resident on threads, no walk" if run.is_threaded() else "resident memory, no walk"
    axes.text(min(width, end) * .5, y, what, va="center", ha="center",
              color=CONF["MUTED"], size=CONF["TEXT_PT"] - 1,
              bbox={"facecolor": "white", "edgecolor": "none", "boxstyle": "square,pad=.1"})


def legend(figure, axes, tiers, hatches, walked, run, used, height):
    edge = {"edgecolor": CONF["TEXT"], "linewidth": .5}
    patches = [Patch(facecolor=colour, hatch=hatch, label=label, **edge)
               for _, label, colour, hatch in PARTS]
    patches += [Patch(facecolor=CONF["FREE"], hatch=hatches[tier],
                      label="free" + (f": {tier}" if tier else ""), **edge) for tier in tiers]
    if any(run.figure(name, "slack_bytes") > 0 for name in walked):
        patches.append(Patch(facecolor=CONF["SLACK"], label="slack", **edge))
    figure.legend(handles=patches, loc="upper left", ncol=min(len(patches), 6), frameon=False,
                  bbox_to_anchor=(.01, 1 - (used - .04) / height), handlelength=2,
                  columnspacing=1.4, fontsize=CONF["TEXT_PT"] - .5)
