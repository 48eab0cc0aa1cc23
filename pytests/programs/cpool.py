# Runs under each CPython 3.6+: an executor with C workers. Prints one line per thing that is so.
# cpool.py --address A --authkey-file F --worker PROGRAM --package FOLDER
import argparse
import concurrent.futures
import os
import random
import signal
import subprocess
import sys
import threading

parser = argparse.ArgumentParser()
for name in ("--address", "--authkey-file", "--worker", "--package", "--part"):
    parser.add_argument(name)
parser.add_argument("--argument", action="append", default=[], help="of the worker program")
options = parser.parse_args()
sys.path.insert(0, options.package)

from multiprocessing import process                             # noqa: E402
from multiprocessing.managers import BaseManager, SyncManager   # noqa: E402

from mpmd.cpool import BrokenExecutor, CPoolExecutor            # noqa: E402

with open(options.authkey_file, "rb") as f:
    key = f.read()
process.current_process().authkey = key


def executor(workers=2, **more):
    one = CPoolExecutor(address=options.address, authkey=key, **more)
    if workers:
        one.start([options.worker] + options.argument, workers=workers)
    return one


def failure(future):
    error = future.exception()
    return "%s: %s" % (type(error).__name__, error)


def manager():
    m = SyncManager(address=(lambda a: a if a.startswith("/") else (a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])))(
        options.address), authkey=key)
    m.connect()
    return m


def work():
    with executor() as e:
        futures = [e.submit("add", i, i, more=1) for i in range(300)]
        assert [f.result() for f in futures] == [2 * i + 1 for i in range(300)]
        print("300 jobs, each its own result")
        assert list(e.map("add", range(50), range(50))) == [2 * i for i in range(50)]
        print("map keeps the order")
        assert e.submit("echo", None, "text", b"bytes", [1.5, {"k": (1, 2)}], self=1, name=2).result() == (
            None, "text", b"bytes", [1.5, {"k": (1, 2)}], {"self": 1, "name": 2})
        print("values come back as they went")
        big = b"x" * 5000000
        assert e.submit("echo", big).result()[0] == big
        for name, args in (("fail", ("builtins.ValueError", "no")), ("fail", ("queue.Empty", "none left")),
                           ("fail", ("OSError", "os")), ("nobody", ()), ("add", ("x",)), ("fail", ())):
            print(failure(e.submit(name, *args)))
        print(failure(e.submit("echo", threading.Lock())).split(":")[0])    # cannot be pickled
        assert e.submit("add", 1).result() == 1
    try:
        e.submit("add", 1)
    except RuntimeError as error:
        print(error)


def cancel():
    m = manager()
    started, go = m.Queue(), m.Queue()
    e = executor(workers=1, max_in_flight=1)
    first = e.submit("meet", started, go)
    second = e.submit("add", 1)
    third = e.submit("add", 2)
    started.get()
    print("running %s, cancelled %s %s" % (first.running(), first.cancel(), second.cancel()))
    go.put("went")
    print(first.result(), second.cancelled(), third.result())
    first, second = e.submit("meet", started, go), e.submit("add", 1)
    started.get()
    go.put("went")
    e.shutdown(cancel_futures=True)
    print(first.result(), second.cancelled() or second.result() == 1)


def kill():
    """A worker is killed in the middle of its job; then the parent of all."""
    m = manager()
    started, go = m.Queue(), m.Queue()
    e = executor(workers=2)
    futures = [e.submit("meet", started, go) for _ in range(4)]
    os.kill(started.get(), signal.SIGKILL)
    if e.leases:
        for _ in range(4):                  # the first one again
            started.get()
            go.put("went")
        print([f.result() for f in futures])
        again = [e.submit("meet", started, go) for _ in range(2)]
        pids = [started.get(), started.get()]
        e._programs[0].process.kill()
        for _ in range(2):
            assert started.get() not in pids
            go.put("went")
        print([f.result() for f in again])
        print(failure(e.submit("meet", started, go, always=True)))
        assert e.submit("add", 1).result() == 1
        assert [started.get() for _ in range(3)] and started.empty()
    else:
        for _ in range(4):                  # the dead one's thread in the server takes one, too
            go.put("went")
        results = sorted(failure(f) if f.exception() else f.result() for f in futures)
        print(results)
        assert e.submit("add", 1).result() == 1
    e.shutdown()


def storm():
    """Workers are killed at random while they work; whenever some results have come, another one."""
    rng, killed = random.Random(1), []
    e = executor(workers=3)

    def kill_one(future):
        parent = e._programs[0].process.pid
        with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
            children = f.read().split()
        if children:
            killed.append(int(rng.choice(children)))
            try:
                os.kill(killed[-1], signal.SIGKILL)
            except OSError:                 # it is gone already
                pass

    futures = []
    for i in range(1000):
        futures.append(e.submit("add", i, 1))
        if i % 50 == 0:
            futures[-1].add_done_callback(kill_one)
    assert [f.result() for f in futures] == [i + 1 for i in range(1000)]
    assert len(killed) > 5
    e.shutdown()
    print("1000 results, each once")


def full():
    """Workers that are stopped while nobody reads the results; then others who find room."""
    def start():
        r, w = os.pipe()
        os.write(w, key)
        os.close(w)
        environment = dict(os.environ, MPMD_WORKER_ADDRESS=options.address, MPMD_WORKER_AUTHKEY_FD=str(r),
                           MPMD_WORKER_JOBS="%s:%s" % (jobs._token.typeid, jobs._token.id),
                           MPMD_WORKER_RESULTS="%s:%s" % (results._token.typeid, results._token.id))
        program = subprocess.Popen([options.worker] + options.argument, env=environment, pass_fds=[r])
        os.close(r)
        return program

    m = manager()
    started, go, jobs, results = m.Queue(), m.Queue(), m.JoinableQueue(), m.Queue(1)
    results.put("full")
    jobs.put((1, "meet", (started, go), {}))
    program = start()
    started.get()
    program.terminate()
    go.put("went")
    print("ended with %d, %d job, %d result: %r" % (program.wait(), jobs.qsize(), results.qsize(), results.get()))
    program = start()
    started.get()
    go.put("went")
    print(results.get())
    jobs.join()
    jobs.put(None)
    print("ended with %d, nothing left: %s" % (program.wait(), results.empty() and jobs.empty()))


def broken():
    e = executor(workers=1)
    assert e.submit("add", 1).result() == 1
    e._jobs.put(None)                       # the only worker ends
    watch = e._programs[0].thread
    watch.join()
    try:
        print(failure(e.submit("add", 1)))
    except BrokenExecutor as error:
        print("broken: %s" % error)
    e.shutdown()
    e = CPoolExecutor(address=options.address, authkey=key)
    e.start(["/bin/false"])
    futures = []
    try:
        futures = [e.submit("add", 1)]
    except BrokenExecutor:
        pass
    assert all(isinstance(f.exception(), BrokenExecutor) for f in futures)
    e.shutdown()
    try:
        CPoolExecutor(address=options.address, authkey=key).start(["/nowhere/at/all"])
    except OSError as error:
        print(type(error).__name__)


def strangers():
    """What is no answer to a job of the executor, and a fork of its process."""
    e = executor(workers=1)
    first = e.submit("add", 1)
    assert first.result() == 1
    for item in ("text", (1, 2), ([], True, None), ("nobody's", True, None), (None, False, "x", 4)):
        e._results.put(item)
    pid = os.fork()
    if pid == 0:
        try:
            e.shutdown()
            e.submit("add", 1)
        except RuntimeError as error:
            os._exit("process that made it" not in str(error))
        os._exit(2)
    print("fork %d" % os.waitpid(pid, 0)[1])
    print(e.submit("add", 1, 2).result())
    e.shutdown()


def server_gone():
    """The test kills the server when it has read the line."""
    m = manager()
    started, go = m.Queue(), m.Queue()
    e = executor(workers=2)
    futures = [e.submit("meet", started, go) for _ in range(5)]
    program = e._programs[0].process
    pids = [started.get(), started.get()]
    print("kill the server")
    sys.stdout.flush()
    for future in futures:
        assert isinstance(future.exception(), BrokenExecutor), future
    print("is gone" in str(futures[0].exception()))
    e.shutdown()
    program.wait()
    for pid in pids:
        try:
            while True:
                os.kill(pid, 0)             # the parent's children, which the first process of the system reaps
                with open("/proc/%d/stat" % pid) as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                        break
        except OSError:
            pass
    print("nobody is left")


globals()[options.part]()
