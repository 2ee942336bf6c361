"""Do texts of a gnuplot chart overlap or leave it?  Computed from the SVG's own coordinates.

    python3 tests/plots/svg_labels.py CHART.svg...

Prints a line for each fault; exit status 1 if there is one.  Widths are taken
as .58 em a character, .66 in bold, about what DejaVu Sans needs for prose, and
heights as that of a capital and its descender.
"""
import itertools
import re
import sys

TEXT = re.compile(
    r'<g transform="translate\(([-\d.]+),([-\d.]+)\)(?: rotate\(([-\d.]+)\))?"'
    r'([^>]*)font-size="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>\s*<text[^>]*>(.*?)</text>',
    re.S)


def boxes(svg):
    """(text, x0, y0, x1, y1) of every text."""
    for x, y, turn, font, size, anchor, text in TEXT.findall(svg):
        x, y, size = float(x), float(y), float(size)
        text = re.sub(r"<[^>]*>|&\w+;", "", text).strip()
        width = (.66 if "bold" in font else .58) * size * len(text)
        before = {"start": 0, "middle": width / 2, "end": width}[anchor]
        if turn and float(turn):
            yield text, x - .75 * size, y - (width - before), x + .2 * size, y + before
        else:
            yield text, x - before, y - .75 * size, x - before + width, y + .2 * size


def faults(svg):
    width, height = map(float, re.search(r'width="(\d+)" height="(\d+)"', svg).groups())
    found = list(boxes(svg))
    if not found:
        yield "no text at all"
    for text, x0, y0, x1, y1 in found:
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            yield f"'{text}' leaves the chart"
    for (a, *p), (b, *q) in itertools.combinations(found, 2):
        if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]:
            yield f"'{a}' and '{b}' overlap"


def main():
    bad = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for fault in faults(file.read()):
                print(f"{path}: {fault}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
