"""Runs test modules of Python and says how many passed: the same in every run that does."""
import sys
import unittest

from test import support

support.verbose = False  # what tests print beside depends on who is faster
for name in sys.argv[1:]:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    print(f"{name}: {result.testsRun} run, {len(result.skipped)} skipped, "
          f"{len(result.failures)} failed, {len(result.errors)} with errors")
    for test, text in result.failures + result.errors:
        print(test, text, sep="\n")
