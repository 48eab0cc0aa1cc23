"""Cousins of multiprocessing, packages made from a copy of it: Debian's python3-multiprocess (pickles with dill) and
python3-billiard. Their clients against mpmd, multiprocess's own tests, and both under python -m mpmd."""
import concurrent.futures
import json
import os
import subprocess

import pytest

import conftest
import interpreters
import servers
import test_conformance
import test_dropin
from compared import same_in_brief

COUSINS = ["multiprocess", "billiard"]
AS_COUSIN = os.path.join(servers.HERE, "as_cousin.py")
SUITE = os.path.join(servers.HERE, "cpython_suite.py")
PROGRAM = os.path.join(servers.HERE, "dropin", "cousin.py")
REGISTER = ["get_lock=Lock", "get_seats=Semaphore(2)", "get_board=Namespace(entered=0)"]
PROGRAMS = ["bulletin_board", "lock", "semaphore", "bounded_semaphore", "rlock", "event", "condition",
            "condition_on_lock", "barrier", "singletons", "namespace", "nested", "queues"]


class Cousin(interpreters.Interpreter):
    """The interpreter that has the package; `path` is a script that puts it in place of multiprocessing."""

    def __init__(self, cousin, python, version, folder):
        interpreters.Interpreter.__init__(self, version, "CPython", os.path.join(folder, cousin))
        self.cousin = cousin
        self.python = python
        with open(self.path, "w") as f:
            f.write('#!/bin/sh\nexec "%s" "%s" %s "$@"\n' % (python, AS_COUSIN, cousin))
        os.chmod(self.path, 0o755)


def find(name, folder):
    code = "import json, sys, %s.managers; print(json.dumps(sys.version_info[:3]))" % name
    for path in ["/usr/bin/python3"] + [i.path for i in reversed(conftest.FOUND)]:
        done = subprocess.run([path, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) \
            if os.path.exists(path) else None
        if done is not None and done.returncode == 0:
            return Cousin(name, path, json.loads(done.stdout.decode()), str(folder))
    pytest.skip("%s is not installed (Debian: python3-%s)" % (name, name))


@pytest.fixture(params=COUSINS)
def cousin(request, tmp_path):
    return find(request.param, tmp_path)


@pytest.fixture
def multiprocess(tmp_path):
    return find("multiprocess", tmp_path)


def test_programs_run_unchanged(start, run_program, cousin):
    """All of those that stock clients run, on one server."""
    server = start(servers.Mpmd, register=REGISTER)
    programs = list(PROGRAMS)
    if cousin.cousin == "billiard":
        programs.remove("condition")  # its Condition.notify() takes no number
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(run_program, cousin, server, program) for program in programs]:
            done.result()
    assert server.number_of_objects() == 0, server.dispatch("debug_info")


def test_every_call_is_answered_as_by_the_cousin_s_own_server_or_313(start, run_program, cousin):
    """As test_conformance.py has it."""
    newest = test_conformance.of_texts_version()
    asked = [(cousin, start(servers.Stock, cousin)), (cousin, start(servers.Mpmd, options=["--log-level", "error"])),
             (newest, start(servers.Stock, newest))]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        stock, mpmd, by_313 = pool.map(lambda pair: test_conformance.ask(run_program, pair[0], pair[1], "some"), asked)
    assert len(stock) > 1500
    same_in_brief(stock, mpmd, by_313, lambda answer: answer[0][:2], test_conformance.DIFFERENCES, [])


def outcomes(command, tmp_path, name):
    """{test: (outcome, text)} of cpython_suite.py."""
    out = tmp_path / name
    done = subprocess.run(command + ["--out", str(out)], env=test_dropin.environment(), cwd=str(tmp_path),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=servers.HANG, universal_newlines=True, errors="replace")
    assert out.exists(), done.stdout
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[-1].get("end"), done.stdout
    found = {}
    for line in lines:
        if "outcome" in line:
            # A subtest that failed is told before its test.
            if found.get(line["test"], ("pass",))[0] != "fail":
                found[line["test"]] = line["outcome"], line["text"]
    return found


# What a bare server, without the package for Python, leaves out: it needs Python in the server.
NEED_PYTHON = ("WithManagerTestPool.", "WithManagerTestMyManager.", "WithManagerTestRemoteManager.",
               "WithManagerTestManagerRestart.", "TestInitializers.test_manager_initializer",
               "TestSyncManagerTypes.test_pool", "WithManagerTestBarrier.test_action")


def passed(found):
    return set(test for test, (outcome, _) in found.items() if outcome == "pass")


def worse(stock, ours, but=()):
    return ["%s: %s" % (test, ours.get(test, ("did not run", ""))) for test in sorted(passed(stock) - passed(ours))
            if not test.startswith(but)]


def test_multiprocess_s_own_tests_pass(multiprocess, tmp_path):
    """Those of managers: as many with mpmd as with its own servers; with a bare mpmd but for those that need Python."""
    python = [multiprocess.python]
    suite = [AS_COUSIN, "multiprocess", SUITE]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        stock, bare, package = [done.result() for done in [
            pool.submit(outcomes, python + suite + ["--stock"], tmp_path, "stock"),
            pool.submit(outcomes, python + suite, tmp_path, "bare"),
            # --stock: start() is what it is, mpmd's.
            pool.submit(outcomes, python + ["-m", "mpmd"] + suite + ["--stock"], tmp_path, "package")]]
    print(*["%d passed" % len(passed(found)) for found in (stock, bare, package)])
    assert len(passed(stock)) > 70
    assert worse(stock, package) == []
    assert worse(stock, bare, NEED_PYTHON) == []
    assert len(passed(bare)) > 50


def test_the_same_tests_pass_with_billiard(multiprocess, tmp_path):
    """Billiard's package comes without tests of managers; multiprocess's are run with billiard in its place. Not
    Condition's and Pool's, which billiard's own servers fail or never end."""
    billiard = find("billiard", tmp_path)
    suite = [billiard.python, AS_COUSIN, "billiard", SUITE, "--classes", "(?<!Condition)(?<!Pool)$"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        stock, bare = [done.result() for done in [
            pool.submit(outcomes, suite + ["--stock"], tmp_path, "stock"),
            pool.submit(outcomes, suite, tmp_path, "bare")]]
    print(*["%d passed" % len(passed(found)) for found in (stock, bare)])
    assert len(passed(stock)) > 30
    assert worse(stock, bare, NEED_PYTHON) == []


def output(command, tmp_path):
    """What it wrote to standard output and standard error."""
    done = subprocess.run(command, cwd=str(tmp_path), env=test_dropin.environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert done.returncode == 0 and "Traceback" not in done.stderr, "%s\n%s%s" % (command, done.stdout, done.stderr)
    return done.stdout, done.stderr


def test_programs_of_multiprocess_are_served(multiprocess, tmp_path):
    """Three ways to the same output, and it is mpmd that serves."""
    python = multiprocess.python
    expected, _ = output([python, PROGRAM, "multiprocess"], tmp_path)
    found, report = output([python, "-m", "mpmd", "--report", PROGRAM, "multiprocess"], tmp_path)
    assert found == expected
    rows = set(tuple(line.split()[:3]) for line in report.splitlines())
    assert {("mpmd", "dict", "__setitem__"), ("mpmd", "Queue", "get"), ("companion", "Pool", "map"),
            ("companion", "Adder", "add")} <= rows, report
    with open(PROGRAM) as f:
        source = f.read()
    changed = source.replace("context.Manager()", "mpmd.multiprocess.Manager(ctx=context)").replace(
        "(managers.SyncManager)", "(mpmd.multiprocess.SyncManager)").replace("import sys\n", "import sys\nimport mpmd."
                                                                             "multiprocess\n", 1)
    (tmp_path / "imported.py").write_text(changed)
    assert changed.count("mpmd.multiprocess") == 3
    assert output([python, "imported.py", "multiprocess"], tmp_path)[0] == expected
    assert output([python, "-m", "mpmd", "imported.py", "multiprocess"], tmp_path)[0] == expected


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_multiprocess_that_are_spawned_are_served(multiprocess, tmp_path, monkeypatch, method):
    """With a CPython of its own time: that of Debian 12 spawns under no later one."""
    own = [i for i in conftest.FOUND if i.implementation == "CPython" and i.version in ((3, 8), (3, 9))]
    if not own:
        pytest.skip("no CPython 3.8 or 3.9")
    where = subprocess.run([multiprocess.python, "-c", "import dill, multiprocess, _multiprocess as m\n"
                            "for p in (dill, multiprocess, m): print(p.__path__[0])"], stdout=subprocess.PIPE,
                           universal_newlines=True, check=True).stdout.split()
    (tmp_path / "packages").mkdir()
    for path in where:
        (tmp_path / "packages" / os.path.basename(path)).symlink_to(path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    command = [own[-1].path, PROGRAM, "multiprocess", method]
    expected, _ = output(command, tmp_path)
    assert output(command[:1] + ["-m", "mpmd"] + command[1:], tmp_path)[0] == expected


def test_programs_of_billiard_go_on_with_its_own_managers(tmp_path):
    """python -m mpmd does them no harm: mpmd/cousins.py says why it leaves them alone."""
    python = find("billiard", tmp_path).python
    expected, _ = output([python, PROGRAM, "billiard"], tmp_path)
    found, report = output([python, "-m", "mpmd", "--report", PROGRAM, "billiard"], tmp_path)
    assert found == expected
    assert "no calls to managers" in report
