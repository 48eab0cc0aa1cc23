"""CPython's own tests of managers by the command line `python -m mpmd -m test ...`: as many pass as with stock
managers, Pool and the tests' own managers, too; see dropin_suite.py.

Each interpreter runs one start method, by turns, or all with --full; several at the same time, since they mostly sleep.
Stock managers run, too, with --full and where the outcome is not that of doc/conformance.md."""
import concurrent.futures

import pytest

import conftest
import dropin_suite
import servers

pytestmark = pytest.mark.xdist_group("dropin_suite")


def jobs_of(config):
    """The same ones however often it is asked."""
    if not hasattr(config, "dropin_suite_jobs"):
        # By turns in the order of all, so that --pythons runs what a run of all does.
        config.dropin_suite_jobs = [job for job in dropin_suite.plan(conftest.FOUND, config.getoption("--full"))
                                    if job.python in conftest.chosen(config)]
    return config.dropin_suite_jobs


def pytest_generate_tests(metafunc):
    if "job" in metafunc.fixturenames:
        jobs = jobs_of(metafunc.config)
        metafunc.parametrize("job", jobs, ids=[job.name for job in jobs])


@pytest.fixture(scope="module")
def finished(request):
    """finished(job) waits until it is."""
    assert servers.find_binary(), "no mpmd: build it, or name it with MPMD_BINARY"
    pool = concurrent.futures.ThreadPoolExecutor(dropin_suite.PARALLEL)
    futures = {}

    def wait(job):
        if job not in futures:
            futures.update((one, pool.submit(one.run)) for one in jobs_of(request.config))
        return futures[job].result()

    yield wait
    for future in futures.values():
        future.cancel()
    pool.shutdown()


def test_as_many_of_cpython_s_own_tests_pass_as_with_stock_managers(finished, job):
    finished(job)
    if job.missing:
        pytest.skip("%s %s" % (job.python.name, job.missing))
    problems = job.problems()
    if problems:
        pytest.fail("%s\n\nthe end of what it wrote:\n%s" % ("\n".join(problems), job.ours.text[-5000:]), pytrace=False)
    _, rows, _ = dropin_suite.read_page()
    known = rows.get(job.python.full)
    assert known is None or known.get(job.method) == job.cell(), (
        "doc/conformance.md is out of date, %s --write makes it anew" % dropin_suite.__file__)


def test_failures_and_skipped_tests_are_counted():
    run = dropin_suite.Run(2, "...\nRan 75 tests in 1.2s\n\nFAILED (failures=1, errors=1, skipped=9)\n"
                              "ERROR: test_a (test.x.WithManagerTestA.test_a)\nFAIL: test_b (test.x.WithManagerTestB)\n"
                              "Ran 1 test in 0.1s\n\nOK\nRan 4 tests in 0.1s\n\nOK (skipped=1)\n")
    assert (run.ran, run.skipped, run.passed, run.wrong) == (80, 10, 68, None)
    assert run.failed == ["test_a (test.x.WithManagerTestA.test_a)", "test_b (test.x.WithManagerTestB)"]
    assert dropin_suite.Run(1, "Traceback ...").wrong == "exit code 1"
    assert dropin_suite.Run(0, "x.c:1: runtime error: y\nRan 1 test in 1s\n\nOK\n").wrong
