"""CPython's own tests that start managers, their assertions untouched, as a program; MPMD_START_METHOD says how."""
import os
import unittest

import test._test_multiprocessing as theirs

theirs.install_tests_in_module_dict(globals(), os.environ["MPMD_START_METHOD"])
for name, value in list(globals().items()):
    if isinstance(value, type) and issubclass(value, unittest.TestCase) and "Manager" not in name:
        del globals()[name]

if __name__ == "__main__":
    unittest.main()
