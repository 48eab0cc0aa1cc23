"""make bench: mpmd beside a server of canned replies (the limit) and CPython's own manager server.

Only ratios within one run mean anything: the peers take turns, some hundredths of a second each, and in each round
the ratios are taken; the table shows the median over the rounds. Everything happens on sockets in a private
directory; what was started is ended by its pid. doc/performance.md tells how to read the result.
"""
import argparse
import glob
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from clients import clients
from drop_in import STEPS as PROCESSES, drop_in
from scenarios import GROWING, HANDSHAKE, MILLION, SCENARIOS, growth

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = "benchmark"
STEPS = (1, 8, 50, 1000)


def newest_python(named=None):
    """(version, path) of this CPython, or the newest one found: MPMD_PYTHONS, PATH, pyenv."""
    names = [named] if named else os.environ.get("MPMD_PYTHONS", "").split(":") + [sys.executable]
    if not named:
        names += [shutil.which("python3.%d" % minor) for minor in range(8, 16)]
        names += glob.glob(os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions/3*/bin/python"))
    found = set()
    for name in filter(None, names):
        probe = "import platform, sys; print(platform.python_implementation(), *sys.version_info[:3])"
        try:
            out = subprocess.run([name, "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
        words = out.decode().split()
        if words[:1] == ["CPython"]:
            found.add((tuple(int(w) for w in words[1:]), name))
    if not found:
        sys.exit("no CPython: %s" % (named or "see MPMD_PYTHONS"))
    return max(found)


class Server(object):
    """A running peer. The address is what it wrote when it was ready."""

    def __init__(self, name, command, **more):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, **more)
        self.address = self.process.stdout.readline().decode().strip()
        if not self.address:
            sys.exit("%s did not start: %s" % (name, " ".join(command)))

    def resident(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024

    def threads(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"Threads:\s+(\d+)", f.read()).group(1))

    def settle(self):
        """Waits until the threads of closed connections are gone: they would run in somebody else's turn."""
        end = time.monotonic() + 30
        while self.threads() > 8 and time.monotonic() < end:
            time.sleep(0.005)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()


class Bench(object):
    def __init__(self, options):
        self.options = options
        self.dir = tempfile.mkdtemp(prefix="mpmd-bench-")
        self.servers = []
        self.secret = KEY
        self.key = os.path.join(self.dir, "key")
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(KEY)

    def built(self, name):
        path = os.path.join(self.options.build, name)
        if not os.path.exists(path):
            sys.exit("%s is missing: run make bench in the build directory" % path)
        return path

    def path(self, name):
        return os.path.join(self.dir, name)

    # --- peers

    def start(self, name, command, **more):
        server = Server(name, command, **more)
        self.servers.append(server)
        return server

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def mpmd_command(self, address):
        return [self.built("mpmd"), "--listen", address, "--authkey-file", self.key, "--log-level", "error"]

    def start_mpmd(self, address=None):
        return self.start("mpmd", self.mpmd_command(address or self.path("mpmd.sock")))

    def start_python(self):
        self.python_version, python = newest_python(self.options.python)
        if os.path.exists(self.path("python.sock")):
            os.unlink(self.path("python.sock"))  # SIGTERM leaves it behind
        return self.start("CPython", [python, os.path.join(HERE, "stock.py"), self.path("python.sock"), KEY],
                          stderr=subprocess.DEVNULL)

    def start_canned(self, scenario, address=None):
        return self.start("canned", [self.built("bench/canned"), "--listen", address or self.path("canned.sock"),
                                     "--replies", self.path(scenario.name + ".replies")]
                          + ["--one-shot"] * scenario.one_shot + ["--copies"] * scenario.copies
                          + ["--roles", str(scenario.roles)])

    # --- load

    def load_command(self, server, scenario, connections, more):
        file = self.path(scenario.name)
        if not os.path.exists(file):
            with open(file, "wb") as f:
                f.write(scenario.bytes())
        return ([self.built("bench/load"), "--address", server.address, "--key", KEY, "--requests", file,
                 "--connections", str(connections)] + scenario.flags() + ["--canned"] * (server.name == "canned") + more)

    def load(self, server, scenario, connections, operations, more=()):
        command = self.load_command(server, scenario, connections, ["--operations", str(operations)] + list(more))
        if server.name != "CPython":  # which works in many threads
            command += ["--pid", str(server.process.pid)]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        if run.returncode != 0:
            raise RuntimeError("%s, %s, %d connections: %s" % (server.name, scenario.name, connections,
                                                               run.stderr.decode(errors="replace").strip()[:400]))
        result = {k: float(v) for k, v in (pair.split("=") for pair in run.stdout.decode().split())}
        if server.name == "CPython":
            server.settle()
        return result

    def calibrate(self, server, scenario, connections):
        """How many operations take about the time of a turn."""
        operations = max(20, connections)
        while True:
            result = self.load(server, scenario, connections, operations)
            if result["seconds"] > self.options.seconds / 4 or operations > 200000:
                return max(connections, int(operations * self.options.seconds / result["seconds"]))
            operations *= 4

    def row(self, scenario, connections, peers):
        operations, failed, rounds = {}, {}, []
        for peer in peers:
            try:
                operations[peer.name] = self.calibrate(peer, scenario, connections)
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                failed[peer.name] = str(e)
        if "mpmd" in failed or "canned" in failed:
            raise RuntimeError(str(failed))
        # Setting up a thousand connections takes longer than using them.
        for n in range(self.options.rounds if connections < 500 else max(1, self.options.rounds // 3)):
            order = [p for p in peers if p.name in operations]
            if n % 2:
                order.reverse()
            rounds.append({p.name: self.load(p, scenario, connections, operations[p.name]) for p in order})
        return rounds, failed


def median(rounds, key):
    return statistics.median(key(r) for r in rounds)


def rate(name):
    return lambda r: r[name]["per_second"]


def cpu(name):
    return lambda r: r[name]["cpu_us"]


def ratio(name, other):
    return lambda r: r[name]["per_second"] / r[other]["per_second"]


def speed(bench):
    mpmd, python = bench.start_mpmd(), bench.start_python()
    print("CPython %d.%d.%d; %d rounds of %.2f s; medians; CPU: the server's, in us for one operation" % (
        bench.python_version + (bench.options.rounds, bench.options.seconds)))
    print("%-38s %5s %8s %8s %9s %6s %8s %6s %6s %6s %8s" % (
        "", "conns", "mpmd/s", "limit/s", "CPython/s", "/limit", "/CPython", "CPU", "limit", "ratio", "p99 ms"))
    for scenario in SCENARIOS + [HANDSHAKE]:
        if bench.options.only and scenario.name not in bench.options.only.split(","):
            continue
        try:
            bench.load(mpmd, scenario, scenario.roles, 2 * scenario.roles,
                       ["--save-replies", bench.path(scenario.name + ".replies")])
        except RuntimeError as e:
            print("no figure for %s" % e)
            continue
        canned = bench.start_canned(scenario)
        for connections in scenario.connections or bench.options.connections:
            rounds, failed = bench.row(scenario, connections, [mpmd, canned] + ([] if bench.options.no_python else [python]))
            has_python = "CPython" in rounds[0]
            print("%-38s %5d %8.0f %8.0f %9s %6.2f %8s %6.1f %6.1f %6.2f %8.2f" % (
                scenario.text, connections, median(rounds, rate("mpmd")), median(rounds, rate("canned")),
                "%.0f" % median(rounds, rate("CPython")) if has_python else "-",
                median(rounds, ratio("mpmd", "canned")),
                "%.1f" % median(rounds, ratio("mpmd", "CPython")) if has_python else "-",
                median(rounds, cpu("mpmd")), median(rounds, cpu("canned")),
                median(rounds, lambda r: r["canned"]["cpu_us"] / r["mpmd"]["cpu_us"]),
                median(rounds, lambda r: r["mpmd"]["p99_us"]) / 1e3), flush=True)
            for reason in failed.values():
                print("    no figure for " + reason)
        bench.stop(canned)
    bench.stop(mpmd)
    bench.stop(python)


def held(bench, server, scenario, connections, how):
    """Bytes of resident memory that each connection adds while it is held."""
    before = server.resident()
    command = bench.load_command(server, scenario, connections, ["--hold", how])
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if load.stdout.readline().strip() != b"held":
            raise RuntimeError("the load program did not hold its connections")
        return (server.resident() - before) / connections
    finally:
        load.stdin.close()
        load.stdout.close()
        load.wait()


def memory(bench):
    by_name = {s.name: s for s in SCENARIOS}
    n = 1000 if bench.options.quick else 10000
    for how, scenario, connections in (("idle", by_name["is_set"], n), ("parked", by_name["shared-lock"], 1000)):
        # A fresh server each time: what an earlier one has grown to would hide what a connection takes.
        mpmd = bench.start_mpmd(bench.path("memory-%s.sock" % how))
        print("memory, %5d %s connections: %.0f bytes each" % (connections, how, held(bench, mpmd, scenario, connections, how)))
        bench.stop(mpmd)
    for scenario in [] if bench.options.quick else MILLION:
        mpmd = bench.start_mpmd(bench.path("%s.sock" % scenario.name))
        took = held(bench, mpmd, scenario, 1, "idle") / 1e6
        bench.stop(mpmd)
        python = bench.start_python()
        theirs = held(bench, python, scenario, 1, "idle") / 1e6
        bench.stop(python)
        print("memory, %s: %.1f MB; CPython: %.1f MB; %.0f %%" % (scenario.text, took, theirs, 100 * took / theirs))
    if not bench.options.no_python:
        python = bench.start_python()
        print("memory,  1000 idle connections of CPython: %.0f bytes each" % held(bench, python, by_name["is_set"], 1000, "idle"))
        bench.stop(python)


def startup(bench):
    out = subprocess.run([bench.built("bench/startup"), "5" if bench.options.quick else "50"]
                         + bench.mpmd_command(bench.path("startup.sock")), stdout=subprocess.PIPE, check=True).stdout
    print("exec to ready: " + out.decode().strip())


def tcp(bench):
    mpmd = bench.start_mpmd("127.0.0.1:0")
    bench.load(mpmd, HANDSHAKE, 1, 2, ["--save-replies", bench.path(HANDSHAKE.name + ".replies")])
    canned = bench.start_canned(HANDSHAKE, "127.0.0.1:0")
    rounds = [{p.name: bench.load(p, HANDSHAKE, 1, 200) for p in (mpmd, canned)} for _ in range(bench.options.rounds)]
    print("TCP, connect and handshake and one request: p50 %.0f us, p99 %.0f us; limit: p50 %.0f us" % (
        median(rounds, lambda r: r["mpmd"]["p50_us"]), median(rounds, lambda r: r["mpmd"]["p99_us"]),
        median(rounds, lambda r: r["canned"]["p50_us"])))
    bench.stop(canned)
    bench.stop(mpmd)


def instructions(bench, scenario):
    """What one operation takes, by callgrind: the difference between few and many."""
    totals = []
    out = bench.path("callgrind")
    for operations in (100, 300):
        program = os.path.join(bench.options.build, ".libs", "mpmd")
        command = bench.mpmd_command(bench.path("growth.sock"))
        server = bench.start("mpmd", ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out]
                             + ([program] if os.path.exists(program) else command[:1]) + command[1:], stderr=subprocess.DEVNULL)
        bench.load(server, scenario, 1, operations)
        bench.stop(server)
        with open(out) as f:
            totals += [int(line.split()[1]) for line in f if line.startswith("totals:")]
        for path in (bench.path(scenario.name), out):
            os.unlink(path)
    return (totals[1] - totals[0]) / 200


def client(bench):
    clients(bench, *((None, None) if bench.options.no_python else newest_python(bench.options.python)[::-1]))


def python(bench):
    if not bench.options.no_python:
        drop_in(bench, *newest_python(bench.options.python))


def growth_rates(bench):
    """No operation may grow faster with its object than CPython's: O(1), or O(n) where that is so there."""
    if shutil.which("valgrind") is None:
        print("growth: valgrind is missing")
        return
    n = 3000
    for typeid in bench.options.only.split(",") if bench.options.only else GROWING:
        for (text, small, linear), (_, large, _) in zip(growth(typeid, n), growth(typeid, 10 * n)):
            try:
                few, many = instructions(bench, small), instructions(bench, large)
            except RuntimeError as e:
                print("no figure for %s: %s" % (typeid, str(e)[:200]))
                break
            print("growth, %-36s %10.0f instructions for %d, %10.0f for %d: %5.2f times%s" % (
                typeid + ": " + text, few, n, many, 10 * n, many / few,
                "" if many / few < (12 if linear else 1.5) else "  MORE THAN CPYTHON'S"), flush=True)


PARTS = {"speed": speed, "memory": memory, "startup": startup, "tcp": tcp, "client": client, "python": python,
         "growth": growth_rates}


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=".", help="the build directory")
    parser.add_argument("--quick", action="store_true", help="a minute, for a first look: one short round")
    parser.add_argument("--rounds", type=int, help="how often the peers take turns (default 15)")
    parser.add_argument("--seconds", type=float, help="of one turn (default 0.06)")
    parser.add_argument("--connections", type=numbers, help="default 1,8,50,1000")
    parser.add_argument("--only", metavar="SCENARIO,...", help=", ".join(s.name for s in SCENARIOS + [HANDSHAKE]))
    parser.add_argument("--parts", default="speed,memory,startup,tcp,client,python", help="default: %(default)s; others: growth")
    parser.add_argument("--no-python", action="store_true", help="leave CPython out")
    parser.add_argument("--python", metavar="PATH", help="the CPython to compare with (default: the newest found)")
    parser.add_argument("--processes", type=numbers, default=PROCESSES, help="of the part python: default 1,4,16")
    parser.add_argument("--picture", metavar="FILE", help="of the part python (default: python.svg in the build directory)")
    parser.add_argument("--best", action="store_true", help="the picture has the ratios of the best turns: for a busy machine")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 15)
    options.seconds = options.seconds or 0.06
    options.connections = options.connections or ((1, 50) if options.quick else STEPS)
    bench = Bench(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so end what was started
    try:
        print("%s, %d CPUs, load %.1f" % (platform.platform(), os.cpu_count(), os.getloadavg()[0]))
        for part in options.parts.split(","):
            PARTS[part](bench)
    finally:
        for server in bench.servers:
            server.stop()
        shutil.rmtree(bench.dir)


if __name__ == "__main__":
    main()
