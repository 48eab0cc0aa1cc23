# Where CPython 3 installs its own tests for the start method in MPMD_START_METHOD, as its test.test_multiprocessing_fork
# and so on do, which not every build of CPython comes with. Processes that the tests start import it, too.
import os

from test import _test_multiprocessing

# What the fork server loads once, so that not each of its children has to.
_test_multiprocessing.PRELOAD = ["__main__", __name__]
_test_multiprocessing.install_tests_in_module_dict(globals(), os.environ["MPMD_START_METHOD"])
