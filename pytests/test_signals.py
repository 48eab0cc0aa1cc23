"""Ctrl-C and other signals: they reach the program, whose managers serve it until it has cleaned up."""
import os
import signal
import subprocess
import tempfile

import pytest

import servers
import test_dropin
import test_kills

pytestmark = test_kills.pytestmark
PROGRAM = os.path.join(servers.HERE, "dropin", "interrupted.py")


@pytest.fixture
def program():
    """Starts the program; in the end nothing of it is left."""
    started = []

    def start(python, *arguments, **more):
        folder = tempfile.mkdtemp(prefix="mpmd-")
        environment = test_dropin.environment(TMPDIR=folder, **{test_kills.MARK: os.path.basename(folder)})
        command = [python.path] + ["-m", "mpmd"] * more.get("served", True) + list(arguments)
        one = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True, start_new_session=True)
        started.append((one, folder))
        return one

    yield start
    left = []
    for one, folder in started:
        mark = test_kills.MARK + "=" + os.path.basename(folder)
        left += test_kills.wait_for_all(mark)
        for pid in test_kills.marked(mark):
            test_kills.kill(pid)
        one.wait()
        one.stdout.close()
        one.stderr.close()
        left += [name for name in os.listdir(folder) if not name.startswith("pymp-")]
        subprocess.call(["rm", "-rf", folder])
    assert not left


def until_it_waits(one, n=3):
    """The pids that it told, once so many processes of it wait."""
    pids = None
    while n > 0 or pids is None:
        line = one.stdout.readline()
        assert line, one.stderr.read()
        n -= line == "waits\n"
        if line.startswith("pids "):
            pids = [int(word) for word in line.split()[1:]]
    return pids


def rest(one):
    out, err = one.communicate(timeout=servers.HANG)
    return [line for line in out.splitlines() if line != "child ends"], err


CLEANED_UP = ["children (0, 'interrupted') (1, 'interrupted')", "thing 3 True"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ctrl_c_reaches_the_program_and_not_its_servers(newest, program, method):
    one = program(newest, PROGRAM, method, "caught")
    until_it_waits(one)
    os.killpg(one.pid, signal.SIGINT)
    lines, err = rest(one)
    assert lines == ["caught KeyboardInterrupt"] + CLEANED_UP + ["ends with its manager", "ends"], err
    assert one.returncode == 0 and err == ""


def test_ctrl_c_again_during_the_clean_up(newest, program):
    one = program(newest, PROGRAM, "fork", "twice")
    until_it_waits(one)
    os.killpg(one.pid, signal.SIGINT)
    while one.stdout.readline() != "again\n":
        pass
    os.killpg(one.pid, signal.SIGINT)
    lines, err = rest(one)
    assert "caught again" in lines and lines[-2:] == ["ends with its manager", "ends"], (lines, err)
    assert one.returncode == 0


def test_ctrl_c_that_nobody_catches_ends_all(newest, program):
    one = program(newest, PROGRAM, "fork", "raise")
    until_it_waits(one)
    os.killpg(one.pid, signal.SIGINT)
    lines, err = rest(one)
    assert lines == ["caught KeyboardInterrupt"] + CLEANED_UP
    assert one.returncode == -signal.SIGINT and err.splitlines()[-1] == "KeyboardInterrupt"
    assert err.count("Traceback") == 1, err


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_sigterm_to_the_program_alone_ends_all(newest, program, method):
    one = program(newest, PROGRAM, method, "plain")
    until_it_waits(one)
    one.terminate()
    lines, err = rest(one)  # of the children, too: their server is gone
    assert one.returncode == -signal.SIGTERM
    # As far as each had come: connected, connecting, or about to connect to a socket that is gone.
    ends = ["EOFError", "ConnectionResetError", "ConnectionRefusedError", "FileNotFoundError", "BrokenPipeError"]
    assert sum(err.count("\n" + end) for end in ends) >= 2, err


def test_sigterm_to_a_program_that_handles_it(newest, program):
    one = program(newest, PROGRAM, "fork", "handler")
    until_it_waits(one)
    one.terminate()
    lines, err = rest(one)
    assert lines == ["caught SystemExit", "children", "thing 1 True", "ends with its manager", "ends"], err
    assert one.returncode == 0


STORM = """
import multiprocessing, os, signal, sys, threading, time
from multiprocessing.managers import SyncManager
class Thing:
    def get(self):
        return 1
class Mine(SyncManager): pass
Mine.register("Thing", Thing)
def storm():
    while not done:
        os.killpg(0, signal.SIGINT)
        time.sleep(0.0005)
if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: None)
    done = []
    threading.Thread(target=storm, daemon=True).start()
    for i in range(5):
        with Mine(ctx=multiprocessing.get_context(sys.argv[1])) as manager:
            assert manager.Thing().get() + len(manager.dict()) == 1
    done.append(1)
    print("done")
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_servers_do_not_hear_ctrl_c_while_they_start(newest, program, tmp_path, method):
    (tmp_path / "program.py").write_text(STORM)
    one = program(newest, str(tmp_path / "program.py"), method)
    lines, err = rest(one)
    assert (lines, err, one.returncode) == (["done"], "", 0)


INTERRUPTED = """
import multiprocessing, random, signal
class Interrupted(Exception): pass
def handler(*_):
    raise Interrupted
if __name__ == "__main__":
    random.seed(1)
    with multiprocessing.Manager() as manager:
        d = manager.dict()
        signal.signal(signal.SIGALRM, handler)
        n = 0
        while n < 200:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 2e-3))
                while True:
                    n += 0
                    k = random.random()
                    d["k"] = k
                    assert d["k"] == k
                    assert d.get("nothing", "x") == "x"
            except Interrupted:
                n += 1
        print("interrupted", n)
"""


def test_an_interrupted_call_does_not_disturb_the_next(python, program, tmp_path):
    """With stock managers the next call reads the reply of the interrupted one."""
    (tmp_path / "program.py").write_text(INTERRUPTED)
    one = program(python, str(tmp_path / "program.py"))
    lines, err = rest(one)
    assert (lines, err, one.returncode) == (["interrupted 200"], "", 0)


test_an_interrupted_call_does_not_disturb_the_next.least_version = (3, 6)
