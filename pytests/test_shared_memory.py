"""SharedMemoryManager served by mpmd: its segments live as long as the server, and no Python complains about them."""
import os
import signal
import sys
import tempfile

import pytest

import servers
import test_dropin

needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfds to see when other processes end")

PROGRAM = """
import multiprocessing, sys
from multiprocessing import shared_memory
from multiprocessing.managers import SharedMemoryManager, dispatch

def double(segment, numbers):
    segment.buf[0] *= 2
    numbers[0] *= 2
    segment.close()

def main():
    method = sys.argv[1]
    context = multiprocessing.get_context(method)
    with SharedMemoryManager(ctx=context) as manager:
        print(type(manager._process).__name__, file=sys.stderr)
        segment = manager.SharedMemory(100)
        numbers = manager.ShareableList([1, 2.5, "three"])
        segment.buf[0] = 21
        child = context.Process(target=double, args=(segment, numbers))
        child.start()
        child.join()
        print(child.exitcode, segment.buf[0], numbers)
        other = manager.SharedMemory(8)
        names = [segment.name, numbers.shm.name, other.name]
        with manager._Client(manager._address, authkey=manager._authkey) as conn:
            print(dispatch(conn, None, "list_segments") == names)
        with manager._Client(manager._address, authkey=manager._authkey) as conn:
            dispatch(conn, None, "release_segment", (other.name,))
        with manager._Client(manager._address, authkey=manager._authkey) as conn:
            try:
                dispatch(conn, None, "release_segment", (other.name,))
            except Exception as e:
                print(type(e).__name__, str(e).splitlines()[-2])
        other.close()
        for name in names:
            try:
                shared_memory.SharedMemory(name).close()
                print("is there")
            except FileNotFoundError:
                print("gone")
        segment.close()
        numbers.shm.close()
    for name in names:
        try:
            shared_memory.SharedMemory(name)
        except FileNotFoundError:
            print("gone")

if __name__ == "__main__":
    main()
"""
OUTPUT = """0 42 ShareableList([2, 2.5, 'three'], name='NAME')
True
RemoteError ValueError: list.remove(x): x not in list
is there
is there
gone
gone
gone
gone
"""


def shown(out):
    return [line.split("name=")[0] for line in out.splitlines()]


def result(program):
    out, err = program.communicate(timeout=servers.HANG)
    assert program.returncode == 0, out + err
    return out, err


@pytest.mark.parametrize("way", ["import", "unchanged"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_segments_live_until_they_are_released(python, tmp_path, method, way):
    source = PROGRAM
    if way == "import":
        source = source.replace("import SharedMemoryManager, dispatch", "import dispatch\nfrom mpmd import SharedMemoryManager")
    (tmp_path / "program.py").write_text(source)
    arguments = ["-m", "mpmd"] if way == "unchanged" else []
    out, err = complete(python, arguments + ["program.py", method], tmp_path)
    assert shown(out) == shown(OUTPUT)
    assert err == "ServerProcess\n"  # no complaint of the resource tracker


def complete(python, arguments, tmp_path):
    import subprocess
    return result(subprocess.Popen([python.path] + arguments, env=test_dropin.environment(), cwd=str(tmp_path),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   universal_newlines=True))


test_segments_live_until_they_are_released.least_version = (3, 8)
test_segments_live_until_they_are_released.also_pypy = True

CONNECTED = """
import sys
from multiprocessing import shared_memory
from multiprocessing.managers import SharedMemoryManager
manager = SharedMemoryManager(address=sys.argv[1], authkey=open(sys.argv[2], "rb").read())
manager.connect()
segment = manager.SharedMemory(100)
print(segment.name)
numbers = manager.ShareableList(range(3))
print(numbers.shm.name)
segment.close()
numbers.shm.close()
"""


def shm_path(name):
    return os.path.join("/dev/shm", name.lstrip("/"))


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="looks at the segments there")
def test_segments_outlive_the_program_that_connected(python, mpmd, tmp_path):
    (tmp_path / "program.py").write_text(CONNECTED.replace("multiprocessing.managers", "mpmd"))
    out, err = complete(python, ["program.py", mpmd.address, mpmd.keyfile], tmp_path)
    names = out.split()
    assert err == "" and len(names) == 2
    assert all(os.path.exists(shm_path(name)) for name in names)
    assert mpmd.dispatch("list_segments") == names
    mpmd.stop()  # SIGTERM
    assert not any(os.path.exists(shm_path(name)) for name in names)


test_segments_outlive_the_program_that_connected.least_version = (3, 8)
test_segments_outlive_the_program_that_connected.also_pypy = True


def test_a_stock_manager_connects(python, mpmd, tmp_path):
    """Its own tracker unlinks, as it does where the server is CPython's but no child of the program."""
    (tmp_path / "program.py").write_text(CONNECTED)
    out, err = complete(python, ["program.py", mpmd.address, mpmd.keyfile], tmp_path)
    assert mpmd.dispatch("list_segments") == out.split()
    mpmd.dispatch("shutdown")
    assert mpmd.process.wait(servers.HANG) == 0
    mpmd.stop()
    assert not any(os.path.exists(shm_path(name)) for name in out.split())


test_a_stock_manager_connects.least_version = (3, 8)
test_a_stock_manager_connects.also_pypy = True


@pytest.mark.parametrize("name", ["", "/", ".", "..", "../../etc/passwd", "/dev/shm/x", "//x", "a\0b", "x" * 256, 1, None])
def test_names_that_lead_elsewhere_are_refused(mpmd, name):
    with pytest.raises(Exception) as raised:
        mpmd.dispatch("track_segment", name)
    assert "is no name of a shared memory segment" in str(raised.value)
    assert mpmd.dispatch("list_segments") == []


HOLDING = """
import multiprocessing, os, sys, time
from multiprocessing import resource_tracker
from multiprocessing.managers import SharedMemoryManager
if __name__ == "__main__":
    manager = SharedMemoryManager()
    manager.start()
    segment = manager.SharedMemory(100)
    numbers = manager.ShareableList(range(3))
    child = os.fork()
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    print(manager._process.pid, resource_tracker._resource_tracker._pid, child, segment.name, numbers.shm.name, flush=True)
    sys.stdin.read()
"""


@needs_pidfd
@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="looks at the segments there")
@pytest.mark.parametrize("killed", ["every Python", "everybody", "server"])
def test_nothing_is_left_in_dev_shm(newest, tmp_path, start, killed):
    """Also when every Python was killed, with its tracker: then mpmd unlinks; or mpmd was: then the tracker does; or both
    were: then the next mpmd does."""
    folder = tempfile.mkdtemp(prefix="mpmd-")
    program = test_dropin.start_program(newest, HOLDING, tmp_path, TMPDIR=folder)
    server, tracker, child, *names = program.stdout.readline().split()
    assert all(os.path.exists(shm_path(name)) for name in names)
    if killed != "server":
        program.send_signal(signal.SIGSTOP)  # or the tracker is given time to unlink
        for pid in ([server] if killed == "everybody" else []) + [tracker, child]:
            os.kill(int(pid), signal.SIGKILL)
        program.kill()
    else:
        os.kill(int(server), signal.SIGKILL)
        program.stdin.close()
    program.wait()
    assert test_dropin.is_gone(int(server)) and test_dropin.is_gone(int(tracker))
    for stream in (program.stdin, program.stdout, program.stderr):
        stream.close()
    if killed == "everybody":
        assert all(os.path.exists(shm_path(name)) for name in names)
        next_one = start(servers.Mpmd, "private", environment=dict(TMPDIR=folder))
        next_one.dispatch("dummy")  # it sweeps before it answers
        next_one.stop()
    assert not any(os.path.exists(shm_path(name)) for name in names)
    os.rmdir(folder)
