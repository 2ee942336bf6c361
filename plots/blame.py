"""Whose blocks hold the heap?  Live bytes and the holes beside them, by caller."""
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from style import CONF, byte_unit, bytes_text, elide, palette, plt, save, write_title

NAME = "blame"
SITES = 14  # drawn by name; the others are one bar
NAME_LENGTH = 44
NOTHING = (0, 0, 0, 0)
LIVE, HOLES, METADATA = CONF["LONG_LIVED"], CONF["FREE"], CONF["METADATA"]


def columns(run, allocator):
    """{site: (live, holes, pages alone, held by long-lived blocks)} under one allocator."""
    table = run.summary
    rows = table.rows_of(allocator)
    live = table.numbers("requested_bytes") + table.numbers("rounding_bytes")
    holes, alone = table.numbers("hole_bytes"), table.numbers("pages_alone")
    long = table.numbers("held_long_bytes")
    return {table.text["site"][i]: (live[i], holes[i], alone[i], long[i]) for i in rows}


def held(figures):
    return figures[0] + figures[1]


def rows_of(by_allocator):
    """[(site, {allocator: figures})], who holds most first; the small ones as one."""
    sites = list(dict.fromkeys(site for sites in by_allocator.values() for site in sites))
    most = {site: max(held(sites.get(site, NOTHING)) for sites in by_allocator.values())
            for site in sites}
    sites.sort(key=lambda site: -most[site])
    few = sites if len(sites) <= SITES + 1 else sites[:SITES]
    rows = [(elide(site, NAME_LENGTH),
             {name: found.get(site, NOTHING) for name, found in by_allocator.items()})
            for site in few]
    rest = sites[len(few):]
    if rest:
        rows.append((f"({len(rest)} others)", {
            name: tuple(sum(found.get(site, NOTHING)[k] for site in rest) for k in range(4))
            for name, found in by_allocator.items()}))
    return rows


def finding(run, by_allocator):
    """The caller whose blocks keep most holes, and what it holds under the other allocator."""
    site, name = max(((site, name) for name, sites in by_allocator.items() for site in sites),
                     key=lambda pair: by_allocator[pair[1]][pair[0]][1])
    live, holes, *_ = by_allocator[name][site]
    text = (f"{elide(site, NAME_LENGTH)}: {bytes_text(live)} of blocks hold "
            f"{bytes_text(live + holes)} under {elide(name, 24)}")
    for other in run.allocators:
        if other != name:
            text += (f", {bytes_text(held(by_allocator[other].get(site, NOTHING)))} under "
                     f"{elide(other, 24)}")
    return text


def draw_panel(axes, run, name, rows, unit, end, look, first):
    heap = run.table("blame_heap")
    rest = [("headers and the like", heap.of(name, "metadata_bytes")[0], METADATA),
            ("free, on pages without a block", heap.of(name, "free_page_bytes")[0], HOLES)]
    edge = {"edgecolor": CONF["TEXT"], "linewidth": .5, "height": .72}
    last = len(rows) + len(rest) - 1
    for k, (_, figures) in enumerate(rows):
        live, holes, alone, long = figures[name]
        axes.barh(last - k, live / unit, color=LIVE, **edge)
        axes.barh(last - k, holes / unit, left=live / unit, color=HOLES, **edge)
        axes.barh(last - k - .45, long / unit, color=CONF["TEXT"], height=.09)
        if live + holes > 0:
            text = f"{(live + holes) / unit:,.1f}"
            text += f"  {alone:,.0f} p." if alone > 0 else ""
            axes.text((live + holes) / unit + end * .012, last - k, text, va="center",
                      size=CONF["TEXT_PT"] - 1)
    for k, (_, size, colour) in enumerate(rest):
        axes.barh(1 - k, size / unit, color=colour, hatch="" if colour == METADATA else "//", **edge)
        axes.text(size / unit + end * .012, 1 - k, f"{size / unit:,.1f}", va="center",
                  size=CONF["TEXT_PT"] - 1)
    names = [label for label, _ in rows] + [label for label, _, _ in rest]
    axes.set_yticks(range(last, -1, -1), names if first else [])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-.6, last + .6)
    axes.set_xlim(0, end)
    axes.axhline(len(rest) - .5, color=CONF["GRID"], linewidth=.8)
    footprint = heap.of(name, "footprint_bytes")[0]
    axes.set_title(f"{elide(name, 30)}: {bytes_text(footprint)}", loc="left", color=look.colour,
                   size=CONF["TEXT_PT"], weight="bold")


def draw(run):
    by_allocator = {name: columns(run, name) for name in run.allocators}
    rows = rows_of(by_allocator)
    looks = palette(run)
    heap = run.table("blame_heap")
    top = max([held(figures[name]) for _, figures in rows for name in figures] +
              list(heap.numbers("metadata_bytes")) + list(heap.numbers("free_page_bytes")))
    unit, unit_name = byte_unit(top)
    panels = len(run.allocators)
    left = .35 + .075 * max([len(label) for label, _ in rows] + [30])
    each = 4.6 if panels == 1 else 3.6
    width, height = left + each * panels + .15, 2.05 + .27 * (len(rows) + 2)
    figure = plt.figure(figsize=(width, height))
    what = "by call site" if heap.numbers("has_sites")[0] else "by size and thread (no call sites)"
    used = write_title(figure, finding(run, by_allocator),
                       f"{run.name}: bytes of the heap, {what}, after event "
                       f"{', '.join(f'{event:,.0f}' for event in heap.numbers('event'))}; holes on "
                       "a page are shared by those who have blocks there; p.: pages that it holds alone")
    end = top / unit * 1.42
    for k, name in enumerate(run.allocators):
        axes = figure.add_axes([(left + each * k) / width, .5 / height, (each - .2) / width,
                                (height - used - .5 - .55) / height])
        draw_panel(axes, run, name, rows, unit, end, looks[name], k == 0)
        axes.set_xlabel(f"{unit_name} held")
    edge = {"edgecolor": CONF["TEXT"], "linewidth": .5}
    figure.legend(handles=[Patch(facecolor=LIVE, label="live blocks", **edge),
                           Patch(facecolor=HOLES, label="holes that they hold", **edge),
                           Line2D([], [], color=CONF["TEXT"], linewidth=2.2,
                                  label="held by long-lived blocks")],
                  loc="upper left", ncol=3, frameon=False,
                  bbox_to_anchor=(.01, 1 - (used - .04) / height), fontsize=CONF["TEXT_PT"] - .5)
    return save(figure, run, NAME)
