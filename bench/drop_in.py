"""Python programs with managers of CPython's beside the same with managers of the package mpmd; table and picture.

Both peers (bench/managers.py) run in the same interpreter and take turns; ratios are taken in each round, and the
median over the rounds is shown; and beside it the ratio of the best turns of both, which on a busy machine are those
that nobody disturbed. Each process is a closed loop with one call under way, as a Pool's workers are.
"""
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(HERE), "compat", "python")
METHODS = [("fork", "fork", 0), ("fork, 200 MiB", "fork", 200), ("forkserver", "forkserver", 0), ("spawn", "spawn", 0)]
STEPS = (1, 4, 16)
START_AIM, ONE_AIM, SIXTEEN_AIM, ITERATE_AIM = 5, 1.5, 4, 50
JOBS = [  # the job of bench/managers.py; what the table and the picture say
    ("create", "make an object, drop it"), ("lock", "Lock: acquire and release"),
    ("shared lock", "the same, one Lock for all"), ("get", "dict: get an item"), ("set", "dict: set an item"),
    ("queue", "Queue: put and get"), ("iterate dict", "dict: loop over 1,000"), ("iterate list", "list: loop over 1,000"),
]


def aim(job, processes):
    if job.startswith("iterate"):
        return ITERATE_AIM
    return {1: ONE_AIM, 16: SIXTEEN_AIM}.get(processes)


class Peer(object):
    """A running bench/managers.py."""

    def __init__(self, bench, python, kind):
        self.kind = kind
        self.process = subprocess.Popen([python, os.path.join(HERE, "managers.py"), kind, "calls"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
                                        env=environment(bench))
        if self.process.stdout.readline() != "ready\n":
            sys.exit("bench/managers.py %s did not start" % kind)

    def turn(self, job, processes, operations):
        self.process.stdin.write("%s\t%d\t%d\n" % (job, processes, operations))
        self.process.stdin.flush()
        seconds, cpu = [float(x) for x in self.process.stdout.readline().split()]
        return {"rate": processes * operations / seconds, "cpu_us": cpu * 1e6 / (processes * operations),
                "seconds": seconds}

    def calibrate(self, job, processes, seconds):
        """How many operations of each process take about the time of a turn. Waking up many processes takes time, too."""
        seconds *= 1 + processes / 4
        operations = 1 if job.startswith("iterate") else 20
        while True:
            took = self.turn(job, processes, operations)["seconds"]
            if took > seconds / 2 or operations > 100000:
                return max(1, int(operations * seconds / took))
            operations *= 4

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def environment(bench):
    path = os.pathsep.join(p for p in (PACKAGE, os.environ.get("PYTHONPATH")) if p)
    return dict(os.environ, PYTHONPATH=path, MPMD_BINARY=bench.built("mpmd"))


def start_once(bench, python, kind, method, mebibytes):
    """Seconds of Manager(), of the first object and its first call, of shutdown(); in a fresh process."""
    out = subprocess.run([python, os.path.join(HERE, "managers.py"), kind, "start", method,
                          str(mebibytes)], env=environment(bench), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         timeout=600, check=True).stdout
    return [float(x) for x in out.split()]


def rounds_of(n, measure, kinds=("stock", "mpmd")):
    """In every second round the other one begins."""
    return [{kind: measure(kind) for kind in (kinds if i % 2 else kinds[::-1])} for i in range(n)]


def median(rounds, key):
    return statistics.median(key(r) for r in rounds)


def start_ups(bench, python):
    """(text, ratio): of Manager() with the first call of the first object."""
    print("%-38s %10s %10s %6s %6s | %10s %10s | %10s %10s" % (
        "the first manager of a process, ms", "mpmd", "stock", "ratio", "best", "Manager()", "stock", "shutdown()", "stock"))
    found = []
    for text, method, mebibytes in METHODS:
        rounds = rounds_of(bench.options.rounds, lambda kind: start_once(bench, python, kind, method, mebibytes))

        def ms(kind, first, last):
            return 1e3 * median(rounds, lambda r: sum(r[kind][first:last]))
        ratio = median(rounds, lambda r: sum(r["stock"][:2]) / sum(r["mpmd"][:2]))
        best = min(sum(r["stock"][:2]) for r in rounds) / min(sum(r["mpmd"][:2]) for r in rounds)
        print("%-38s %10.1f %10.1f %6.1f %6.1f | %10.1f %10.1f | %10.1f %10.1f" % (
            text, ms("mpmd", 0, 2), ms("stock", 0, 2), ratio, best, ms("mpmd", 0, 1), ms("stock", 0, 1),
            ms("mpmd", 2, 3), ms("stock", 2, 3)), flush=True)
        found.append((text, best if bench.options.best else ratio))
    return found


def calls(bench, python):
    """(text, processes, aim, ratio)"""
    print("%-38s %5s %9s %9s %7s %7s | %9s %9s %7s" % (
        "", "procs", "mpmd/s", "stock/s", "ratio", "best", "CPU: mpmd", "stock", "ratio"))
    peers, found = {}, []
    try:
        for kind in ("stock", "mpmd"):
            peers[kind] = Peer(bench, python, kind)
        for job, text in JOBS:
            if bench.options.only and job not in bench.options.only.split(","):
                continue
            for processes in bench.options.processes:
                operations = {kind: peer.calibrate(job, processes, bench.options.seconds) for kind, peer in peers.items()}
                rounds = rounds_of(bench.options.rounds,
                                   lambda kind: peers[kind].turn(job, processes, operations[kind]))

                def of(kind, key):
                    return median(rounds, lambda r: r[kind][key])
                ratio = median(rounds, lambda r: r["mpmd"]["rate"] / r["stock"]["rate"])
                best = max(r["mpmd"]["rate"] for r in rounds) / max(r["stock"]["rate"] for r in rounds)
                print("%-38s %5d %9.0f %9.0f %7.2f %7.2f | %9.1f %9.1f %7.2f" % (
                    text, processes, of("mpmd", "rate"), of("stock", "rate"), ratio, best, of("mpmd", "cpu_us"),
                    of("stock", "cpu_us"), median(rounds, lambda r: r["stock"]["cpu_us"] / r["mpmd"]["cpu_us"])), flush=True)
                found.append((text, processes, aim(job, processes), best if bench.options.best else ratio))
    finally:
        for peer in peers.values():
            peer.stop()
    return found


def drop_in(bench, version, python):
    """The part "python" of make bench."""
    name = "CPython %d.%d.%d" % version
    print("%s, %d rounds of %.2f s; medians; CPU: of clients and server, in us for one operation" % (
        name, bench.options.rounds, bench.options.seconds))
    started = start_ups(bench, python)
    called = calls(bench, python)
    groups = [("first manager, first call", [(m, START_AIM, r) for m, r in started])]
    for text in dict.fromkeys(row[0] for row in called):
        groups.append((text, [("%d" % p, a, r) for t, p, a, r in called if t == text]))
    picture = os.path.join(bench.options.build, "python.svg") if bench.options.picture is None else bench.options.picture
    with open(picture, "w") as f:
        f.write(svg(groups, "%s, Linux, %d cores" % (name, os.cpu_count()),
                    "the best of %d turns of each" % bench.options.rounds if bench.options.best else
                    "median of %d rounds" % bench.options.rounds))
    print("picture: " + picture)


# --- the picture ------------------------------------------------------------------------------------------------------

LEFT, RIGHT, ROW, GAP, TOP = 260, 730, 15, 10, 74
LEAST, MOST = 0.5, 512

STYLE = """
text { font: 12px system-ui, "DejaVu Sans", Verdana, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .small { font-size: 11px; fill: #57606a }
.bar { fill: #2f6fb0 } .line { stroke: #d0d7de } .one { stroke: #57606a } .aim { stroke: #bf5b04; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9da7b1 } .bar { fill: #58a6ff } .line { stroke: #3d444d }
.one { stroke: #9da7b1 } .aim { stroke: #f0a35e } }
"""


def x_of(ratio):
    part = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + part * (RIGHT - LEFT)


def svg(groups, where, how):
    """groups: (text, [(label, aim or None, ratio)]). One bar each, on a scale of powers of two; 1 is the stock manager."""
    height = TOP + sum(ROW * len(rows) + GAP for _, rows in groups) + 30
    out = []

    def text(x, y, words, kind="", anchor="start"):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        out.append('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
            x, y, anchor, ' class="%s"' % kind if kind else "", words))

    def line(x, top, bottom, kind):
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="%s"/>' % (x, x, top, bottom, kind))

    text(10, 24, "How many times as fast as a stock manager", "title")
    text(10, 44, where + "; %s; small numbers: processes at work" % how, "small")
    n = 1
    while n <= MOST:
        line(x_of(n), TOP - 8, height - 28, "one" if n == 1 else "line")
        text(x_of(n), height - 12, "%d" % n, "small", "middle")
        n *= 2
    y = TOP
    for title, rows in groups:
        text(10, y + ROW * len(rows) / 2 + 4, title)
        for label, wanted, ratio in rows:
            x, zero = x_of(ratio), x_of(1)
            out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" class="bar"/>' % (
                min(x, zero), y + 1, abs(x - zero), ROW - 3))
            if wanted:
                line(x_of(wanted), y, y + ROW - 1, "aim")
            text(LEFT - 6, y + ROW - 4, label, "small", "end")
            text(max(x, zero, x_of(wanted or 1)) + 5, y + ROW - 4, "%.1f" % ratio if ratio < 20 else "%.0f" % ratio, "small")
            y += ROW
        y += GAP
    line(10 + 4, 52, 64, "aim")
    text(22, 62, "aimed at", "small")
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" '
            'aria-label="mpmd beside a stock manager">\n<style>%s</style>\n%s\n</svg>\n' % (
                RIGHT + 50, height, RIGHT + 50, height, STYLE, "\n".join(out)))
