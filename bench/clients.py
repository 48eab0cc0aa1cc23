"""libmpmd beside a client that knows nothing but frames, beside CPython's proxies, and beside hiredis with Redis.

The bare frames are those that libmpmd and mpmd exchanged for one operation: recorded here, on their way through a
relay, and then written by bench/client's job "bare" and answered by bench/canned, which do no more than that.
"""
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import threading
import time

WORKERS = 8
TOKEN = "%s:aaaaaaaaaaaa"  # an object that bench/canned need not have; as long as mpmd's own are


def frames(stream):
    at = 0
    while at < len(stream):
        size = 4 + int.from_bytes(stream[at:at + 4], "big")
        yield stream[at:at + size]
        at += size


class Relay(threading.Thread):
    """Passes on what comes in at a socket, and keeps a copy for each connection: (what went up, what came down)."""

    def __init__(self, path, target):
        super().__init__(daemon=True)
        self.target, self.copies = target, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.start()

    def run(self):
        ways = selectors.DefaultSelector()
        ways.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in ways.select():
                if key.fileobj is self.listener:
                    try:
                        near = self.listener.accept()[0]
                    except OSError:
                        return
                    far = socket.socket(socket.AF_UNIX)
                    far.connect(self.target)
                    self.copies.append((bytearray(), bytearray()))
                    ways.register(near, selectors.EVENT_READ, (far, self.copies[-1][0]))
                    ways.register(far, selectors.EVENT_READ, (near, self.copies[-1][1]))
                    continue
                other, copy = key.data
                some = key.fileobj.recv(65536)
                if some:
                    copy += some
                    other.sendall(some)
                else:
                    ways.unregister(key.fileobj)
                    other.shutdown(socket.SHUT_WR)

    def calls(self):
        """(requests, replies) of the connection for calls, behind the handshake."""
        for up, down in self.copies:
            if b"accept_connection" in up:
                return list(frames(up))[3:], list(frames(down))[3:]


class Peer(object):
    """A client program at one job. name: in the table."""

    def __init__(self, name, command):
        self.name, self.command, self.operations = name, command, 0

    def turn(self, operations):
        run = subprocess.run([w.replace("OPERATIONS", str(operations)) for w in self.command], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=600)
        if run.returncode != 0:
            raise RuntimeError("%s: %s" % (self.name, run.stderr.decode(errors="replace").strip()[-400:]))
        return {k: float(v) for k, v in (pair.split("=") for pair in run.stdout.decode().split())}

    def calibrate(self, seconds):
        operations = 64
        while True:
            result = self.turn(operations)
            if result["seconds"] > seconds / 4 or operations > 1000000:
                self.operations = max(64, int(operations * seconds / result["seconds"]))
                return
            operations *= 4


class Clients(object):
    def __init__(self, bench, python):
        self.bench, self.python = bench, python
        self.mpmd = bench.start_mpmd(bench.path("clients.sock"))
        self.redis = self.start_redis()

    def stop(self):
        self.bench.stop(self.mpmd)
        if self.redis is not None:
            self.redis.terminate()
            self.redis.wait()

    def start_redis(self):
        """The server, or None and why."""
        program = shutil.which("redis-server")
        built = os.path.exists(os.path.join(self.bench.options.build, "bench/redis"))
        missing = ["redis-server"] * (program is None) + ["bench/redis (built where hiredis is)"] * (not built)
        if missing:
            print("without Redis: %s is missing" % " and ".join(missing))
            return None
        path = self.bench.path("redis.sock")
        redis = subprocess.Popen([program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
                                  "--dir", self.bench.dir], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        while redis.poll() is None and not os.path.exists(path):
            time.sleep(0.005)
        if redis.poll() is not None:
            print("without Redis: redis-server ended with %d" % redis.returncode)
            return None
        return redis

    # --- peers

    def libmpmd(self, name, job, more=(), server=None, address=None):
        server = server or self.mpmd
        return Peer(name, [self.bench.built("bench/client"), "--address", address or server.address, "--key",
                           self.bench.secret, "--pid", str(server.process.pid), "--job", job, "--operations",
                           "OPERATIONS"] + list(more))

    def record(self, job):
        """A file of the frames of one operation, and the server that answers so."""
        path = self.bench.path("relay-%s.sock" % job)
        relay = Relay(path, self.mpmd.address)
        self.libmpmd("libmpmd", job, address=path).turn(1)
        requests, replies = relay.calls()
        relay.listener.close()
        n = 2 if job == "list" else 1
        names = [self.bench.path(job + "." + kind) for kind in ("requests", "replies")]
        for name, kept in zip(names, (requests, replies)):
            with open(name, "wb") as f:
                f.write(kept[0] + b"".join(kept[-n:]))
        return names[0], self.bench.start("canned", [self.bench.built("bench/canned"), "--listen", self.bench.path(
            "canned-%s.sock" % job), "--replies", names[1], "--key", self.bench.secret])

    def compare(self, peers):
        """The rounds: name -> result, of peers that take turns."""
        for peer in peers:
            peer.calibrate(self.bench.options.seconds)
        rounds = []
        for n in range(self.bench.options.rounds):
            rounds.append({p.name: p.turn(p.operations) for p in (peers if n % 2 == 0 else peers[::-1])})
        return rounds

    # --- tables

    def frames(self):
        print("%-22s %8s %8s %8s %6s %6s %6s | %6s %6s %6s %6s %6s %6s" % (
            "one connection", "mpmd/s", "echo/s", "bare/s", "client", "server", "whole",
            "libmpm", "bare", "mpmd", "echo", "client", "whole"))
        for job, text in JOBS:
            requests, canned = self.record(job)
            token = TOKEN % ("list" if job == "list" else "dict")
            rounds = self.compare([
                self.libmpmd("mpmd", job), self.libmpmd("echo", job, ["--token", token], canned),
                self.libmpmd("bare", "bare", ["--requests", requests], canned)])
            self.bench.stop(canned)
            print("%-22s %8.0f %8.0f %8.0f %6.2f %6.2f %6.2f | %6.2f %6.2f %6.2f %6.2f %6.2f %6.2f" % (
                (text,) + tuple(middle(rounds, rate(n)) for n in ("mpmd", "echo", "bare"))
                + tuple(middle(rounds, ratio(*p)) for p in (("bare", "echo"), ("echo", "mpmd"), ("bare", "mpmd")))
                + (middle(rounds, cpu("echo")), middle(rounds, cpu("bare")), middle(rounds, server("mpmd")),
                   middle(rounds, server("bare")), middle(rounds, work("echo", "bare")),
                   middle(rounds, work("mpmd", "bare")))), flush=True)

    def started(self):
        print("%-22s %9s %9s %7s" % ("64 calls under way", "started/s", "one/s", "times"))
        for job, text in JOBS[:2]:
            rounds = self.compare([self.libmpmd("many", job + "-started"), self.libmpmd("one", job)])
            print("%-22s %9.0f %9.0f %7.1f" % (
                text, middle(rounds, rate("many")), middle(rounds, rate("one")), middle(rounds, ratio("many", "one"))),
                flush=True)

    def workers(self):
        print("%-22s %9s %9s %7s" % ("%d threads" % WORKERS, "shared/s", "own/s", "part"))
        threads = ["--threads", str(WORKERS)]
        rounds = self.compare([self.libmpmd("shared", "workers", threads + ["--shared"]),
                               self.libmpmd("own", "workers", threads)])
        print("%-22s %9.0f %9.0f %7.2f" % (
            "Queue and Lock", middle(rounds, rate("shared")), middle(rounds, rate("own")),
            middle(rounds, ratio("shared", "own"))), flush=True)

    def others(self):
        if self.redis is None and self.python is None:
            return
        print("%-22s %9s %9s %9s %8s %8s" % (
            "other clients", "libmpmd/s", "CPython/s", "hiredis/s", "/CPython", "/hiredis"))
        here = os.path.dirname(os.path.abspath(__file__))
        for job, text in JOBS:
            peers = [self.libmpmd("libmpmd", job)]
            if self.python is not None:
                peers.append(Peer("CPython", [self.python, os.path.join(here, "proxies.py"), self.mpmd.address,
                                              self.bench.secret, job, "OPERATIONS"]))
            if self.redis is not None:
                peers.append(Peer("hiredis", [self.bench.built("bench/redis"), self.bench.path("redis.sock"),
                                              str(self.redis.pid), job,
                                              "OPERATIONS"]))
            rounds = self.compare(peers)
            line = ["%9.0f" % middle(rounds, rate(n)) if n in rounds[0] else "%9s" % "-"
                    for n in ("libmpmd", "CPython", "hiredis")]
            line += ["%8.2f" % middle(rounds, ratio("libmpmd", n)) if n in rounds[0] else "%8s" % "-"
                     for n in ("CPython", "hiredis")]
            print("%-22s %s" % (text, " ".join(line)), flush=True)


JOBS = (("get", "dict: get"), ("set", "dict: set"), ("list", "list: append and pop"))


def middle(rounds, key):
    return statistics.median(key(r) for r in rounds)


def rate(name):
    return lambda r: r[name]["per_second"]


def cpu(name):
    return lambda r: r[name]["cpu_us"]


def server(name):
    return lambda r: r[name]["server_us"]


def work(name, other):
    """Processor time of both processes, as a ratio."""
    return lambda r: ((r[name]["cpu_us"] + r[name]["server_us"]) / (r[other]["cpu_us"] + r[other]["server_us"]))


def ratio(name, other):
    return lambda r: r[name]["per_second"] / r[other]["per_second"]


def clients(bench, python, version):
    print("clients; %d rounds of %.2f s; medians; right of the line: processor time in us for one operation%s" % (
        bench.options.rounds, bench.options.seconds, "; CPython %d.%d.%d" % version if python is not None else ""))
    them = Clients(bench, python)
    try:
        for table in (them.frames, them.started, them.workers, them.others):
            table()
    finally:
        them.stop()
