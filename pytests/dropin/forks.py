"""Processes and threads that a manager meets: each case prints what is the same with stock managers and with mpmd's.

forks.py CASE. A function case_NAME is a case. Those that stock managers fail print the same each time.
"""
import atexit
import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import traceback

fork = multiprocessing.get_context("fork")


def said(f, *args):
    """What came of a call, or which exception."""
    try:
        return f(*args)
    except Exception as e:
        return type(e).__name__


def in_child(f, *args):
    """Calls it in a child by os.fork(); returns what it returned, as text, and the exit code."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            text = repr(said(f, *args))
            sys.stdout.flush()
            os.write(writer, text.encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as f:
        text = f.read().decode()
    os.waitpid(pid, 0)
    return text


def by_process(f, *args):
    child = fork.Process(target=f, args=args)
    child.start()
    child.join()
    return child.exitcode


def fds():
    return len(os.listdir("/proc/self/fd"))


# --- children ---------------------------------------------------------------------------------------------------------

def make(manager, inherited, results):
    results.append([manager.list([1])[:], manager.dict(a=1).copy(), list(inherited), manager.Event().is_set()])


def drop(holder):
    del holder[:]
    gc.collect()


def deeper(results, n):
    results.append(n)
    if n > 1:
        by_process(deeper, results, n - 1)
    results.append(-n)


def leave(manager):
    with manager:
        raise KeyError("left")


def case_inherited():
    with fork.Manager() as manager:
        results, numbers = manager.list(), manager.list(range(5))
        print(by_process(make, manager, numbers, results), results[:])
        holder = [manager.dict(x=1)]
        print(by_process(drop, holder), in_child(drop, holder), holder[0].copy())
        del results[:]
        print(by_process(deeper, results, 3), results[:])
        print(in_child(manager.shutdown), in_child(leave, manager), numbers[:])
        print(by_process(manager.shutdown), numbers[:], manager._number_of_objects())
        print(in_child(lambda: manager.list([7])[:]))
        print(by_process(sys.exit, 3), by_process(os._exit, 4), numbers[:])
    print(said(manager.dict), said(manager.shutdown), said(numbers.__len__) in (
        "ConnectionRefusedError", "FileNotFoundError", "EOFError", "ConnectionResetError", "BrokenPipeError"))


def call_all(numbers, d, n):
    for i in range(20):
        d[n] = i
        assert d[n] == i and sum(numbers) == 10
    sys.exit(n)


def case_busy():
    """Children are forked while threads of their parent are in the middle of calls."""
    with fork.Manager() as manager:
        numbers, d, ends = manager.list(range(5)), manager.dict(), threading.Event()
        failed = []

        def loop(n):
            try:
                while not ends.is_set():
                    mine = manager.list([n])
                    d[n] = n
                    assert mine[0] == n and d[n] == n and sum(numbers) == 10
            except BaseException as e:
                failed.append(e)
        threads = [threading.Thread(target=loop, args=("thread %d" % i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        children = [fork.Process(target=call_all, args=(numbers, d, n)) for n in range(8)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        ends.set()
        for thread in threads:
            thread.join()
        print([child.exitcode for child in children], failed, sorted(str(key) for key in d.keys()))


def start_one(results=None):
    manager = multiprocessing.Manager()
    numbers = manager.list([1, 2])
    found = numbers[:]
    manager.shutdown()
    if results is not None:
        results.append(found)
    return found


def start_and_leave():
    global kept
    kept = multiprocessing.Manager()
    print(kept.list([3]), flush=True)


def case_started():
    """In a child, in a thread, in a daemon; ended in another thread; twice."""
    print(by_process(start_one), by_process(start_and_leave), in_child(start_one))
    results = []
    thread = threading.Thread(target=start_one, args=(results,))
    thread.start()
    thread.join()
    manager = multiprocessing.Manager()
    thread = threading.Thread(target=manager.shutdown)
    thread.start()
    thread.join()
    manager.shutdown()
    print(results, said(manager.dict), manager._process.is_alive(), multiprocessing.active_children())
    with fork.Pool(1) as pool:
        print(said(pool.apply, start_one))


def case_many():
    before = fds()
    managers = [multiprocessing.Manager() for _ in range(20)]
    print([manager.list([i])[0] for i, manager in enumerate(managers)])
    for manager in managers:
        manager.shutdown()
    del manager, managers
    for _ in range(5):
        start_one()
    print(fds() - before)


def case_lives_on():
    """A child that outlives its parent: the server ends with the parent."""
    manager = fork.Manager()
    numbers = manager.list([1])
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(writer)
        os.read(reader, 1)
        print("child", said(manager.dict) in (
            "ConnectionRefusedError", "FileNotFoundError", "EOFError", "ConnectionResetError"), flush=True)
        os._exit(0)
    os.close(reader)
    print(numbers[:], flush=True)


# --- descriptors ------------------------------------------------------------------------------------------------------

def case_no_standard_streams():
    """Started with 0, 1 and 2 closed by case_streams."""
    with multiprocessing.Manager() as manager:
        numbers = manager.list([1, 2, 3])
        text = "%s %s" % (numbers[:], said(numbers.index, 9))
    with open(sys.argv[2], "w") as f:
        f.write(text)


def case_streams():
    with tempfile.NamedTemporaryFile("r") as f:
        command = [sys.executable] + sys.argv[:1] + ["no_standard_streams", f.name]
        if "mpmd" in sys.modules:
            command[1:1] = ["-m", "mpmd"]
        code = subprocess.call(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] + command)
        print(code, f.read())


def case_pressure():
    """With few descriptors left."""
    multiprocessing.Manager().shutdown()  # all is imported
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before, outcomes = fds(), []
    for n in range(20):
        last = os.open(os.devnull, os.O_RDONLY)
        os.close(last)
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + n, hard))
        try:
            outcomes.append(start_one())
        except OSError as e:
            outcomes.append(e.errno == 24)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(outcomes[0], outcomes[-1], [one for one in outcomes if one not in (True, [1, 2])], fds() - before)
    print(start_one())


def case_closed():
    """All is closed, once more before the exit."""
    manager = multiprocessing.Manager()
    print(manager.list([1])[:], flush=True)
    os.closerange(3, 256)
    other = multiprocessing.Manager()
    manager.shutdown()
    print(other.list([2])[:], flush=True)
    manager = other
    atexit.register(os.closerange, 3, 256)
    print(manager.list([1])[:], flush=True)


def inherited():
    """How many descriptors a program has that is started with all that is inheritable."""
    return subprocess.check_output("ls /proc/self/fd | wc -l", shell=True, close_fds=False)


def case_pipe():
    """A pipe's reader sees its end although a server was started meanwhile; no program has what is the server's."""
    before = inherited()
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    manager = multiprocessing.get_context("spawn").Manager()
    numbers = manager.list([1])
    os.close(writer)
    print(os.read(reader, 1), numbers[:], inherited() == before)
    manager.shutdown()


# --- the end ----------------------------------------------------------------------------------------------------------

class Cycle:
    pass


def case_end():
    """A global manager that nobody shuts down, proxies in cycles, functions that run at the exit; an exception."""
    global kept, again
    kept = multiprocessing.Manager()
    again = Cycle()
    again.me, again.numbers, again.manager = again, kept.list([1]), multiprocessing.Manager()
    again.lock = again.manager.Lock()
    atexit.register(lambda: print("at exit", kept.list([2])[:], again.numbers[:], again.lock.acquire(),
                                  flush=True))


def case_exception():
    case_end()
    raise KeyError("as told")


def case_collected():
    """Managers that are dropped, in children, too."""
    manager = multiprocessing.Manager()
    numbers = manager.list([1])
    print(by_process(drop, [manager, numbers]), in_child(drop, [manager, numbers]))
    holder = [manager]
    pid = os.fork()
    if pid == 0:
        del manager, numbers
        drop(holder)
        os._exit(0)
    print(os.waitpid(pid, 0)[1], numbers[:])
    token = numbers._token
    del manager, numbers
    drop(holder)
    print(os.path.exists(token.address))


def change(d, n):
    for i in range(200):
        d[n] = i
        assert d[n] == i
    return n


def let_go():
    global kept
    kept = None
    gc.collect()


def case_shared():
    """A child by os.fork() while a connection is open; one that lets go of the manager; with stock ones, replies get
    mixed up and the exit of such a child fails."""
    global kept
    kept = multiprocessing.Manager()
    d = kept.dict({0: 0})
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(said(change, d, 1)).encode())
        os._exit(0)
    print(said(change, d, 2), os.read(reader, 100), os.wait()[1])
    if os.fork() == 0:
        sys.exit(5)
    print(os.wait()[1] >> 8)
    print(by_process(let_go), in_child(let_go), d[2])


if __name__ == "__main__":
    globals()["case_" + sys.argv[1]]()
