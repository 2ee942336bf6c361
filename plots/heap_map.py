"""Where does every byte of the heap lie, and what becomes of it over time?"""
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from style import CONF, byte_unit, bytes_text, capped, elide, event_unit, palette, plt, \
    save, tier_hatches, title_inches, title_lines, write_title
from table import read_numbers

NAME = "heap-map"
ROWS, COLUMNS = 420, 640     # pixels of a map
LONG_SHARE = .1              # of the trace: a block that lives longer is long-lived
OCCUPANCY = LinearSegmentedColormap.from_list("occupancy", [CONF["FREE"], CONF["SHORT_LIVED"],
                                                            CONF["LONG_LIVED"], "#08203a"])


def rgb(name):
    return np.array(to_rgb(CONF[name]), dtype=np.float32)


def steps(cells):
    """Cuts heapmap rows of one allocator, sorted by event, into (event, slice) per sample."""
    events = cells["event"]
    starts = np.flatnonzero(np.r_[True, events[1:] != events[:-1]])
    ends = np.r_[starts[1:], len(events)]
    return [(events[a], slice(a, b)) for a, b in zip(starts, ends)]


def binned(cells, part, edges):
    """The bytes of `part` between neighbouring edges: exact sums, whatever the cell size."""
    starts = cells["start_bytes"][part]
    ends = starts + cells["bytes"][part]
    knots = np.r_[starts, ends[-1:]]

    def below(column):
        return np.interp(edges, knots, np.r_[0, np.cumsum(cells[column][part])])
    return lambda column: np.diff(below(column))


def raster(cells, top, last_event, end, columns):
    """The bytes of each use in every pixel of the map: {column: rows x time}.

    Each sample stands from its event to the next one's; nothing stands after the event `end`.
    """
    edges = np.linspace(0, top, ROWS + 1)
    samples = steps(cells)
    out = {column: np.zeros((len(samples), ROWS), np.float32) for column in columns}
    for k, (_, part) in enumerate(samples):
        bytes_in = binned(cells, part, edges)
        for column in columns:
            out[column][k] = bytes_in(column)
    times = np.array([event for event, _ in samples])
    shown = (np.arange(COLUMNS) + .5) * last_event / COLUMNS
    at = np.searchsorted(times, shown, "right") - 1
    grids = {column: out[column][np.clip(at, 0, None)].T for column in columns}
    for grid in grids.values():
        grid[:, (at < 0) | (shown > end)] = 0
    return grids


def occupancy_image(cells, top, last_event, end):
    """How much of each pixel is requested: white 0, dark 1; headers orange; outside grey."""
    columns = ("bytes", "requested_bytes", "metadata_bytes")
    grid = raster(cells, top, last_event, end, columns)
    held = np.maximum(grid["bytes"], 1e-9)
    image = OCCUPANCY(grid["requested_bytes"] / held)[..., :3]
    image[grid["metadata_bytes"] > .5 * held] = rgb("METADATA")
    return outside_grey(image, grid["bytes"] / (top / ROWS))


def outside_grey(image, coverage):
    """Mixes in the colour of what is beyond the heap, by the share of the pixel that is."""
    coverage = np.clip(coverage, 0, 1)[..., None]
    return coverage * image + (1 - coverage) * rgb("OUTSIDE")


def category_image(cells, blocks, top, last_event, end):
    """Every block painted in the colour of its kind, on what lies between the blocks.

    Painted finer than it is shown, and averaged: a pixel of many small blocks
    has the mean of their colours.
    """
    columns = ("bytes", "metadata_bytes", "free_bytes", "slack_bytes")
    grid = raster(cells, top, last_event, end, columns)
    rest = np.full((ROWS, COLUMNS, 3), rgb("FREE"))
    rest[grid["metadata_bytes"] > grid["free_bytes"] + grid["slack_bytes"]] = rgb("METADATA")
    rest[grid["slack_bytes"] > grid["free_bytes"] + grid["metadata_bytes"]] = rgb("SLACK")
    fine = max(1, min(8, math.ceil(top / 8 / ROWS)))
    image = np.repeat(outside_grey(rest, grid["bytes"] / (top / ROWS)), fine, axis=0)
    born, died, start, size, usable = blocks
    x0 = np.floor(born / last_event * COLUMNS).astype(int)
    x1 = np.maximum(x0 + 1, np.floor(died / last_event * COLUMNS).astype(int))
    scale = ROWS * fine / top
    y0, y1, y2 = ((edge * scale).round().astype(int)
                  for edge in (start, start + size, start + usable))
    long_lived = died - born > LONG_SHARE * last_event
    for a, b, low, mid, high, is_long in zip(x0, x1, y0, y1, y2, long_lived):
        image[low:max(mid, low + 1), a:b] = rgb_of[is_long]
        image[mid:high, a:b] = rgb_of[2]
    return image.reshape(ROWS, fine, COLUMNS, 3).mean(axis=1)


rgb_of = [rgb("SHORT_LIVED"), rgb("LONG_LIVED"), rgb("INTERNAL")]


def blocks_of(run, name, end):
    """born, died, start, requested, usable of every block; those never freed die at `end`."""
    table = run.table("blocks")
    born, died, *place = (table.of(name, column) for column in (
        "event_from", "event_to", "start_bytes", "requested_bytes", "usable_bytes"))
    return [born, np.where(np.isnan(died), end, died)] + place


class Sheet:
    """The whole figure: a grid of panels, each a map with its timeline below."""

    def __init__(self, run):
        self.run = run
        self.looks = palette(run)
        self.cells = read_numbers(run.path("heapmap"), run.allocators)
        self.names = [name for name in run.allocators if len(self.cells[name]["event"])]
        self.timeline = run.table("timeline")
        self.last_event = np.nanmax(self.timeline.numbers("event"))
        self.by_block = run.has("blocks")
        self.tiers = run.table("tiers")
        self.hatches = tier_hatches(run)
        peaks = [np.nanmax(self.timeline.of(name, "footprint_bytes")) for name in self.names]
        self.top = 1.03 * max(capped(peaks), run.peak_live())
        self.unit, self.unit_name = byte_unit(self.top)
        self.event_unit, self.event_name = event_unit(self.last_event)

    def draw(self):
        count = len(self.names)
        rows = 1 if count <= 4 else math.ceil(count / 5)
        columns = math.ceil(count / rows)
        width = min(max(3.6 * columns + .6, 7.5), 15)
        title = title_lines(width, self.finding(), self.what())
        patches = self.legend_patches()
        legend_rows = 1 if width > 14 else 2
        top = title_inches(title) + .21 * legend_rows + .12
        tall, low, gap, above = 3.1, 1.15, .42, .4
        height = top + rows * (above + tall + .1 + low + gap) + .1
        figure = plt.figure(figsize=(width, height))
        used = write_title(figure, self.finding(), self.what())
        figure.legend(handles=patches, loc="upper left", frameon=False,
                      ncol=math.ceil(len(patches) / legend_rows),
                      bbox_to_anchor=(0, 1 - used / height), handlelength=1.7,
                      columnspacing=1.2, borderaxespad=.3, fontsize=CONF["TEXT_PT"] - .5)
        left, between = .75, .22
        each = (width - left - .15 - (columns - 1) * between) / columns
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
        cells, extent = self.cells[name], [0, self.last_event / self.event_unit,
                                           0, self.top / self.unit]
        end = self.run.figure(name, "status_event")
        end = end if end == end else self.last_event
        if self.by_block:
            image = category_image(cells, blocks_of(self.run, name, end), self.top,
                                   self.last_event, end)
        else:
            image = occupancy_image(cells, self.top, self.last_event, end)
        axes.imshow(image, origin="lower", extent=extent, aspect="auto",
                    interpolation="antialiased")
        self.footprint(axes, name)
        self.phases(axes, first)
        status = self.run.status(name)
        ended = "" if status == "ok" else f"  † {status}"
        room = int(axes.get_position().width * axes.figure.get_figwidth() * 10)
        axes.set_title(elide(name, room), loc="left", pad=14, weight="bold", size=CONF["TEXT_PT"] + 1, color=self.looks[name].colour)
        axes.annotate(f"{self.run.ratio(name):.2f}x peak live" + ended,
                      (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points",
                      size=CONF["TEXT_PT"])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelbottom=False, labelleft=first)
        if first:
            axes.set_ylabel(f"heap offset ({self.unit_name})")

    def footprint(self, axes, name):
        """The black line on top, with a word where it leaves the chart or ends early."""
        events = self.timeline.of(name, "event") / self.event_unit
        line = self.timeline.of(name, "footprint_bytes") / self.unit
        axes.plot(events, line, color="black", linewidth=1.3, drawstyle="steps-post")
        if self.run.status(name) != "ok" and len(events):
            axes.plot(events[-1], min(line[-1], self.top / self.unit), "x", color="black",
                      markersize=7, markeredgewidth=1.8, clip_on=False, zorder=6)
        if np.nanmax(line) * self.unit > self.top:
            axes.text(.02, .97, f"goes on to {bytes_text(np.nanmax(line) * self.unit)}",
                      transform=axes.transAxes, va="top",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        axes.set_xlim(0, self.last_event / self.event_unit)
        axes.set_ylim(0, self.top / self.unit)

    def phases(self, axes, named):
        """A dotted line per phase mark; in the first panel also its name, where it has room."""
        marks = self.run.phases()
        if len(marks) > 40:
            return
        ends = [event for event, _ in marks[1:]] + [self.last_event]
        width = axes.get_window_extent().width
        for (event, phase), end in zip(marks, ends):
            if event > .005 * self.last_event:
                axes.axvline(event / self.event_unit, color=CONF["TEXT"], linewidth=.8,
                             linestyle=(0, (1, 2)))
            if not named:
                continue
            middle = (event + end) / 2 / self.event_unit
            text = axes.text(middle, .985, phase, transform=axes.get_xaxis_transform(),
                             ha="center", va="top", size=CONF["TEXT_PT"] - 1.5,
                             bbox={"facecolor": "white", "alpha": .8, "edgecolor": "none",
                                   "pad": .8})
            if text.get_window_extent().width + 6 > (end - event) / self.last_event * width:
                text.remove()

    def stack(self, axes, name, first, last):
        """Live memory at the bottom, then what the allocator adds, free memory by tier."""
        timeline = self.timeline
        events = timeline.of(name, "event")
        x, low = events / self.event_unit, np.zeros(len(events))
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
            high = low + np.nan_to_num(size)
            axes.fill_between(x, low / self.unit, high / self.unit, color=colour, hatch=hatch,
                              edgecolor=CONF["MUTED"], linewidth=0, step="post")
            low = high
        axes.plot(x, timeline.of(name, "footprint_bytes") / self.unit, color="black",
                  linewidth=1.3, drawstyle="steps-post")
        axes.set_xlim(0, self.last_event / self.event_unit)
        axes.set_ylim(0, self.top / self.unit)
        axes.set_facecolor(CONF["OUTSIDE"])
        axes.tick_params(labelleft=first)
        axes.set_xlabel(self.event_name if last else "")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        for event, _ in self.run.phases():
            if event > .005 * self.last_event and len(self.run.phases()) <= 40:
                axes.axvline(event / self.event_unit, color=CONF["TEXT"], linewidth=.8,
                             linestyle=(0, (1, 2)))
        if first:
            axes.set_ylabel(self.unit_name)

    def tier(self, name, tier, events):
        """The free bytes of a tier at these events; 0 where tiers.csv left it out."""
        rows = [i for i in self.tiers.rows_of(name) if self.tiers.text["tier"][i] == tier]
        known = dict(zip(self.tiers.numbers("event")[rows], self.tiers.numbers("bytes")[rows]))
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
        names = [name for name in self.run.finished("peak_footprint_bytes") if name in self.names]
        if not names:
            return "No allocator came to the end of the trace"
        best, worst = names[0], names[-1]
        text = f"{elide(best)} holds the trace in {self.run.ratio(best):.2f}x its peak live memory"
        return text + (f", {elide(worst)} needs {self.run.ratio(worst):.2f}x"
                       if worst != best else "")

    def what(self):
        blind = [elide(name, 20) for name in self.run.allocators if name not in self.names]
        kind = (f"each block from malloc to free; long-lived: more than {LONG_SHARE:.0%} of the "
                "trace" if self.by_block else "the darker, the more of a cell is live; "
                "white: a hole")
        return (f"{self.run.name}: {kind}. Below, the same bytes stacked by use" +
                (f". No map: {', '.join(blind)} (no walk)" if blind else ""))


def draw(run):
    if not run.has("heapmap") or not run.has("timeline"):
        return 0
    sheet = Sheet(run)
    return sheet.draw() if sheet.names else 0
