"""Which charts need matplotlib?  Draws all of them for one results folder, in one process.

    python3 charts.py RESULTS

Prints a line for each chart written.  Exit status: 0, or 1 if labels overlap
or leave a chart (each fault is named on standard error).
"""
import sys

import across
import growth
import heap_map
import throughput
import waste
from table import Run


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: charts.py RESULTS")
    run = Run(sys.argv[1])
    charts = [across] if "workload" in run.summary.text else [heap_map, waste, throughput, growth]
    return 1 if sum(chart.draw(run) for chart in charts) else 0


if __name__ == "__main__":
    sys.exit(main())
