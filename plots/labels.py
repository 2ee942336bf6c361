"""Where can a label stand so that no two overlap?  A placer, and the check after drawing."""
import itertools
import math

from matplotlib.text import Text
from matplotlib.transforms import Bbox

# Places to try around a point, nearest and most readable first: the side, and
# how far away in heights of the text.
SIDES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
DISTANCES = [0, .6, 1.4, 2.4, 3.6, 5, 7, 9, 12, 15, 18, 22]


def box_at(x, y, width, height, side, gap):
    """The box of a text beside (x, y), `gap` pixels away on this side."""
    horizontal, vertical = side
    left = x + (gap if horizontal > 0 else -gap - width if horizontal < 0 else -width / 2)
    bottom = y + (gap if vertical > 0 else -gap - height if vertical < 0 else -height / 2)
    return Bbox.from_bounds(left, bottom, width, height)


def inside(box, frame):
    return (box.x0 >= frame.x0 and box.x1 <= frame.x1 and
            box.y0 >= frame.y0 and box.y1 <= frame.y1)


def leader_of(point, box):
    """Small boxes along the line from a point to the nearest spot of its label."""
    end = (min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1))
    steps = int(max(abs(end[0] - point[0]), abs(end[1] - point[1])) / 3)
    for k in range(1, steps):
        x = point[0] + (end[0] - point[0]) * k / steps
        y = point[1] + (end[1] - point[1]) * k / steps
        yield Bbox.from_bounds(x - 1, y - 1, 2, 2)


def place(sizes, points, frame, taken, gap=7):
    """Chooses a box for each label; all in pixels.

    `sizes` are (width, height), `points` the (x, y) they belong to, `frame` the
    box to stay in, `taken` boxes to keep clear of.  The most crowded label goes
    first and takes the nearest free place whose leader crosses no label or point,
    failing that the nearest free place.  Returns boxes, None where the frame
    has no room left.  O(labels^2 x places).
    """
    def neighbours(i):
        return sum(abs(points[i][0] - x) < sizes[i][0] and abs(points[i][1] - y) < 60
                   for x, y in points)

    taken, placed, leaders = list(taken), [], []
    boxes = [None] * len(points)
    for i in sorted(range(len(points)), key=neighbours, reverse=True):
        dots = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in points if (x, y) != points[i]]
        box = choose(points[i], candidates(points[i], *sizes[i], frame, gap), taken,
                     placed + dots, leaders)
        if box is not None:
            boxes[i] = box
            placed.append(box)
            taken.append(box.padded(1))
            leaders += leader_of(points[i], box)
    return boxes


def choose(point, boxes, taken, marks, leaders):
    """The first free box whose leader crosses none of `marks`, of the free ones near the first."""
    first, patience = None, 100
    for box in boxes:
        if any(box.overlaps(other) for other in taken):
            continue
        first = first or box
        if not any(box.overlaps(dot) for dot in leaders) and not any(
                dot.overlaps(other) for dot in leader_of(point, box) for other in marks):
            return box
        patience -= 1
        if patience == 0:
            break
    return first


def candidates(point, width, height, frame, gap):
    """The boxes to try for one label, the best first; all inside the frame."""
    near = (box_at(*point, width, height, side, gap + distance * height)
            for distance in DISTANCES for side in SIDES)
    return (box for box in itertools.chain(near, anywhere(point, width, height, frame))
            if inside(box, frame))


def anywhere(point, width, height, frame):
    """All boxes on a grid of the frame, those near the point first."""
    columns = range(int(frame.x0), int(frame.x1 - width), max(1, int(width / 4)))
    rows = range(int(frame.y0), int(frame.y1 - height), max(1, int(height / 2)))
    corners = sorted(itertools.product(columns, rows), key=lambda corner:
                     abs(corner[0] + width / 2 - point[0]) + 3 * abs(corner[1] - point[1]))
    return (Bbox.from_bounds(x, y, width, height) for x, y in corners)


def label_points(axes, points, texts, colours, taken=(), size=None):
    """Writes a text beside each point of `axes` (data coordinates), with a thin leader.

    The axes' limits must be final.  `taken` are boxes in pixels that no label
    may cover; the points themselves are kept clear too.
    """
    figure = axes.figure
    renderer = figure.canvas.get_renderer()
    pixels = [tuple(axes.transData.transform(point)) for point in points]
    artists = [axes.text(0, 0, text, color=colour, size=size, transform=None,
                         va="baseline", ha="left", zorder=6)
               for text, colour in zip(texts, colours)]
    extents = [artist.get_window_extent(renderer) for artist in artists]
    markers = [Bbox.from_bounds(x - 7, y - 7, 14, 14) for x, y in pixels]
    boxes = place([(e.width + 4, e.height + 2) for e in extents], pixels,
                  axes.get_window_extent(renderer), list(taken) + markers)
    to_data = axes.transData.inverted()
    for artist, extent, box, pixel, colour in zip(artists, extents, boxes, pixels, colours):
        if box is None:
            raise ValueError(f"no room for the label {artist.get_text()!r}")
        corner = (box.x0 + 2 - extent.x0, box.y0 + 1 - extent.y0)
        artist.set_transform(axes.transData)
        artist.set_position(to_data.transform(corner))
        nearest = (min(max(pixel[0], box.x0), box.x1), min(max(pixel[1], box.y0), box.y1))
        if abs(nearest[0] - pixel[0]) + abs(nearest[1] - pixel[1]) > 16:
            ends = to_data.transform([pixel, nearest])
            axes.plot(*ends.T, color=colour, linewidth=.6, zorder=2)


def ticks_of(figure):
    """{label: whether it is drawn} of all tick labels: those beyond the limits are not."""
    shown = {}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                drawn = axis.get_visible() and low - slack <= tick.get_loc() <= high + slack
                shown[tick.label1] = shown[tick.label2] = drawn
    return shown


def texts_of(figure):
    """The texts of a figure that are drawn."""
    ticks = ticks_of(figure)
    return [artist for artist in figure.findobj(Text) if artist.get_visible()
            and artist.get_text().strip() and ticks.get(artist, True)]


def apart(artist, other):
    """True for two texts at the same slant, whose boxes may overlap, not their letters."""
    angle = artist.get_rotation() % 180
    if angle % 90 == 0 or angle != other.get_rotation() % 180:
        return False
    (x0, y0), (x1, y1) = (a.get_transform().transform(a.get_position()) for a in (artist, other))
    slant = math.radians(angle)
    distance = abs((x1 - x0) * math.sin(slant) - (y1 - y0) * math.cos(slant))
    return distance > artist.get_fontsize() / 72 * artist.figure.dpi


def faults(figure):
    """Sentences: which texts overlap, which leave the figure.  Draw first."""
    found = []
    renderer = figure.canvas.get_renderer()
    texts = [(artist, artist.get_window_extent(renderer)) for artist in texts_of(figure)]
    for artist, box in texts:
        if not inside(box, figure.bbox.padded(1)):
            found.append(f"'{artist.get_text()}' is cut off by the edge")
    for (artist, box), (other, other_box) in itertools.combinations(texts, 2):
        if box.padded(-1).overlaps(other_box.padded(-1)) and not apart(artist, other):
            found.append(f"'{artist.get_text()}' and '{other.get_text()}' overlap")
    return found
