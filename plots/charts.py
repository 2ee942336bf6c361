"""Which charts need matplotlib?  Draws all of them for one results folder, in one process.

    python3 charts.py RESULTS

Prints a line for each chart written.  Exit status: 0, or 1 if labels overlap
or leave a chart (each fault is named on standard error).
"""
import sys

import across
import blame
import blow_up
import fidelity
import growth
import heap_map
import locks
import programs
import scaling
import throughput
import waste
from table import Run


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: charts.py RESULTS")
    run = Run(sys.argv[1])
    charts = [heap_map, waste, throughput, growth, blow_up, locks]
    if run.main == "scale":
        charts = [scaling, locks]
    elif run.main == "programs":
        charts = [programs]
    elif run.main == "blame":
        charts = [blame]
    elif run.main == "fidelity":
        charts = [fidelity]
    elif "workload" in run.summary.text:
        charts = [across]
    return 1 if sum(chart.draw(run) for chart in charts) else 0


if __name__ == "__main__":
    sys.exit(main())
