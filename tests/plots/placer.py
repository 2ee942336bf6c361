"""Does the label placer keep labels apart on nasty data, and does the check see what is wrong?

    PYTHONPATH=plots python3 tests/plots/placer.py     prints "ok" or raises
"""
import itertools
import random

from matplotlib.transforms import Bbox

import labels
from style import plt

FRAME = Bbox.from_bounds(0, 0, 1200, 800)
NASTY = {
    "all at one point": [(600, 400)] * 14,
    "a vertical pile": [(600, 400 + i) for i in range(14)],
    "a line along the top edge": [(80 * i + 20, 799) for i in range(14)],
    "a corner": [(1199 - i, 1 + i) for i in range(14)],
    "a diagonal": [(80 * i, 50 * i) for i in range(14)],
}


def test_placed_apart(name, points):
    sizes = [(150 + 10 * (i % 5), 22) for i in range(len(points))]
    taken = [Bbox.from_bounds(x - 7, y - 7, 14, 14) for x, y in points]
    boxes = labels.place(sizes, points, FRAME, taken)
    assert all(box is not None for box in boxes), f"{name}: a label has no place"
    assert all(labels.inside(box, FRAME) for box in boxes), f"{name}: a label leaves the frame"
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), f"{name}: {a} and {b} overlap"
    for box, point in itertools.product(boxes, taken):
        assert not box.overlaps(point), f"{name}: {box} covers a point"


def test_no_room_is_said():
    boxes = labels.place([(1300, 20)], [(5, 5)], FRAME, [])
    assert boxes == [None], "a label wider than the frame was placed"


def test_check_sees(expected, x, y, text, **how):
    figure = plt.figure(figsize=(4, 3))
    figure.text(.5, .5, "first-fit")
    figure.text(x, y, text, **how)
    figure.canvas.draw()
    found = labels.faults(figure)
    plt.close(figure)
    assert bool(found) == expected, f"{text}: {found}"


def main():
    rng = random.Random(1)
    NASTY["random, seed 1"] = [(rng.uniform(0, 1200), rng.uniform(0, 800)) for _ in range(40)]
    for name, points in NASTY.items():
        test_placed_apart(name, points)
    test_no_room_is_said()
    test_check_sees(True, .51, .51, "on top of it")
    test_check_sees(True, .95, .2, "cut off at the right edge")
    test_check_sees(False, .1, .2, "apart")
    test_check_sees(False, .5, .62, "above")
    print("ok")


if __name__ == "__main__":
    main()
