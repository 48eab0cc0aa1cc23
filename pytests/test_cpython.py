"""The tests of managers that each CPython brings along pass against mpmd; see cpython_jobs.py.

They run beside each other and beside the first of these tests, which waits for them. Without --full each interpreter
runs with each start method on one of the transports, by turns."""
import concurrent.futures

import pytest

import conftest
import cpython_jobs
import servers


def jobs_of(config):
    """The same ones however often it is asked."""
    if not hasattr(config, "cpython_jobs"):
        pythons = [p for p in conftest.chosen(config) if p.implementation == "CPython"]
        # By turns in the order of all, so that --pythons runs what a run of all does.
        jobs = cpython_jobs.plan([p for p in conftest.FOUND if p.implementation == "CPython"],
                                 config.getoption("--full"), stock=config.getoption("--stock"))
        config.cpython_jobs = [job for job in jobs if job.python in pythons]
    return config.cpython_jobs


def pytest_generate_tests(metafunc):
    if "job" in metafunc.fixturenames:
        jobs = jobs_of(metafunc.config)
        metafunc.parametrize("job", jobs, ids=[job.name for job in jobs])


# All jobs are run by the process that has the first of these tests.
pytestmark = pytest.mark.xdist_group("cpython")


@pytest.fixture(scope="module")
def finished(request):
    """finished(job) waits until it is."""
    assert request.config.getoption("--stock") or servers.find_binary(), "no mpmd: build it, or name it with MPMD_BINARY"
    pool = concurrent.futures.ThreadPoolExecutor(cpython_jobs.PARALLEL)
    futures = dict((job, pool.submit(job.run)) for job in jobs_of(request.config))
    yield lambda job: futures[job].result()
    for future in futures.values():
        future.cancel()
    pool.shutdown()


def test_own_tests_of_cpython_pass(finished, job):
    """All but those that need Python in the server or differ on purpose, of which cpython_jobs has tables."""
    finished(job)
    if job.missing:
        pytest.skip("%s comes without its tests: %s" % (job.python.name, job.missing))
    failed = job.failed()
    if failed:
        pytest.fail("%s\n\nthe log ends:\n%s" % ("\n".join(failed), job.log[-5000:]), pytrace=False)


def test_no_excuse_is_without_use(finished, request):
    """Each entry of the table is of a test that really fails, for the reason that it gives."""
    if request.config.getoption("--stock"):
        pytest.skip("nothing is excused with CPython's own server")
    jobs = [finished(job) for job in jobs_of(request.config)]
    versions = set(job.python.version for job in jobs if not job.missing)
    if (2, 7) not in versions or max(versions) < (3, 7):
        pytest.skip("the chosen interpreters have not all the tests")
    used = [(test, o.text) for job in jobs for test, o in job.outcomes.items() if o.kind == "python"]
    assert [e for e in cpython_jobs.NEEDS_PYTHON
            if not any(cpython_jobs.excuses(e, test, text) for test, text in used)] == []


def test_the_page_of_conformance_says_what_was_found(finished, request):
    """doc/conformance.md, for those interpreters that it knows."""
    if request.config.getoption("--stock"):
        pytest.skip("it is about mpmd")
    with open(cpython_jobs.DOCUMENT) as f:
        lines = f.read().splitlines()
    runs = cpython_jobs.parse_table(lines)
    known = set(version for version, _, _ in runs)
    jobs = [finished(job) for job in jobs_of(request.config)]
    jobs = [job for job in jobs if not job.missing and job.python.full in known]
    if not jobs:
        pytest.skip("it was made with other interpreters")
    wrong = ["| %s | %s | %s | %s |" % (job.run_name() + (job.cells(),)) for job in jobs
             if runs.get(job.run_name()) != job.cells()]
    wrong += sorted(set().union(*[job.skips() for job in jobs]) - set(lines))
    assert not wrong, "doc/conformance.md is out of date, %s --all --write makes it anew; found were:\n%s" % (
        cpython_jobs.__file__, "\n".join(wrong))


def test_the_table_can_be_read_back():
    runs = {("3.9.1", "fork", "tcp"): "1 | 2p", ("3.9.1", "fork", "unix"): "1 | 2p", ("3.9.1", "spawn", "unix"): "1 | 2F",
            ("3.10.1", "fork", "tcp"): "1 | 2p"}
    lines = cpython_jobs.table(runs)
    assert lines == ["| 3.9.1 | fork (unix, tcp) | 1 | 2p |", "| 3.9.1 | spawn (unix) | 1 | 2F |",
                     "| 3.10.1 | fork (tcp) | 1 | 2p |"]
    assert cpython_jobs.parse_table(["", "# text"] + lines) == runs
