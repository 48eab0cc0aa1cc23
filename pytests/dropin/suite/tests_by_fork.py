"""CPython's test.test_multiprocessing_fork, for builds of CPython that leave it out."""
from test import _test_multiprocessing

_test_multiprocessing.install_tests_in_module_dict(globals(), "fork")
