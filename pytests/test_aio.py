"""mpmd.aio: managed objects in asyncio. The cases are functions of dropin/aio_cases.py; they wait for the server's own
word on who waits, not for time."""
import os
import subprocess

import pytest

import servers
import test_dropin

CASES = ["objects", "atomic", "conditions", "errors", "nested", "many_waiters", "order_of_queue",
         "cancelled_waiters_leave", "nothing_granted_is_lost", "cancelled_condition", "cancelled_holder", "shared_lock",
         "registered", "server_ends", "closed_client"]
ANY_SERVER = ["objects", "conditions", "errors"]


def run(python, case, text, keyfile):
    done = subprocess.run([python.path, "-W", "error", os.path.join(servers.HERE, "dropin", "aio_cases.py"), case, text,
                           keyfile], env=test_dropin.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stdout + done.stderr
    assert "never" not in done.stderr and "Error" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("case", CASES)
def test_what_it_promises(python, start, case):
    server = start(servers.Mpmd, register=["jobs=Queue", "guard=RLock"])
    run(python, case, server.text, server.keyfile)
    if case == "server_ends":
        assert server.process.wait(servers.HANG) == 0


test_what_it_promises.least_version = (3, 6)
test_what_it_promises.also_pypy = True


@pytest.mark.parametrize("case", ["objects", "nothing_granted_is_lost"])
@pytest.mark.parametrize("listen", ["127.0.0.1:0", "@mpmd-test-%d"])
def test_other_addresses(newest, start, case, listen):
    server = start(servers.Mpmd, transport="tcp", listen=listen.replace("%d", str(os.getpid())))
    run(newest, case, server.text, server.keyfile)


@pytest.mark.parametrize("case", ANY_SERVER)
def test_servers_of_cpython(python, newest, start, case):
    """Old ones want MD5, new ones SHA-256; the newest client speaks to each, each to its own."""
    server = start(servers.Stock, python)
    run(newest, case, server.text, server.keyfile)
    run(python, case, server.text, server.keyfile)


test_servers_of_cpython.least_version = (3, 6)
test_servers_of_cpython.also_pypy = True
