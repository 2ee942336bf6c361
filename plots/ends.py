"""Where do the names of lines stand?  At their ends, spread so that none overlaps another."""


def spread(heights, gap, low, high):
    """New heights, in the same order, at least `gap` apart and within low..high where that fits."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    out = list(heights)
    for k, i in enumerate(order):
        out[i] = max(heights[i], low if k == 0 else out[order[k - 1]] + gap)
    for k in range(len(order) - 1, -1, -1):
        i = order[k]
        out[i] = min(out[i], high if k == len(order) - 1 else out[order[k + 1]] - gap)
    return out


def name_ends(axes, ends, texts, colours, size):
    """Writes each text right of the axes, at the height of its line's end, with a thin leader.

    `ends` are points in data coordinates; the limits must be final.
    """
    figure = axes.figure
    box = axes.get_window_extent()
    pixels = [axes.transData.transform(end) for end in ends]
    gap = size * 1.25 / 72 * figure.dpi
    heights = spread([y for _, y in pixels], gap, box.y0 + gap / 2, box.y1 - gap / 2)
    to_axes = axes.transAxes.inverted()
    for (x, y), height, text, colour in zip(pixels, heights, texts, colours):
        end = to_axes.transform((x, y))
        place = to_axes.transform((box.x1 + .16 * figure.dpi, height))
        near = to_axes.transform((box.x1 + .12 * figure.dpi, height))
        axes.plot([end[0], near[0]], [end[1], near[1]], color=colour, linewidth=.6,
                  transform=axes.transAxes, clip_on=False, zorder=2)
        axes.text(*place, text, color=colour, size=size, va="center", ha="left",
                  transform=axes.transAxes)
