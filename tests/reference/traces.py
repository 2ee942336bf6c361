"""traces.py - random programs as trace text, and corner cases made by hand."""

import random


def uniform(low, high):
    return lambda dice: dice.randint(low, high)


def log_uniform(high_log2):
    return lambda dice: int(2 ** dice.uniform(0, high_log2))


def few(*sizes):
    return lambda dice: dice.choice(sizes)


# What programs ask for: small things, a few kinds, a wide range, or too much.
SIZES = [uniform(0, 200), few(24, 40, 56, 500, 1200), log_uniform(15),
         uniform(1, 6000), few(0, 16, 17, 4072, 4080, 4096, 20000)]


def program(seed, events, live=60):
    """A trace of all calls in phases; each has its mix of sizes and deaths."""
    dice = random.Random(seed)
    lines, names, born = ["alloclab-text 1"], [], 0
    made = 0
    while made < events:
        lines.append("phase(p%d)" % dice.randrange(4))
        made += 1
        size, target = dice.choice(SIZES), dice.randrange(live // 4, live)
        newest_first = dice.random()
        for _ in range(min(events - made, dice.randrange(20, 200))):
            made += 1
            grow = dice.random() < (.7 if len(names) < target else .4)
            if grow or not names:
                born += 1
                names.append("b%d" % born)
                lines.append(names[-1] + "=" + allocation(dice, size))
            elif dice.random() < .2:
                lines.append("%s:%d" % (dice.choice(names), size(dice) + 1))
            elif dice.random() < .02:
                lines.append("-NULL")
            else:
                last = len(names) - 1
                at = last if dice.random() < newest_first else dice.randint(0, last)
                lines.append("-" + names.pop(at))
    return "\n".join(lines) + "\n"


def allocation(dice, size):
    kind = dice.random()
    if kind < .06:
        return "aligned(%d,%d)" % (1 << dice.randrange(0, 13), size(dice))
    return ("calloc(%d)" if kind < .15 else "%d") % size(dice)
