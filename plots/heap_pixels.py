"""How do the bytes of a heap become pixels?  The rasters of the heap map, without any axes."""
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from style import CONF

ROWS, COLUMNS = 420, 640     # pixels of a map
LONG_SHARE = .1              # of the trace: a block that lives longer is long-lived
OCCUPANCY = LinearSegmentedColormap.from_list("occupancy", [CONF["FREE"], CONF["SHORT_LIVED"],
                                                            CONF["LONG_LIVED"], "#08203a"])


def rgb(name):
    return np.array(to_rgb(CONF[name]), dtype=np.float32)


class Window:
    """What a map shows: the bytes from `low` on, `span` of them, up to the moment `last`.

    An allocator that ended early has nothing after the moment `end`.  Moments are
    those of the x axis (moments.py): numbers of events, or times in ns.
    """

    def __init__(self, low, span, last, end):
        self.low, self.span, self.last, self.end = low, span, last, end


def steps(cells):
    """Cuts heapmap rows of one allocator, sorted by event, into (start, slice) per sample."""
    events = cells["event"]
    begins = np.flatnonzero(np.r_[True, events[1:] != events[:-1]])
    ends = np.r_[begins[1:], len(events)]
    return [(cells["start"][a], slice(a, b)) for a, b in zip(begins, ends)]


def binned(cells, part, edges):
    """The bytes of `part` between neighbouring edges: exact sums, whatever the cell size."""
    starts = cells["start_bytes"][part]
    ends = starts + cells["bytes"][part]
    knots = np.r_[starts, ends[-1:]]

    def below(column):
        return np.interp(edges, knots, np.r_[0, np.cumsum(cells[column][part])])
    return lambda column: np.diff(below(column))


def raster(cells, window, columns):
    """The bytes of each use in every pixel of the map: {column: rows x time}.

    Each sample stands from its start to the next one's.
    """
    edges = np.linspace(window.low, window.low + window.span, ROWS + 1)
    samples = steps(cells)
    out = {column: np.zeros((len(samples), ROWS), np.float32) for column in columns}
    for k, (_, part) in enumerate(samples):
        bytes_in = binned(cells, part, edges)
        for column in columns:
            out[column][k] = bytes_in(column)
    times = np.array([start for start, _ in samples])
    shown = (np.arange(COLUMNS) + .5) * window.last / COLUMNS
    at = np.searchsorted(times, shown, "right") - 1
    grids = {column: out[column][np.clip(at, 0, None)].T for column in columns}
    for grid in grids.values():
        grid[:, (at < 0) | (shown > window.end)] = 0
    return grids


def occupancy_image(cells, window):
    """How much of each pixel is requested: white 0, dark 1; headers and slack in their colours."""
    columns = ("bytes", "requested_bytes", "metadata_bytes", "slack_bytes")
    grid = raster(cells, window, columns)
    held = np.maximum(grid["bytes"], 1e-9)
    image = OCCUPANCY(grid["requested_bytes"] / held)[..., :3]
    image[grid["metadata_bytes"] > .5 * held] = rgb("METADATA")
    image[grid["slack_bytes"] > .5 * held] = rgb("SLACK")
    return outside_grey(image, grid["bytes"] / (window.span / ROWS))


def outside_grey(image, coverage):
    """Mixes in the colour of what is beyond the heap, by the share of the pixel that is."""
    coverage = np.clip(coverage, 0, 1)[..., None]
    return coverage * image + (1 - coverage) * rgb("OUTSIDE")


def category_image(cells, blocks, window):
    """Every block painted in the colour of its kind, on what lies between the blocks.

    Painted finer than it is shown, and averaged: a pixel of many small blocks
    has the mean of their colours.
    """
    columns = ("bytes", "metadata_bytes", "free_bytes", "slack_bytes")
    grid = raster(cells, window, columns)
    rest = np.full((ROWS, COLUMNS, 3), rgb("FREE"))
    rest[grid["metadata_bytes"] > grid["free_bytes"] + grid["slack_bytes"]] = rgb("METADATA")
    rest[grid["slack_bytes"] > grid["free_bytes"] + grid["metadata_bytes"]] = rgb("SLACK")
    fine = max(1, min(8, math.ceil(window.span / 8 / ROWS)))
    image = np.repeat(outside_grey(rest, grid["bytes"] / (window.span / ROWS)), fine, axis=0)
    born, died, start, size, usable = blocks
    x0 = np.floor(born / window.last * COLUMNS).astype(int)
    x1 = np.maximum(x0 + 1, np.floor(died / window.last * COLUMNS).astype(int))
    scale = ROWS * fine / window.span
    y0, y1, y2 = (np.clip((edge - window.low) * scale, 0, ROWS * fine).round().astype(int)
                  for edge in (start, start + size, start + usable))
    colours = (rgb("SHORT_LIVED"), rgb("LONG_LIVED"))
    long_lived = (died - born > LONG_SHARE * window.last).astype(int)
    for a, b, low, mid, high, kind in zip(x0, x1, y0, y1, y2, long_lived):
        image[low:max(mid, low + 1), a:b] = colours[kind]
        image[mid:high, a:b] = rgb("INTERNAL")
    return image.reshape(ROWS, fine, COLUMNS, 3).mean(axis=1)
