"""Programs as people write them, unchanged, under every CPython, against mpmd."""
import multiprocessing.pool

import pytest

import conftest
import servers
import wire

PROGRAMS = ["bulletin_board", "lock", "semaphore", "bounded_semaphore", "rlock", "event", "condition",
            "condition_on_lock", "barrier", "singletons"]
SOME = ["bulletin_board", "lock", "singletons"]
REGISTER = ["get_lock=Lock", "get_seats=Semaphore(2)", "get_board=Namespace(entered=0)"]
# threads, processes by fork, processes by spawn
WORKERS = ["threads", "fork", "spawn"]


def start_for(start, config, python, transport):
    if config.getoption("--stock"):
        return start(servers.Stock, python, transport, register=REGISTER)
    return start(servers.Mpmd, transport, register=REGISTER)


@pytest.mark.parametrize("workers", WORKERS)
def test_programs_run_unchanged(start, run_program, request, python, transport, workers):
    """All programs on one server; each failure is told."""
    if workers == "spawn" and "spawn" not in python.start_methods:
        pytest.skip("%s has no spawn" % python.name)
    server = start_for(start, request.config, python, transport)
    options = ["--workers", "threads"] if workers == "threads" else ["--workers", "processes", "--start", workers]
    failures = []

    def run(program):
        try:
            print(run_program(python, server, program, *options))
        except pytest.fail.Exception as e:
            failures.append("--- %s: %s" % (program, e))

    # Spawning is slow, and how a worker came to be makes no difference to TCP: not everything by everybody.
    found = conftest.chosen(request.config)
    some = workers == "spawn" and transport == "tcp" and python not in (found[0], found[-1])
    programs = [p for p in (SOME if some else PROGRAMS) if not (p == "barrier" and python.version[0] == 2)]
    # Several at a time, as a server is used, and because they wait a good deal.
    pool = multiprocessing.pool.ThreadPool(3)
    pool.map(run, programs, 1)
    pool.close()
    pool.join()
    if server.kind == "mpmd" and not failures and server.number_of_objects() != 0:
        failures.append("%d objects left:\n%s" % (server.number_of_objects(), server.dispatch("debug_info")))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


test_programs_run_unchanged.also_pypy = True


def test_namespace_behaves(start, run_program, request, python):
    run_program(python, start_for(start, request.config, python, "unix"), "namespace")


test_namespace_behaves.also_pypy = True


def test_a_set_behaves(start, run_program, python):
    run_program(python, start(servers.Mpmd), "sets")


def test_stored_proxies_outlive_those_of_the_writer(start, run_program, request, python, transport):
    if python.version[0] == 2:
        pytest.skip("2.7 reads copies: test_copies.py")
    server = start_for(start, request.config, python, transport)
    run_program(python, server, "nested")
    if server.kind == "mpmd":
        assert server.number_of_objects() == 0, server.dispatch("debug_info")


test_stored_proxies_outlive_those_of_the_writer.also_pypy = True


def test_versions_share_a_lock(start, run_program, request, transport):
    """Every CPython at once counts in one Namespace under one Lock."""
    pythons = conftest.chosen(request.config)
    if request.config.getoption("--stock"):
        pythons = [p for p in pythons if p.version[0] == 3]
    server = start_for(start, request.config, pythons[-1], transport)
    pool = multiprocessing.pool.ThreadPool(len(pythons))
    results = [pool.apply_async(run_program, (python, server, "turns")) for python in pythons]
    for result in results:
        result.get()
    pool.close()
    pool.join()
    with wire.data(server.address, server.key) as c:
        assert c.call(server.dispatch("create", "get_board")[0], "__getattribute__", "entered") == 30 * len(pythons)
