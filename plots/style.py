"""How do all matplotlib charts look?  The palette, the title, and writing PNG and SVG."""
import ast
import os
import subprocess
import sys
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

import labels  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DASHES = {".": (1, 2), "-": (5, 2), "_": (10, 2), " ": (0, 3)}
DPI = 160


def read_conf():
    """The lines NAME = value of style.conf, which gnuplot loads as it is."""
    with open(os.path.join(HERE, "style.conf"), encoding="utf-8") as file:
        lines = [line.split(" = ", 1) for line in file if " = " in line and line[0] != "#"]
    return {name.strip(): ast.literal_eval(value.strip()) for name, value in lines}


CONF = read_conf()

plt.rcParams.update({
    "font.family": [CONF["FONT"], "sans-serif"], "font.size": CONF["TEXT_PT"],
    "text.color": CONF["TEXT"], "axes.labelcolor": CONF["TEXT"],
    "xtick.color": CONF["MUTED"], "ytick.color": CONF["MUTED"],
    "xtick.labelcolor": CONF["TEXT"], "ytick.labelcolor": CONF["TEXT"],
    "axes.edgecolor": CONF["MUTED"], "axes.linewidth": .8,
    "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": CONF["GRID"], "grid.linewidth": .6, "axes.axisbelow": True,
    "lines.linewidth": CONF["LINE_PT"], "hatch.linewidth": .6,
    "figure.dpi": DPI, "savefig.dpi": "figure",
    "svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "alloclab",
})


class Look:
    """Colour, dash, marker and hatch of one allocator: a row of palette.csv."""

    def __init__(self, colour, dash, marker, hatch):
        self.colour, self.marker, self.hatch = colour, marker, hatch
        self.dash = (0, sum((DASHES[c] for c in dash), ())) if dash else "solid"


def palette(run):
    """{allocator: Look}, from the same script that gnuplot asks."""
    lines = subprocess.run(
        ["awk", "-f", os.path.join(HERE, "csv.awk"), "-f", os.path.join(HERE, "palette.awk"),
         os.path.join(HERE, "palette.csv"), run.path(run.main)],
        check=True, capture_output=True, encoding="utf-8").stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    return {row[0]: Look(*row[1:5]) for row in rows}


def elide(name, length=34):
    """A long name with its middle left out."""
    if len(name) <= length:
        return name
    return name[:length // 2 - 1] + "…" + name[len(name) - length // 2 + 2:]


def several(names, length=34):
    """One name, two, or the first and how many more."""
    names = [elide(name, length) for name in names]
    return f"{names[0]} and {len(names) - 1} others" if len(names) > 2 else " and ".join(names)


def smallest_text(run, names):
    """The first of `names`, smallest first, with those of the same ratio; and whether it has any."""
    tied = [name for name in names if run.ratio(name) == run.ratio(names[0])]
    return several(tied), len(tied) > 1


def byte_unit(top):
    """(divisor, name) of the unit that keeps numbers up to `top` readable."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if top >= 4 * unit:
            return unit, name
    return 1, "bytes"


def bytes_text(count):
    """12_345 as "12.1 KiB"."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.0f} bytes"


def ending(run, allocator):
    """How an allocator that did not come to the end ended; "" if it did."""
    status = run.status(allocator)
    if status == "ok":
        return ""
    event = run.figure(allocator, "status_event")
    return f"† {status}" + (f" at event {event:,.0f}" if event == event else "")


def capped(values, factor=2.5):
    """Where an axis should end so that an outlier does not press the others flat.

    The largest of the values that are at most `factor` times their (upper) median.
    """
    values = sorted(v for v in values if v == v and v > 0)
    return max((v for v in values if v <= factor * values[len(values) // 2]), default=1)


def title_lines(width, finding, what):
    """The lines of a chart's title, wrapped to `width` inches: (text, size, weight, colour)."""
    lines = []
    for text, size, weight, colour in ((finding, CONF["TITLE_PT"], "bold", CONF["TEXT"]),
                                       (what, CONF["TEXT_PT"], "normal", CONF["MUTED"])):
        per_line = int((width - .3) * 72 / (size * (.69 if weight == "bold" else .60)))
        lines += [(line, size, weight, colour) for line in textwrap.wrap(text, per_line)]
    return lines


def title_inches(lines):
    """The height that the title takes, from the top of the figure."""
    return .16 + sum(size * 1.45 / 72 for _, size, _, _ in lines)


def write_title(figure, finding, what):
    """The finding in bold and below it what is drawn.  Returns the inches they take."""
    width, height = figure.get_size_inches()
    lines = title_lines(width, finding, what)
    top = .12
    for text, size, weight, colour in lines:
        figure.text(.12 / width, 1 - top / height, text, size=size, weight=weight, color=colour,
                    va="top", ha="left")
        top += size * 1.45 / 72
    return title_inches(lines)


TIER_HATCHES = ["////", "\\\\\\\\", "xxxx", "----", "||||", "++", "oo", ".."]


def tiers_drawn(run):
    """{tier: what it is drawn as}: itself, or its kind in tiers.csv if a run has too many."""
    tiers = run.table("tiers")
    names = sorted(set(tiers.text["tier"])) if tiers else []
    if len(names) <= len(TIER_HATCHES):
        return {name: name for name in names}
    with open(os.path.join(HERE, "tiers.csv"), encoding="utf-8") as file:
        kinds = dict(line.strip().split(",") for line in file)
    return {name: kinds.get(name, name) for name in names}


def tier_hatches(run):
    """{what is drawn: hatch}: holes are plain white, the other free memory hatched."""
    names = sorted(set(tiers_drawn(run).values()) - {"hole", "holes"})
    plain = "holes" if "holes" in tiers_drawn(run).values() else "hole"
    return {plain: "", **{name: TIER_HATCHES[i % 8] for i, name in enumerate(names)}}


def save(figure, run, name):
    """Writes RESULTS/name.png and .svg; returns the number of faults, which it prints."""
    for suffix in ("svg", "png"):  # the check below wants the PNG's layout
        path = os.path.join(run.folder, f"{name}.{suffix}")
        figure.savefig(path + ".part", format=suffix,
                       metadata={"Date": None} if suffix == "svg" else None)
        os.replace(path + ".part", path)
    print(f"{path} and .svg", flush=True)
    found = labels.faults(figure)
    for fault in found:
        print(f"{name}: {fault}", file=sys.stderr)
    plt.close(figure)
    return len(found)
