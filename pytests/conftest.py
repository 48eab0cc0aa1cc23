"""Fixtures: interpreters, servers and programs. See interpreters.py and servers.py."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import agents                                                               # noqa: E402
import interpreters                                                         # noqa: E402
import servers                                                              # noqa: E402

PROGRAMS = os.path.join(servers.HERE, "programs")
FOUND = interpreters.find()
# For tests that say so by `test.also_pypy = True`.
PYPYS = interpreters.find("PyPy")


def pytest_addoption(parser):
    group = parser.getgroup("mpmd")
    group.addoption("--quick", action="store_true", default=bool(os.environ.get("MPMD_QUICK")),
                    help="only the oldest interpreters and the newest one (or set MPMD_QUICK)")
    group.addoption("--pythons", default="", help="only these versions: 2.7,3.13")
    group.addoption("--full", action="store_true", default=bool(os.environ.get("MPMD_FULL")),
                    help="every combination, where an ordinary run makes a choice (or set MPMD_FULL)")
    group.addoption("--stock", action="store_true",
                    help="run the programs against each CPython's own server in place of mpmd, to test the programs")


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): run by one process, where pytest-xdist uses several")


def chosen(config):
    """The CPythons of this run."""
    only = [v for v in config.getoption("--pythons").split(",") if v]
    if only:
        return [i for i in FOUND if i.name in only]
    if config.getoption("--quick"):
        three = [i for i in FOUND if i.version[0] == 3]
        return [i for i in FOUND if i.version[0] == 2] + three[:1] + three[1:][-1:]
    return FOUND


def chosen_pypys(config):
    only = [v for v in config.getoption("--pythons").split(",") if v]
    return [i for i in PYPYS if i.name in only] if only else [] if config.getoption("--quick") else PYPYS


def pytest_generate_tests(metafunc):
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "python" in metafunc.fixturenames and "python" not in own:
        found = chosen(metafunc.config)
        least = getattr(metafunc.function, "least_version", (2, 7))
        found = [i for i in found if i.version >= least]
        if getattr(metafunc.function, "also_pypy", False):
            found = found + [i for i in chosen_pypys(metafunc.config) if i.version >= least]
        metafunc.parametrize("python", found, ids=[i.name for i in found])
    if "transport" in metafunc.fixturenames:
        metafunc.parametrize("transport", ["unix", "tcp"])


def pytest_report_header(config):
    return ["mpmd: %s" % (servers.find_binary() or "not found"),
            "interpreters: %s" % ", ".join(i.name for i in chosen(config) + chosen_pypys(config))]


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    terminalreporter.section("interpreters")
    used = chosen(config) + chosen_pypys(config)
    for i in used:
        terminalreporter.write_line("used     %s" % i)
    for i in FOUND + PYPYS:
        if i not in used:
            terminalreporter.write_line("left out %s" % i)
    for version in interpreters.missing(FOUND + PYPYS):
        terminalreporter.write_line("missing  %s" % version)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for server in getattr(item, "mpmd_servers", []):
            if os.path.exists(server.logfile):
                report.sections.append(("log of the %s server" % server.kind, server.log()))


@pytest.fixture
def start(request):
    """Starts servers: start(Mpmd or Stock, ...); they are ended and their end is checked when the test is over."""
    request.node.mpmd_servers = started = []

    def run(cls, *args, **kwds):
        server = cls.__new__(cls)
        try:
            server.__init__(*args, **kwds)
        except BaseException:
            if hasattr(server, "folder"):
                server.remove()
            raise
        started.append(server)
        return server

    yield run
    try:
        for server in started:
            server.stop()
    finally:
        for server in started:
            server.kill()
        # The report of this phase still wants the logs.
        request.node.session.mpmd_folders = getattr(request.node.session, "mpmd_folders", []) + started


def pytest_sessionfinish(session):
    for server in getattr(session, "mpmd_folders", []):
        server.remove()


@pytest.fixture
def agent():
    """Starts client processes; all are dead when the test is over."""
    started = []

    def run(python, server):
        started.append(agents.Agent(python, server))
        return started[-1]

    yield run
    for one in started:
        one.kill()


@pytest.fixture
def mpmd(start):
    """mpmd on a unix socket."""
    return start(servers.Mpmd)


@pytest.fixture
def newest():
    """The newest CPython there is, for tests that need any one."""
    return [i for i in FOUND if i.implementation == "CPython"][-1]


@pytest.fixture
def stock_python():
    """The CPython whose own server is shown to fail: a version that is neither the oldest nor the newest."""
    return min((i for i in FOUND if i.implementation == "CPython"), key=lambda i: abs(i.version[0] * 100 +
               i.version[1] - 311))


@pytest.fixture
def run_program():
    """Runs one of programs/ under an interpreter against a server; returns what it printed."""
    def run(python, server, program, *options, **more):
        command = [python.path, os.path.join(PROGRAMS, program + ".py"), "--address", server.text,
                   "--authkey-file", server.keyfile] + list(options)
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **more.get("environment", {}))
        # A session of its own, so that a hang can be ended with all its children.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        try:
            out = process.communicate(timeout=servers.HANG)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            out = process.communicate()[0]
            pytest.fail("hangs: %s\n%s" % (" ".join(command), out.decode("utf-8", "replace")), pytrace=False)
        text = out.decode("utf-8", "replace")
        if process.returncode != 0:
            pytest.fail("exit code %d: %s\n%s" % (process.returncode, " ".join(command), text), pytrace=False)
        return text
    return run
