"""Where does every byte of the heap lie, and what becomes of it over time?"""
import math

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from heap_pixels import LONG_SHARE, OCCUPANCY, Window, category_image, occupancy_image
from moments import Moments
from style import CONF, byte_unit, bytes_text, capped, elide, palette, plt, save, \
    smallest_text, tier_hatches, tiers_drawn, title_inches, title_lines, write_title
from table import read_numbers

NAME = "heap-map"


def blocks_of(run, name, moments, end):
    """born, died, start, requested, usable of every block; those never freed live up to `end`."""
    table = run.table("blocks")
    born, died, *place = (table.of(name, column) for column in (
        "event_from", "event_to", "start_bytes", "requested_bytes", "usable_bytes"))
    died = np.where(np.isnan(died), end, moments.start(died))
    return [moments.start(born), died] + place


class Sheet:
    """The whole figure: a grid of panels, each a map with its timeline below."""

    def __init__(self, run):
        self.run = run
        self.looks = palette(run)
        self.cells = read_numbers(run.path("heapmap"), run.allocators)
        self.names = [name for name in run.allocators if len(self.cells[name]["event"])]
        self.timeline = run.table("timeline")
        self.moments = Moments(run)
        for cells in self.cells.values():
            cells["start"] = self.moments.start(cells["event"])
        self.by_block = run.has("blocks")
        self.tiers = run.table("tiers")
        self.hatches = tier_hatches(run)
        self.drawn = tiers_drawn(run)
        peaks = [np.nanmax(self.timeline.of(name, "footprint_bytes")) for name in self.names]
        self.top = 1.03 * max(capped(peaks), run.peak_live())
        self.unit, self.unit_name = byte_unit(self.top)
        self.reach = {}  # where the highest block ends, where a map is cut to the blocks
        self.low, self.span = self.view()

    def view(self):
        """What the maps show: the lowest byte of each allocator, and how many bytes for all.

        The whole heap; but where the blocks fill little of it, as in a trace for the
        blackboard, only the part from the lowest block on.
        """
        whole = dict.fromkeys(self.names, 0), self.top
        if not self.by_block:
            return whole
        table, low, reach = self.run.table("blocks"), {}, {}
        for name in self.names:
            starts = table.of(name, "start_bytes")
            if not len(starts):
                return whole
            low[name] = max(0, starts.min() - 32) // 64 * 64
            reach[name] = (starts + table.of(name, "usable_bytes")).max()
        span = 1.1 * capped(reach[name] - low[name] for name in self.names)
        if span >= .6 * self.top:
            return whole
        self.reach = reach
        return low, span

    def draw(self):
        count = len(self.names)
        rows = 1 if count <= 4 else math.ceil(count / 5)
        columns = math.ceil(count / rows)
        width = min(max(3.6 * columns + .6, 7.5), 15 if rows == 1 else 13)
        title = title_lines(width, self.finding(), self.what())
        patches = self.legend_patches()
        inches = sum(.62 + .095 * len(patch.get_label()) for patch in patches)
        legend_rows = max(1 if width > 14 else 2, math.ceil(inches / width))
        top = title_inches(title) + .21 * legend_rows + .12
        tall, low, gap, above = (3.1, 1.15, .42, .4) if rows == 1 else (2.5, .9, .42, .4)
        height = top + rows * (above + tall + .1 + low + gap) + .1
        figure = plt.figure(figsize=(width, height))
        used = write_title(figure, self.finding(), self.what())
        figure.legend(handles=patches, loc="upper left", frameon=False,
                      ncol=math.ceil(len(patches) / legend_rows),
                      bbox_to_anchor=(0, 1 - used / height), handlelength=1.7,
                      columnspacing=1.2, borderaxespad=.3, fontsize=CONF["TEXT_PT"] - .5)
        left, between = .75, .22
        each = (width - left - .25 - (columns - 1) * between) / columns
        for k, name in enumerate(self.names):
            row, column = divmod(k, columns)
            x = (left + column * (each + between)) / width
            y = height - top - row * (above + tall + .1 + low + gap) - above
            upper = figure.add_axes([x, (y - tall) / height, each / width, tall / height])
            lower = figure.add_axes([x, (y - tall - .1 - low) / height, each / width, low / height])
            self.panel(upper, name, column == 0)
            self.stack(lower, name, column == 0, k + columns >= count)
        return save(figure, self.run, NAME)

    def panel(self, axes, name, first):
        unit, _ = byte_unit(self.span)
        end = self.moments.at(self.run.figure(name, "status_event"))
        window = Window(self.low[name], self.span, self.moments.last,
                        end if end == end else self.moments.last)
        if self.by_block:
            blocks = blocks_of(self.run, name, self.moments, window.end)
            image = category_image(self.cells[name], blocks, window)
        else:
            image = occupancy_image(self.cells[name], window)
        extent = [0, self.moments.last / self.moments.unit, 0, self.span / unit]
        axes.imshow(image, origin="lower", extent=extent, aspect="auto",
                    interpolation="antialiased")
        line = (self.timeline.of(name, "footprint_bytes") - window.low) / unit
        if np.nanmin(line) >= 0:  # else the map begins above what was the top once
            self.footprint(axes, name, line)
        self.phases(axes, first)
        self.title(axes, name, window.low + np.nanmax(line) * unit)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=self.moments.by_event))
        axes.tick_params(labelbottom=False, labelleft=first)
        if first:
            what = "heap offset" if self.span == self.top else "offset from the lowest block"
            axes.set_ylabel(f"{what} ({byte_unit(self.span)[1]})")
        axes.set_xlim(0, extent[1])
        axes.set_ylim(0, extent[3])

    def title(self, axes, name, top):
        """Name and ratio, and how far a heap goes on whose end is not shown."""
        status = self.run.status(name)
        text = f"{self.run.ratio(name):.2f}x peak live"
        reach = self.reach.get(name, top) - self.low[name]
        if reach > 1.001 * self.span:
            text += f"  ↑ {bytes_text(reach)}"
        if status != "ok":
            text += f"  † {status}"
        room = int(axes.get_position().width * axes.figure.get_figwidth() * 10)
        axes.set_title(elide(name, room), loc="left", pad=14, weight="bold",
                       size=CONF["TEXT_PT"] + 1, color=self.looks[name].colour)
        axes.annotate(text, (0, 1), (0, 3), xycoords="axes fraction",
                      textcoords="offset points", size=CONF["TEXT_PT"])

    def footprint(self, axes, name, line):
        """The black line on top, with a cross where it ends early."""
        events = self.moments.at(self.timeline.of(name, "event")) / self.moments.unit
        axes.plot(*self.stairs(name, line), color="black", linewidth=1.3,
                  drawstyle="steps-post")
        if self.run.status(name) != "ok" and len(events):
            axes.plot(events[-1], min(line[-1], axes.get_ylim()[1]), "x", color="black",
                      markersize=7, markeredgewidth=1.8, clip_on=False, zorder=6)

    def phases(self, axes, named):
        """A dotted line per phase mark; in the first panel also its name, where it has room."""
        marks = self.phase_marks(axes)
        ends = [mark for mark, _ in marks[1:]] + [self.moments.last]
        width = axes.get_window_extent().width
        for (mark, phase), end in zip(marks, ends):
            if not named:
                continue
            middle = (mark + end) / 2 / self.moments.unit
            text = axes.text(middle, .985, phase, transform=axes.get_xaxis_transform(),
                             ha="center", va="top", size=CONF["TEXT_PT"] - 1.5,
                             bbox={"facecolor": "white", "alpha": .8, "edgecolor": "none",
                                   "pad": .8})
            if text.get_window_extent().width + 6 > (end - mark) / self.moments.last * width:
                text.remove()

    def phase_marks(self, axes):
        """[(moment, name)], each marked by a dotted line; none if they are too many to see."""
        marks = [(event if self.moments.by_event else time, phase)
                 for event, phase, time in self.run.phases()]
        if len(marks) > 40:
            return []
        for mark, _ in marks:
            if mark > .005 * self.moments.last:
                axes.axvline(mark / self.moments.unit, color=CONF["TEXT"], linewidth=.8,
                             linestyle=(0, (1, 2)))
        return marks

    def stairs(self, name, values):
        """x in the unit of the axis and y of a timeline's column: each value from its event on."""
        events = self.timeline.of(name, "event")
        x = np.append(self.moments.start(events), self.moments.at(events[-1:]))
        return x / self.moments.unit, np.append(values, values[-1:])

    def stack(self, axes, name, first, last):
        """Live memory at the bottom, then what the allocator adds, free memory by tier."""
        timeline = self.timeline
        events = timeline.of(name, "event")
        low = np.zeros(len(events) + 1)
        layers = [(timeline.of(name, part + "_bytes"), colour, "") for part, colour in
                  (("requested", CONF["LONG_LIVED"]), ("internal", CONF["INTERNAL"]),
                   ("metadata", CONF["METADATA"]))]
        if self.tiers:
            layers += [(self.tier(name, tier, events), CONF["FREE"], hatch)
                       for tier, hatch in self.hatches.items()]
        layers.append((timeline.of(name, "slack_bytes"), CONF["SLACK"], ""))
        for size, colour, hatch in layers:
            if not np.nansum(size) > 0:
                continue
            x, size = self.stairs(name, size)
            high = low + np.nan_to_num(size)
            axes.fill_between(x, low / self.unit, high / self.unit, color=colour, hatch=hatch,
                              edgecolor=CONF["MUTED"], linewidth=0, step="post")
            low = high
        footprint = timeline.of(name, "footprint_bytes") / self.unit
        axes.plot(*self.stairs(name, footprint), color="black", linewidth=1.3,
                  drawstyle="steps-post")
        axes.set_xlim(0, self.moments.last / self.moments.unit)
        axes.set_ylim(0, self.top / self.unit)
        axes.set_yticks([tick for tick in axes.get_yticks()
                         if 0 <= tick <= .88 * self.top / self.unit])  # clear of the map above
        axes.set_facecolor(CONF["OUTSIDE"])
        axes.tick_params(labelleft=first)
        axes.set_xlabel(self.moments.title if last else "")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=self.moments.by_event))
        self.phase_marks(axes)
        if first:
            axes.set_ylabel(self.unit_name)

    def tier(self, name, tier, events):
        """Free bytes drawn as `tier` at these events; 0 where tiers.csv left it out."""
        rows = [i for i in self.tiers.rows_of(name)
                if self.drawn[self.tiers.text["tier"][i]] == tier]
        known = {}
        for event, size in zip(self.tiers.numbers("event")[rows],
                               self.tiers.numbers("bytes")[rows]):
            known[event] = known.get(event, 0) + size
        return np.array([known.get(event, 0) for event in events])

    def legend_patches(self):
        edge = {"edgecolor": CONF["MUTED"], "linewidth": .6}
        if self.by_block:
            patches = [Patch(color=CONF["LONG_LIVED"], label="live, long-lived"),
                       Patch(color=CONF["SHORT_LIVED"], label="live, short-lived")]
        else:
            patches = [Patch(facecolor=OCCUPANCY(share), label=f"{share:.0%} live", **edge)
                       for share in (1., .5)]
        patches += [Patch(color=CONF["INTERNAL"], label="rounding"),
                    Patch(color=CONF["METADATA"], label="headers")]
        patches += [Patch(facecolor=CONF["FREE"], hatch=hatch, label=f"free: {tier}", **edge)
                    for tier, hatch in self.hatches.items()]
        if np.nansum(self.timeline.numbers("slack_bytes")) > 0:
            patches.append(Patch(facecolor=CONF["SLACK"], label="slack", **edge))
        return patches + [Patch(facecolor=CONF["OUTSIDE"], label="not in the heap", **edge),
                          plt.Line2D([], [], color="black", linewidth=1.3, label="footprint")]

    def finding(self):
        names = self.run.finished("peak_footprint_bytes")
        if not names:
            return "No allocator came to the end of the trace"
        best, worst = names[0], names[-1]
        smallest, tied = smallest_text(self.run, names)
        text = (f"{smallest} hold{'' if tied else 's'} the trace in {self.run.ratio(best):.2f}x "
                f"{'the' if tied else 'its'} peak live memory")
        return text + (f", {elide(worst)} needs {self.run.ratio(worst):.2f}x"
                       if self.run.ratio(worst) > self.run.ratio(best) else "")

    def what(self):
        blind = [f"{elide(name, 20)} ({'no walk' if status == 'ok' else status})"
                 for name, status in ((name, self.run.status(name)) for name in
                                      self.run.allocators if name not in self.names)]
        kind = (f"each block from malloc to free; long-lived: more than {LONG_SHARE:.0%} of the "
                "trace" if self.by_block else "the darker, the more of a cell is live; "
                "white: a hole")
        return (f"{self.run.name}: {kind}. Below, the same bytes stacked by use" +
                (f". No map: {', '.join(blind)}" if blind else ""))


def draw(run):
    if not run.has("heapmap") or not run.has("timeline") or not len(run.table("timeline")):
        return 0
    sheet = Sheet(run)
    return sheet.draw() if sheet.names else 0
