"""One peer of bench/drop_in.py: a Python program that has its managers from CPython, or from the package mpmd.

Usage: managers.py stock|mpmd|plain calls: reads jobs from standard input, one a line: job, processes, operations, between
tabs; answers each with seconds from the first call to the last, and processor seconds of all processes. The processes
are forked and have their connections before the clock starts; each has an object of its own, unless the job is in
SHARED.

Usage: managers.py stock|mpmd|plain start METHOD MIB: starts one manager with this start method, while the program has so much
in memory, and prints seconds: for Manager(); for the first object with its first call; for shutdown().
"""
import multiprocessing
import multiprocessing.managers  # no part of what is measured, nor is importing mpmd
import os
import sys
import time

N = 1000
KEYS = ["key%03d" % (i * 389 % N) for i in range(N)]
SHARED = ("shared lock",)


def cpu_of(pid):
    """Processor seconds of a process with all its threads: clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def make(manager, job):
    if job == "create":
        return manager
    if job.endswith("lock"):
        return manager.Lock()
    if job == "queue":
        return manager.Queue()
    return manager.list(range(N)) if job == "iterate list" else manager.dict({key: i for i, key in enumerate(KEYS)})


def work(job, target, n):
    if job == "create":
        for _ in range(n):
            target.dict()  # and dropped at once
    elif job.endswith("lock"):
        for _ in range(n):
            target.acquire()
            target.release()
    elif job == "get":
        for i in range(n):
            target[KEYS[i % N]]
    elif job == "set":
        for i in range(n):
            target[KEYS[i % N]] = i
    elif job == "queue":
        for i in range(n):
            target.put(i)
            target.get()
    else:
        for _ in range(n):
            for _ in target:
                pass


def child(job, target, n, ready, go, done):
    kept = target.Lock() if job == "create" else target  # with its last proxy a process loses its connection, too
    work(job, target, 1 if job.startswith("iterate") else 20)  # and all its memory is its own
    os.write(ready, b".")
    os.read(go, 1)  # until the parent closes it
    cpu = time.process_time()
    work(job, target, n)
    os.write(done, b"%-20.9f" % (time.process_time() - cpu))
    del kept


class Peer:
    def __init__(self, manager):
        self.manager = manager
        self.targets = {}

    def call(self, job, processes, n):
        targets = self.targets.setdefault(job, [])
        while len(targets) < (1 if job in SHARED else processes):
            targets.append(make(self.manager, job))
        ready, go, done = os.pipe(), os.pipe(), os.pipe()
        pids = []
        for i in range(processes):
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(go[1])
                    child(job, targets[i % len(targets)], n, ready[1], go[0], done[1])
                    os._exit(0)
                finally:
                    os._exit(1)
            pids.append(pid)
        for fd in (ready[1], go[0], done[1]):
            os.close(fd)
        read_all(ready[0], processes)
        server = self.manager._process.pid
        cpu = cpu_of(server)
        began = time.perf_counter()
        os.close(go[1])
        told = read_all(done[0], 20 * processes)
        seconds = time.perf_counter() - began
        cpu = cpu_of(server) - cpu + sum(float(told[i:i + 20]) for i in range(0, len(told), 20))
        for fd in (ready[0], done[0]):
            os.close(fd)
        for pid in pids:
            os.waitpid(pid, 0)
        return seconds, cpu


def read_all(fd, n):
    told = b""
    while len(told) < n:
        some = os.read(fd, n - len(told))
        if not some:
            raise RuntimeError("a process failed")
        told += some
    return told


def start_up(start, method, mebibytes):
    held = [b"x" * 4096 for _ in range(mebibytes * 256)]
    times = [time.perf_counter()]
    manager = start(ctx=multiprocessing.get_context(method))
    times.append(time.perf_counter())
    manager.dict()["key"] = 1
    times.append(time.perf_counter())
    manager.shutdown()
    times.append(time.perf_counter())
    del held
    return [b - a for a, b in zip(times, times[1:])]


def main():
    kind, what = sys.argv[1:3]
    if kind == "stock":
        def start(ctx):
            return ctx.Manager()
    else:
        import mpmd

        def start(ctx):
            return mpmd.Manager(ctx=ctx, plain=kind == "plain")
    if what == "start":
        print(*["%.9f" % x for x in start_up(start, sys.argv[3], int(sys.argv[4]))])
        return
    peer = Peer(start(ctx=multiprocessing.get_context("fork")))
    print("ready", flush=True)
    for line in sys.stdin:
        job, processes, n = line.rstrip("\n").split("\t")
        print(*["%.9f" % x for x in peer.call(job, int(processes), int(n))], flush=True)
    peer.manager.shutdown()


if __name__ == "__main__":
    main()
