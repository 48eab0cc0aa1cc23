"""CPython's own tests that start managers, their assertions untouched, as a program. MPMD_START_METHOD says how
processes start, MPMD_OUTCOMES where to write how each test ended, as JSON."""
import json
import os
import unittest

import test._test_multiprocessing as theirs

theirs.install_tests_in_module_dict(globals(), os.environ["MPMD_START_METHOD"])
for name, value in list(globals().items()):
    if isinstance(value, type) and issubclass(value, unittest.TestCase) and "Manager" not in name:
        del globals()[name]


class Result(unittest.TextTestResult):
    outcomes = {}

    def stopTest(self, test):
        failed = any(case is test for case, _ in self.failures + self.errors)
        skipped = any(case is test for case, _ in self.skipped)
        case, name = test.id().split(".")[-2:]
        self.outcomes["%s.%s" % (case, name)] = "failed" if failed else "skipped" if skipped else "ok"
        super().stopTest(test)


if __name__ == "__main__":
    program = unittest.main(exit=False, testRunner=unittest.TextTestRunner(resultclass=Result))
    with open(os.environ["MPMD_OUTCOMES"], "w") as f:
        json.dump(Result.outcomes, f)
