"""Is anything cut off at the edge of a chart?  Its outermost pixels must be white.

    python3 tests/plots/png_edges.py CHART.png...      needs matplotlib
"""
import sys

from matplotlib.image import imread

EDGE = 3  # pixels


def main():
    bad = 0
    for path in sys.argv[1:]:
        pixels = imread(path)[..., :3]
        sides = {"left": pixels[:, :EDGE], "right": pixels[:, -EDGE:],
                 "upper": pixels[:EDGE], "lower": pixels[-EDGE:]}
        for side, strip in sides.items():
            if strip.min() < .99:
                print(f"{path}: something reaches the {side} edge")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
