"""What a manager of mpmd does in children and threads, with few or no descriptors, and at the end of the program: as a
stock one, without a complaint; and where a stock one fails."""
import os
import subprocess

import pytest

import conftest
import servers
import test_dropin

PROGRAM = os.path.join(servers.HERE, "dropin", "forks.py")
CASES = ["inherited", "busy", "started", "many", "lives_on", "streams", "closed", "pipe", "end", "exception",
         "collected"]
# Nothing but that a process with threads is forked, which CPython 3.12 and later say of what they do themselves.
STRICT = ["-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning"]


def oldest_and_newest(config):
    able = [p for p in conftest.chosen(config) if p.version >= (3, 6)]
    return [able[0], able[-1]] if len(able) > 1 else able


def outcome(python, case, *options):
    """Exit code, output, complaints."""
    done = subprocess.run([python.path] + STRICT + list(options) + [PROGRAM, case], env=test_dropin.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=servers.HANG)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors there")
@pytest.mark.parametrize("case", CASES)
def test_it_is_as_with_a_stock_manager(request, case):
    for python in oldest_and_newest(request.config):
        expected = outcome(python, case)
        assert expected[1] and expected[0] == (case == "exception"), expected
        complaints = expected[2] if case == "exception" else ""  # a stock one sometimes complains of what was closed
        assert outcome(python, case, "-m", "mpmd") == expected[:2] + (complaints,)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors there")
def test_few_descriptors_are_one_clear_error_and_nothing_leaks(request):
    for python in oldest_and_newest(request.config):
        assert outcome(python, "pressure", "-m", "mpmd") == (0, "True [1, 2] [] 0\n[1, 2]\n", "")


def test_a_forked_child_has_connections_of_its_own(request):
    for python in oldest_and_newest(request.config):
        if python.version >= (3, 7):  # before, only what multiprocessing forks is told
            assert outcome(python, "shared", "-m", "mpmd") == (0, "2 b'1' 0\n5\n0 None 199\n", "")
