"""CPython's own tests of managers against mpmd: which jobs there are, what may fail in them and why, the table of it.

A job is one interpreter, one start method, one transport: cpython_suite.py in a process of its own, several at a time,
because these tests mostly sleep. Also a program, which prints the table:

    python3 pytests/cpython_jobs.py [--all] [--stock] [--write] [--pythons 2.7,3.13] [--methods fork] [--classes WORD]

--write makes doc/conformance.md from a run of everything (--all). Knows nothing of pytest.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import interpreters
import servers

DOCUMENT = os.path.join(os.path.dirname(servers.HERE), "doc", "conformance.md")
# Below this line it is dropin_suite.py's.
AFTERWARDS = "## Under `python -m mpmd`"
# At once: these keep two cores busy, and leave those tests room that give something a tenth of a second.
PARALLEL = 6
METHODS = ["fork", "spawn", "forkserver"]
TRANSPORTS = ["unix", "tcp"]

Excuse = collections.namedtuple("Excuse", "tests texts reason")
# Tests, what their failure must say, and the reason; everything else has to pass, and an entry that excuses nothing has
# to go. Nothing differs on purpose; this needs Python inside the server:
NEEDS_PYTHON = [
    Excuse(["WithManagerTestBarrier.test_action"], r"NotImplementedError: Barrier\(action=",
           "`Barrier(action=f)`: the server would run `f`"),
    Excuse(["WithManagerTestPool.*", "TestSyncManagerTypes.test_pool"],
           r"NotImplementedError: a Pool would run|'AcquirerProxy' object has no",
           "`Pool`: the server would run the functions, and start processes for it"),
    Excuse(["WithManagerTestMyManager.*"], r"KeyError: 'Foo'",
           "a manager class of the test's own: the server would run its Python classes"),
    Excuse(["WithManagerTestRemoteManager.*", "WithManagerTestManagerRestart.*"],
           r"NotImplementedError: serializer='xmlrpclib'",
           "a manager class of the test's own: the server would call its Python function; and XML-RPC in place of "
           "pickles"),
    Excuse(["TestInitializers.test_manager_initializer"], r"NotImplementedError: an initializer",
           "`start(initializer)`: the server would run it"),
]


def excuses(entry, test, text):
    return any(fnmatch.fnmatchcase(test, pattern) for pattern in entry.tests) and re.search(entry.texts, text)


# The columns of the table; a test belongs to the first that matches.
TYPES = [
    ("Pool", r"WithManagerTestPool|TestSyncManagerTypes.test_pool"),
    ("own managers", r"WithManagerTest(MyManager|RemoteManager|ManagerRestart)|test_manager_initializer"),
    ("Queue", r"WithManagerTestQueue|_queue"),
    ("Condition", r"WithManagerTestCondition|test_condition"),
    ("Barrier", r"WithManagerTestBarrier|test_barrier"),
    ("Event", r"WithManagerTestEvent|test_event"),
    ("Semaphore", r"WithManagerTestSemaphore|semaphore"),
    ("RLock", r"test_rlock"),
    ("Lock", r"WithManagerTestLock|test_lock"),
    ("list", r"test_list"),
    ("dict", r"test_dict"),
    ("set", r"test_set"),
    ("Value", r"test_value"),
    ("Array", r"test_array"),
    ("Namespace", r"test_namespace"),
    ("other", r""),
]
COLUMNS = ["Queue", "list", "dict", "set", "Value", "Array", "Namespace", "Lock", "RLock", "Semaphore", "Event",
           "Condition", "Barrier", "other", "Pool", "own managers"]
assert sorted(COLUMNS) == sorted(name for name, _ in TYPES)

Outcome = collections.namedtuple("Outcome", "kind text")        # kind: passed, skipped, python, failed


class Job(object):
    def __init__(self, python, method, transport, stock=False, classes=""):
        self.python = python
        self.method = method
        self.transport = transport
        self.stock = stock
        self.classes = classes
        self.missing = None         # why there are no tests
        self.outcomes = {}
        self.log = ""

    @property
    def name(self):
        return "%s-%s-%s" % (self.python.name, self.method, self.transport)

    def run(self):
        """Fills in `outcomes`; raises nothing that a server or a test can cause."""
        # A short name: a socket's path has room for 107 characters.
        folder = tempfile.mkdtemp(prefix="mpmd-")
        try:
            self._run(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self

    def _run(self, folder):
        out, log = os.path.join(folder, "out"), os.path.join(folder, "log")
        command = [self.python.path, os.path.join(servers.HERE, "cpython_suite.py"), "--out", out,
                   "--method", self.method, "--transport", self.transport,
                   "--classes", self.classes] + ["--stock"] * self.stock
        environment = dict(os.environ, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=servers.HERE)
        if not self.stock:
            environment["MPMD_BINARY"] = servers.find_binary()
        with open(log, "wb") as f:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT,
                                       cwd=folder, env=environment, start_new_session=True)
        size, hangs = -1, False
        while True:
            try:
                process.wait(servers.HANG)
                break
            except subprocess.TimeoutExpired:
                before, size = size, os.path.getsize(out) if os.path.exists(out) else 0
                if size == before:
                    hangs = True
                    break
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        with open(log, "rb") as f:
            self.log = f.read().decode("utf-8", "replace")
        lines = []
        if os.path.exists(out):
            with open(out, "rb") as f:
                lines = [json.loads(line) for line in f.read().decode().splitlines()]
        self._judge(lines, hangs, process.returncode)

    def _judge(self, lines, hangs, code):
        tests, said, begun = [], collections.OrderedDict(), None
        for line in lines:
            if "missing" in line:
                self.missing = line["missing"]
                return
            tests += line.get("tests", [])
            begun = line.get("begin", begun)
            if "outcome" in line:
                said.setdefault(line["test"], []).append((line["outcome"], line["text"]))
        # What befalls a class or a module befalls its tests.
        of_place = dict((name.split(".")[0], name) for name in said if name.endswith((".setUpClass", ".setUpModule")))
        for test in tests:
            if test not in said:
                place = of_place.get(test.split(".")[0])
                said[test] = said[place] if place else [("fail", "hangs" if hangs and test == begun else "was not run")]
        for place in of_place.values():
            del said[place]
        for test, outcomes in said.items():
            self.outcomes[test] = self._outcome(test, outcomes)
        if not lines or not lines[-1].get("end"):
            self.outcomes["the run"] = Outcome("failed", "hangs" if hangs else "ended early, exit code %s" % code)
        elif any(lines[-1]["exit_codes"]):
            self.outcomes["the servers"] = Outcome("failed", "exit codes %s" % lines[-1]["exit_codes"])
        for word in servers.SANITIZER:
            # AssertionError is Python's.
            if re.search(word + "(?!Error)", self.log) and not self.stock:
                self.outcomes["the log"] = Outcome("failed", "a sanitizer or an assertion complains: " + word)

    @staticmethod
    def _outcome(test, outcomes):
        texts = "\n".join(text for _, text in outcomes)
        kinds = set(kind for kind, _ in outcomes)
        if "fail" in kinds:
            return Outcome("python" if any(excuses(entry, test, texts) for entry in NEEDS_PYTHON) else "failed", texts)
        return Outcome("skipped" if "skip" in kinds else "passed", texts)

    def failed(self):
        return ["%s: %s" % (test, o.text) for test, o in sorted(self.outcomes.items()) if o.kind == "failed"]

    def counts(self):
        """{column: {kind: how many}}"""
        found = collections.defaultdict(collections.Counter)
        for test, outcome in self.outcomes.items():
            found[next(name for name, pattern in TYPES if re.search(pattern, test))][outcome.kind] += 1
        return found

    def run_name(self):
        return self.python.full, self.method, self.transport

    def cells(self):
        counts = self.counts()
        return " | ".join(cell(counts[column]) for column in COLUMNS)

    def skips(self):
        return set("| %s | %s |" % (test, o.text.replace("|", "\\|")) for test, o in self.outcomes.items()
                   if o.kind == "skipped")


MARKS = [("python", "p"), ("skipped", "s"), ("failed", "F")]


def cell(counts):
    parts = [str(counts["passed"])] if counts["passed"] else []
    parts += ["%d%s" % (counts[kind], mark) for kind, mark in MARKS if counts[kind]]
    return " ".join(parts)


def methods(python):
    return METHODS[:1] if python.version[0] == 2 else METHODS


def plan(pythons, everything=False, only_methods=None, **options):
    """Each interpreter with each start method, the transports by turns or both; the slow ones first."""
    jobs = []
    for i, python in enumerate(pythons):
        for j, method in enumerate(methods(python)):
            for transport in TRANSPORTS if everything else [TRANSPORTS[(i + j) % 2]]:
                if not only_methods or method in only_methods:
                    jobs.append(Job(python, method, transport, **options))
    return sorted(jobs, key=lambda job: job.method == "fork")


def table(runs):
    """Lines for {(version, method, transport): cells}; runs of one version with the same outcome share a line."""
    lines = collections.OrderedDict()

    def order(run):
        return [int(n) for n in run[0].split(".")], METHODS.index(run[1]), TRANSPORTS.index(run[2])

    for version, method, transport in sorted(runs, key=order):
        shared = lines.setdefault((version, runs[version, method, transport]), collections.OrderedDict())
        shared.setdefault(method, []).append(transport)
    return ["| %s | %s | %s |" % (version, ", ".join("%s (%s)" % (m, ", ".join(shared[m])) for m in shared), cells)
            for (version, cells), shared in lines.items()]


def parse_table(lines):
    """What table() was given."""
    runs = {}
    for line in lines:
        found = re.match(r"\| (\d+\.\d+\.\d+) \| ([^|]*) \| (.*) \|$", line)
        for method, transports in re.findall(r"(\w+) \(([^)]*)\)", found.group(2)) if found else []:
            for transport in transports.split(", "):
                runs[found.group(1), method, transport] = found.group(3)
    return runs


def document(jobs):
    """The text of doc/conformance.md."""
    lines = [INTRODUCTION]
    lines.append("| CPython | start, socket | " + " | ".join(COLUMNS) + " |")
    lines.append("|" + "---|" * (2 + len(COLUMNS)))
    lines += table(dict((job.run_name(), job.cells()) for job in jobs if not job.missing))
    lines += ["", "## What needs Python inside the server", "", "| tests | reason |", "|---|---|"]
    lines += ["| %s | %s |" % (", ".join("`%s`" % pattern for pattern in e.tests), e.reason) for e in NEEDS_PYTHON]
    lines += ["", "## What the tests skip themselves", "", "| test | its reason |", "|---|---|"]
    lines += sorted(set().union(*[job.skips() for job in jobs]))
    return "\n".join(lines) + "\n"


INTRODUCTION = """\
# Conformance: CPython's own tests

The tests of managers that each CPython brings along (`test._test_multiprocessing`; 2.7: `test.test_multiprocessing`), run
by that CPython, their assertions untouched, with every manager that they start served by mpmd: all `WithManager*` classes,
`TestSyncManagerTypes`, `TestManagerExceptions` and `TestInitializers`, by type. An object of another type often takes part:
a Condition is tested with Values and Semaphores, a Barrier with lists.

A number alone is of tests that passed; `p`: needs Python inside the server, `s`: the test skips itself, `F`:
failed. Python 2.7 has fork only, and neither Barrier nor the tests by type. This page is written by
`python3 pytests/cpython_jobs.py --all --write`; pytests/test_cpython.py fails when it is not what a run gives.
"""


def run(jobs, parallel=PARALLEL, on_done=lambda job: None):
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for future in concurrent.futures.as_completed([pool.submit(job.run) for job in jobs]):
            on_done(future.result())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true", help="both transports with each start method")
    parser.add_argument("--stock", action="store_true", help="CPython's own server, for comparison")
    parser.add_argument("--write", action="store_true", help="write doc/conformance.md")
    parser.add_argument("--pythons", default="")
    parser.add_argument("--methods", default="")
    parser.add_argument("--classes", default="")
    parser.add_argument("--parallel", type=int, default=PARALLEL)
    parser.add_argument("--logs", help="a folder for what the jobs print")
    options = parser.parse_args()
    if options.write and (not options.all or options.stock or options.pythons or options.methods or options.classes):
        parser.error("--write wants a run of everything: --all, without --stock, --pythons, --methods, --classes")
    names = [n for n in options.pythons.split(",") if n]
    pythons = [p for p in interpreters.find() if p.implementation == "CPython" and (not names or p.name in names)]
    jobs = plan(pythons, options.all, [m for m in options.methods.split(",") if m], stock=options.stock,
                classes=options.classes)

    def tell(job):
        failed = job.failed()
        print("%-22s %s" % (job.name, job.missing or "%d tests, %d failed" % (len(job.outcomes), len(failed))), flush=True)
        for text in failed:
            print("    " + text.strip().replace("\n", "\n    "))
        if options.logs:
            os.makedirs(options.logs, exist_ok=True)
            with open(os.path.join(options.logs, job.name + ".log"), "w") as f:
                f.write(job.log)

    run(jobs, options.parallel, tell)
    text = document(jobs)
    print(text)
    failed = any(job.failed() for job in jobs)
    if options.write and not failed:
        with open(DOCUMENT) as f:
            _, heading, rest = f.read().partition("\n" + AFTERWARDS)
        with open(DOCUMENT, "w") as f:
            f.write(text + heading + rest)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
