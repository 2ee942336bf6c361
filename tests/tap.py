"""tap.py: what the tests in Python share: numbered results (TAP), tables.

    verdict(NAME, PROBLEMS)   a test that passes if there are no problems
    skip(NAME, REASON)
    plan()                    the last line; returns the exit status
"""
import csv

_number = 0
_failures = 0


def verdict(name, problems):
    global _number, _failures
    _number += 1
    _failures += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {_number} - {name}")
    for problem in list(problems)[:10]:
        print(f"# {problem}")


def skip(name, reason):
    verdict(f"{name} # SKIP {reason}", [])


def plan():
    print(f"1..{_number}")
    return int(_failures > 0)


def table(path):
    """Header and rows of a CSV file, these as dictionaries."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], [dict(zip(rows[0], row)) for row in rows[1:]]
