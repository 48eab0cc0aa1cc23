"""mpmd.objects: methods that stock proxies lack, and the types that only mpmd has. The cases are functions of
dropin/object_cases.py."""
import os
import subprocess

import servers
import test_dropin

CASES = ["extra_methods", "no_change_is_lost", "types", "plain", "stock_server", "own_classes"]


def run(python, arguments, *cases):
    program = os.path.join(servers.HERE, "dropin", "object_cases.py")
    done = subprocess.run([python.path] + arguments + [program] + list(cases), env=test_dropin.environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_what_it_promises(python):
    run(python, [], *CASES)


test_what_it_promises.least_version = (3, 6)


def test_managers_of_multiprocessing_have_the_methods_under_python_m_mpmd(newest):
    run(newest, ["-m", "mpmd"], "installed")


def test_so_have_objects_of_a_server_that_somebody_else_started(newest, start):
    server = start(servers.Mpmd)
    run(newest, [], "another_server", server.text, server.keyfile)
