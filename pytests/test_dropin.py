"""compat/python/mpmd: programs run as they are, by `python -m mpmd`, and with one import changed, to the same end."""
import os
import re
import select
import shutil
import signal
import subprocess
import sys

import pytest

import conftest
import servers

PACKAGE = os.path.join(os.path.dirname(servers.HERE), "compat", "python")
PROGRAMS = ["progress", "log_queue", "futures", "remote_queue", "nested_state", "own_class", "processes", "late_pool", "connected", "one_manager",
            "pipeline", "singletons", "not_singletons"]


def environment(**more):
    path = os.pathsep.join(p for p in (PACKAGE, os.environ.get("PYTHONPATH")) if p)
    return dict(os.environ, PYTHONPATH=path, MPMD_BINARY=servers.find_binary(), **more)


def run(python, arguments, cwd, **more):
    """The program's output; it must end well and write no complaint."""
    done = subprocess.run([python.path] + arguments, cwd=str(cwd), env=environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert done.returncode == 0, "%s: exit code %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def imported(source):
    """The program with its managers taken from the package."""
    source = source.replace("multiprocessing.Manager()", "mpmd.Manager()").replace("context.Manager()",
                                                                                   "mpmd.Manager(ctx=context)")
    source = re.sub(r"^from multiprocessing.managers import (.*)$", change_import, source, flags=re.M)
    return re.sub(r"^import multiprocessing$", "import multiprocessing\nimport mpmd", source, count=1, flags=re.M)


def change_import(match):
    names = match.group(1).split(", ")
    ours = [name for name in names if name.endswith("Manager")]
    theirs = [name for name in names if name not in ours]
    lines = ["from mpmd import %s" % ", ".join(ours)]
    if theirs:
        lines.append("from multiprocessing.managers import %s" % ", ".join(theirs))
    return "\n".join(lines)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_give_the_same_output_three_ways(python, program, tmp_path):
    path = os.path.join(servers.HERE, "dropin", program + ".py")
    with open(path) as f:
        changed = imported(f.read())
    assert "mpmd" in changed
    (tmp_path / (program + "_imported.py")).write_text(changed)
    expected = run(python, [path], tmp_path)
    assert expected
    assert run(python, ["-m", "mpmd", path], tmp_path) == expected
    assert run(python, [program + "_imported.py"], tmp_path) == expected


test_programs_give_the_same_output_three_ways.least_version = (3, 6)
test_programs_give_the_same_output_three_ways.also_pypy = True


FOUND = """
import multiprocessing, sys
if sys.argv[1]:
    sys.path.insert(0, sys.argv[1])
    import mpmd
    mpmd.install()
def put(d, n):
    d[n] = multiprocessing.get_context("spawn").Manager().dict(a=n).copy()
def main():
    for method in ("spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Manager() as manager:
            d = manager.dict()
            child = context.Process(target=put, args=(d, 1))
            child.start()
            child.join()
            pool = manager.Pool(1)
            print(d.copy(), pool.map(abs, [-1, 2]))
            pool.close()
            pool.join()
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("how", ["install", "-m"])
def test_children_find_the_package_where_their_parent_found_it(newest, tmp_path, how):
    """In a folder of sys.path that is not in PYTHONPATH."""
    program = tmp_path / "program.py"
    program.write_text(FOUND)
    command = ["-m", "mpmd", str(program), ""] if how == "-m" else [str(program), PACKAGE]
    place = environment()
    del place["PYTHONPATH"]
    done = subprocess.run([newest.path] + command, cwd=PACKAGE if how == "-m" else str(tmp_path), env=place,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{1: {'a': 1}} [1, 2]\n" * 2, "")


def start_program(python, source, tmp_path, arguments=(), program_arguments=(), **more):
    """Starts a program that is given as text, in a process group of its own; its output is to be read."""
    path = tmp_path / "program.py"
    path.write_text(source)
    return subprocess.Popen([python.path, "-m", "mpmd"] + list(arguments) + [str(path)] +
                            list(program_arguments), env=environment(**more),
                            cwd=str(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            universal_newlines=True, start_new_session=True)


def is_gone(pid):
    """Returns when the process has ended, by its pidfd where it is no child of ours."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], servers.HANG)[0])
    finally:
        os.close(fd)


HOLDING = """
import multiprocessing, os, sys
class Thing: pass
def main():
    multiprocessing.set_start_method("fork")  # a class of a function cannot be pickled
    from multiprocessing.managers import SyncManager
    class Mine(SyncManager): pass
    Mine.register("Thing", Thing)
    manager = Mine()
    manager.start()
    thing = manager.Thing()
    companion = manager._mpmd_owned[0][0].pid if hasattr(manager, "_mpmd_owned") else 0
    print(manager._process.pid, companion, manager.address, flush=True)
    child = os.fork()
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    print(child, flush=True)
    sys.stdin.read()
    manager.shutdown()
if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfds to see when other processes end")
@pytest.mark.parametrize("killed", ["program", "server", "nobody"])
def test_nothing_is_left_behind(newest, tmp_path, killed):
    """The server and the companion end when the program was killed, although a child of it lives on; and the companion
    with the server."""
    program = start_program(newest, HOLDING, tmp_path)
    server, companion, address = program.stdout.readline().split()
    child = int(program.stdout.readline())
    assert os.path.exists(address)
    if killed == "program":
        program.kill()
        program.wait()
    elif killed == "server":
        os.kill(int(server), signal.SIGKILL)
    else:
        program.stdin.close()
    assert is_gone(int(server)) and is_gone(int(companion))
    if killed == "program":
        assert not os.path.exists(address), "the socket was left behind"
        os.kill(child, 0)  # is still there
    program.stdin.close()
    assert is_gone(child)
    program.wait()
    if killed == "nobody":
        assert program.returncode == 0, program.stderr.read()
    for stream in (program.stdout, program.stderr):
        stream.close()


KILLED = """
import multiprocessing, os, signal
from multiprocessing.managers import SyncManager
class Thing:
    def fails(self):
        raise FileNotFoundError(2, "of its own")
class Mine(SyncManager): pass
Mine.register("Thing", Thing)
def call(f, *args):
    try:
        f(*args)
    except Exception as e:
        print(type(e).__name__, str(e).replace(str(server), "PID").replace(str(companion), "PID"), flush=True)
def fork(f, *args):
    pid = os.fork()
    if pid == 0:
        call(f, *args)
        os._exit(0)
    os.waitpid(pid, 0)
if __name__ == "__main__":
    with Mine() as manager:
        d, thing = manager.dict(), manager.Thing()
        d[1] = 1
        server, companion = manager._process.pid, manager._mpmd_owned[0][0].pid
        call(thing.fails)
        os.kill(companion, signal.SIGKILL)
        manager._mpmd_owned[0][0].join()
        call(thing.fails)
        call(manager.Thing)
        os.kill(server, signal.SIGKILL)
        manager._process.join()
        for f in (d.copy, d.copy, manager.dict):
            call(f)
        fork(d.copy)
"""


def test_errors_say_what_became_of_the_server(newest, tmp_path):
    program = start_program(newest, KILLED, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    lines = out.splitlines()
    killed = "the manager's server, pid PID, was killed by SIGKILL"
    assert lines[0] == "FileNotFoundError [Errno 2] of its own"
    assert lines[2] == "ConnectionRefusedError [Errno 111] Connection refused: " + killed
    for line in lines[1:-1]:
        assert line.endswith(killed), out
    assert re.match("ConnectionRefusedError .*: the manager's server, which listened at '/.*', has ended$", lines[-1])
    assert len(lines) == 7


WORKERS = """
import multiprocessing, os, signal, sys, time
def work(n):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(10000)
def main():
    manager = multiprocessing.Manager()
    pool = manager.Pool(2)
    pool.map_async(work, range(2), 1)
    sys.stdin.readline()
    os.kill(manager._mpmd_owned[0][0].pid, signal.SIGKILL)
    manager._mpmd_owned[0][0].join()
    sys.stdin.readline()
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfds to see when other processes end")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool_end_with_a_companion_that_is_killed(request, tmp_path, method):
    """Although they are at work; with stock managers nobody would end them."""
    able = [p for p in conftest.chosen(request.config) if p.version >= (3, 6)]
    for python in (able[0], able[-1]):
        program = start_program(python, WORKERS, tmp_path, (), program_arguments=[method])
        workers = [int(program.stdout.readline()) for _ in range(2)]
        program.stdin.write("\n")
        program.stdin.flush()
        for pid in workers:
            assert is_gone(pid)
        out, err = program.communicate("\n", timeout=servers.HANG)
        assert (program.returncode, out) == (0, ""), err


def test_the_server_that_was_installed_with_the_package_is_found(newest, tmp_path):
    """PATH need not have it."""
    packages = tmp_path / "lib" / "python3.1" / "site-packages"
    packages.mkdir(parents=True)
    shutil.copytree(os.path.join(PACKAGE, "mpmd"), str(packages / "mpmd"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mpmd").symlink_to(servers.find_binary())
    place = dict(os.environ, PYTHONPATH=str(packages), PATH=str(tmp_path))
    place.pop("MPMD_BINARY", None)
    done = subprocess.run([newest.path, "-c", "from mpmd import Manager\nwith Manager() as m: print(m.list([1])[:])"],
                          cwd=str(tmp_path), env=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1]\n", "")


def test_a_missing_server_is_one_sentence(newest, tmp_path):
    program = start_program(newest, "print(1)", tmp_path, ["--server", "/nowhere/mpmd"])
    out, err = program.communicate()
    assert program.returncode == 1 and out == ""
    assert err == "python -m mpmd: /nowhere/mpmd (server) is no program: name the program mpmd there\n"


def test_a_stock_manager_steps_in_with_fallback(newest, tmp_path):
    source = ("import multiprocessing\nif __name__ == '__main__':\n    with multiprocessing.Manager() as m:\n"
              "        d = m.dict(a=1)\n        print(d.copy(), list(d))\n    multiprocessing.Manager().shutdown()\n")
    program = start_program(newest, source, tmp_path, ["--server", "/nowhere/mpmd", "--fallback"])
    out, err = program.communicate()
    assert program.returncode == 0 and out == "{'a': 1} ['a']\n"
    assert err == "mpmd: /nowhere/mpmd (server) is no program: name the program mpmd there; stock managers step in\n"


ONE_CALL = """
import multiprocessing
from multiprocessing import managers
if __name__ == "__main__":
    calls = []
    dispatch, callmethod = managers.dispatch, managers.BaseProxy._callmethod
    def counted(self, name, *args, **kwds):
        calls.append(name)
        return callmethod(self, name, *args, **kwds)
    managers.BaseProxy._callmethod = counted
    with multiprocessing.Manager() as m:
        d = m.dict({i: i for i in range(1000)})
        l = m.list(range(1000))
        calls.clear()
        print(sum(k for k in d), calls)
        calls.clear()
        print(sum(i for i in l), calls)
        calls.clear()
        print(m._number_of_objects())
        print(type(d._tls.connection).__name__)
        del d
        print(m._number_of_objects())
"""


def test_iterating_is_one_call(newest, tmp_path):
    program = start_program(newest, ONE_CALL, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    assert out == "499500 ['keys']\n499500 ['__getitem__']\n2\nChannel\n1\n"


def test_plain_proxies_make_the_calls_of_stock_ones(newest, tmp_path):
    program = start_program(newest, ONE_CALL.replace("1000", "3"), tmp_path, ["--plain"])
    out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    assert out.splitlines()[0].startswith("3 ['__iter__', '__next__', '__next__'")
    assert out.splitlines()[2:] == ["2", "Connection", "1"]


FORKING = """
import multiprocessing, os, threading, time
def main():
    context = multiprocessing.get_context("fork")
    reader, writer = os.pipe()
    n, children = 0, []
    def fork():
        while n < 5:
            child = os.fork()
            if child == 0:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
            children.append(child)
            time.sleep(0.001)
    thread = threading.Thread(target=fork)
    thread.start()
    while n < 5:
        with context.Manager() as m:
            m.list()
        n += 1
    thread.join()
    os.close(writer)
    for child in children:
        os.waitpid(child, 0)
    print(n)
if __name__ == "__main__":
    main()
"""


def test_managers_start_while_another_thread_forks(newest, tmp_path):
    """The children live as long as the program: none of them may have an end of a pipe that a server is started with."""
    program = start_program(newest, FORKING, tmp_path)
    try:
        out, err = program.communicate(timeout=servers.HANG)
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.communicate()
    assert (program.returncode, out) == (0, "5\n"), err


JOINED_AGAIN = """
import multiprocessing
if __name__ == "__main__":
    first = multiprocessing.Manager()
    process = first._process
    first.shutdown()
    second = multiprocessing.Manager()
    assert second._process.sentinel == process.sentinel, "the number is free again"
    process.join()
    print(second.list([1]), second._process.is_alive())
"""


def test_a_server_that_is_joined_twice_ends_no_other(newest, tmp_path):
    program = start_program(newest, JOINED_AGAIN, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, out, err) == (0, "[1] True\n", "")


AT_ONCE = """
import threading
from multiprocessing.managers import BaseManager
class Thing:
    def get(self):
        return 1
class Manager(BaseManager):
    pass
Manager.register("Thing", Thing)
if __name__ == "__main__":
    from mpmd import _errors, managers
    got, barrier = [], threading.Barrier(3)
    def use():
        barrier.wait()
        got.append(m.Thing().get())
    with Manager() as m:
        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(got, len(_errors.servers), len(managers._places))
"""


def test_threads_that_need_the_companion_at_once_leave_nothing(newest, tmp_path):
    program = start_program(newest, AT_ONCE, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, out) == (0, "[1, 1, 1] 0 0\n"), err


CLOSED = """
import multiprocessing, os
out = os.dup(1)
for fd in 0, 1, 2:
    os.close(fd)
with multiprocessing.Manager() as m:
    os.write(out, str(m.list([1])).encode())
    os.write(out, os.readlink("/proc/%d/fd/2" % m._process.pid).encode())
"""


def test_a_program_without_standard_streams_has_managers(newest, tmp_path):
    program = start_program(newest, CLOSED, tmp_path)
    assert program.communicate()[0] == "[1]/dev/null"


LOOPS = """
import multiprocessing, threading
if __name__ == "__main__":
    from mpmd import proxies
    with multiprocessing.Manager() as m:
        d = m.dict({i: i for i in range(5)})
        threads = [threading.Thread(target=lambda: [list(d) for _ in range(100)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            d[1] = 1
        for _ in range(3):
            for i in m.list([1, 2]):
                pass
        del i, d
        print(len(proxies._changes))
"""


def test_loops_of_threads_leave_nothing(newest, tmp_path):
    program = start_program(newest, LOOPS, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, out, err) == (0, "0\n", "")


CONNECTIONS = """
import multiprocessing
from multiprocessing import connection, managers
if __name__ == "__main__":
    n, connect = 0, connection.SocketClient
    def counted(address):
        global n
        n += 1
        return connect(address)
    connection.SocketClient = counted
    def tell(what):
        global n
        print(what, n)
        n = 0
    m = multiprocessing.Manager()
    tell("Manager()")
    d = m.dict()
    tell("dict()")
    d["key"] = 1
    tell("d[key] = 1")
    l = m.list()
    tell("list()")
    del l
    tell("del l")
    m.shutdown()
    tell("shutdown()")
"""


def test_how_many_connections_are_made(newest, tmp_path):
    """A stock manager takes three for each new object."""
    program = start_program(newest, CONNECTIONS, tmp_path)
    out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    assert out.splitlines() == ["Manager() 0", "dict() 1", "d[key] = 1 1", "list() 1", "del l 1", "shutdown() 1"]


def test_a_proxy_s_connection_does_as_a_stock_one(python, tmp_path):
    assert run(python, [os.path.join(servers.HERE, "dropin", "channel_cases.py")], tmp_path) == "as stock\n"


test_a_proxy_s_connection_does_as_a_stock_one.least_version = (3, 6)


def test_every_module_is_installed():
    with open(os.path.join(os.path.dirname(servers.HERE), "Makefile.am")) as f:
        listed = re.findall(r"^python_package\w* \+= compat/python/(.*)$", f.read(), re.M)
    found = [os.path.relpath(os.path.join(folder, name), PACKAGE) for folder, _, names in os.walk(PACKAGE)
             for name in names if "__pycache__" not in folder]
    assert sorted(listed) == sorted(found)
