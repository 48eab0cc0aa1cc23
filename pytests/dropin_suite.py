"""CPython's own tests of managers by their own command line, `python -m test ...`, and under the drop-in,
`python -m mpmd -m test ...`: which of these runs there are, how each went, the table of them in doc/conformance.md.

Also a program, which prints the table:

    python3 pytests/dropin_suite.py [--write] [--pythons 3.6,3.13] [--methods fork] [--parallel N] [--logs FOLDER]

--write puts it into doc/conformance.md; versions that were not run keep their lines. Knows nothing of pytest.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import cpython_jobs
import interpreters
import servers

PACKAGE = os.path.join(os.path.dirname(servers.HERE), "compat", "python")
SUITE = os.path.join(servers.HERE, "dropin", "suite")
METHODS = cpython_jobs.METHODS
# Jobs at once: they mostly sleep.
PARALLEL = 5
# The package is for these.
LEAST = (3, 6)

HEADING = cpython_jobs.AFTERWARDS
INTRODUCTION = """
The same tests, and those of managers with classes of their own, by the command line of the one who runs them, for each
start method:

    python -m test test_multiprocessing_fork -m '*Manager*' -m '*Initializer*' -v
    python -m mpmd -m test test_multiprocessing_fork -m '*Manager*' -m '*Initializer*' -v

In each cell: how many passed with stock managers / how many with mpmd; `s`: skipped by the test itself, in both. Which
fail in either of them is said below the table. A build of CPython without `test_multiprocessing_fork` and so on, but
with `test._test_multiprocessing`, runs `--testdir pytests/dropin/suite tests_by_fork`, the same in three lines. This is
written by `python3 pytests/dropin_suite.py --write`; pytests/test_dropin_suite.py fails when a run gives another table.
"""


class Run(object):
    """How one command ended: numbers, the names of the tests that failed, what it wrote."""

    def __init__(self, code, text):
        self.text = text
        self.failed = sorted(set(re.findall(r"^(?:FAIL|ERROR): (.*?)\s*$", text, re.M)))
        self.ran = sum(int(n) for n in re.findall(r"^Ran (\d+) tests? in ", text, re.M))
        self.skipped = sum(int(n) for n in re.findall(r"^(?:OK|FAILED) \(.*?\bskipped=(\d+)", text, re.M))
        self.passed = self.ran - self.skipped - len(self.failed)
        self.wrong = None       # what is no test's failure
        if code != 0 and not self.failed:
            self.wrong = "exit code %s" % code
        for word in servers.SANITIZER:
            if re.search(word + "(?!Error)", text):     # AssertionError is Python's
                self.wrong = "a sanitizer or an assertion complains: " + word


class Job(object):
    """One interpreter, one start method: under the drop-in and, unless all is as it is known, with stock managers."""

    def __init__(self, python, method, known=None):
        self.python = python
        self.method = method
        self.known = known      # cell()
        self.missing = None     # why there are no tests
        self.stock = self.ours = None

    @property
    def name(self):
        return "%s-%s" % (self.python.name, self.method)

    def run(self):
        folder = tempfile.mkdtemp(prefix="mpmd-")
        try:
            self._run(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self

    def _run(self, folder):
        environment = dict(os.environ, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=PACKAGE)
        if servers.find_binary():
            environment["MPMD_BINARY"] = servers.find_binary()
        tests = self._tests(environment)
        if tests is None:
            return
        command = ["-m", "test"] + tests + ["-m", "*Manager*", "-m", "*Initializer*", "-v"]
        self.ours = self._command(["-m", "mpmd"] + command, folder, environment)
        if self.known is None or self.cell() != self.known:
            self.stock = self._command(command, folder, environment)

    def _tests(self, environment):
        """What names the tests to regrtest; None when there are none."""
        def can_import(name):
            return subprocess.run([self.python.path, "-c", "import " + name], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment).returncode == 0
        name = "test_multiprocessing_" + self.method
        if can_import("test." + name):
            return [name]
        if can_import("test._test_multiprocessing, test.libregrtest"):
            return ["--testdir", SUITE, "tests_by_" + self.method]
        self.missing = "comes without its tests"
        return None

    def _command(self, arguments, folder, environment):
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen([self.python.path] + arguments, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True)
            try:
                code = process.wait(5 * servers.HANG)
            except subprocess.TimeoutExpired:
                code = "none: it hangs"
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            out.seek(0)
            return Run(code, out.read().decode("utf-8", "replace"))

    def problems(self):
        """What is worse than with stock managers, one line each."""
        if self.missing:
            return []
        found = [self.ours.wrong] if self.ours.wrong else []
        if self.stock is None:
            return found        # and what is known is no worse than stock
        found += ["with stock managers: " + self.stock.wrong] if self.stock.wrong else []
        found += ["failed: " + name for name in self.ours.failed if name not in self.stock.failed]
        if (self.ours.ran, self.ours.skipped) != (self.stock.ran, self.stock.skipped):
            found.append("%d ran and %d of them were skipped, with stock managers %d and %d" % (
                self.ours.ran, self.ours.skipped, self.stock.ran, self.stock.skipped))
        if self.ours.ran < 50:
            found.append("only %d tests ran" % self.ours.ran)
        return found

    def cell(self):
        stock = self.known.split(" / ")[0] if self.stock is None else str(self.stock.passed)
        return "%s / %d %ds" % (stock, self.ours.passed, self.ours.skipped)

    def differences(self):
        return ["- %s, %s: `%s` fails %s" % (self.python.full, self.method, name, where) for where, names in [
            ("with stock managers", set(self.stock.failed) - set(self.ours.failed)),
            ("with mpmd", set(self.ours.failed) - set(self.stock.failed)),
            ("with both", set(self.ours.failed) & set(self.stock.failed))] for name in sorted(names)]


def plan(pythons, everything=False, only_methods=None):
    """Each interpreter with each start method; or with one, and stock only where it is not known: spawn, which takes by
    far the most time, for the newest one, the others by turns."""
    able = [p for p in pythons if p.version >= LEAST and p.implementation == "CPython"]
    if everything:
        return [Job(python, method) for python in able for method in METHODS
                if not only_methods or method in only_methods]
    rows = read_page()[1]
    methods = ["spawn"] + ["forkserver", "fork"] * len(able)
    return [Job(python, method, rows.get(python.full, {}).get(method))
            for python, method in zip(reversed(able), methods)]


def read_page():
    """The lines of doc/conformance.md before ours, and {version: cells by method} of ours."""
    with open(cpython_jobs.DOCUMENT) as f:
        lines = f.read().splitlines()
    start = lines.index(HEADING) if HEADING in lines else len(lines)
    rows = {}
    for line in lines[start:]:
        found = re.match(r"\| (\d+\.\d+\.\d+) \| (.*) \|$", line)
        if found:
            rows[found.group(1)] = dict(zip(METHODS, found.group(2).split(" | ")))
    return lines[:start], rows, [line for line in lines[start:] if line.startswith("- ")]


def write_page(jobs):
    before, rows, differences = read_page()
    for job in jobs:
        if not job.missing:
            rows.setdefault(job.python.full, {})[job.method] = job.cell()
            here = "- %s, %s: " % (job.python.full, job.method)
            differences = [line for line in differences if not line.startswith(here)] + job.differences()
    while before and not before[-1]:
        before.pop()
    lines = before + ["", HEADING] + INTRODUCTION.splitlines() + ["", "| CPython | " + " | ".join(METHODS) + " |"]
    lines.append("|" + "---|" * (1 + len(METHODS)))
    for version in sorted(rows, key=lambda v: [int(n) for n in v.split(".")]):
        lines.append("| %s | %s |" % (version, " | ".join(rows[version].get(m, "") for m in METHODS)))
    lines += [""] + (sorted(differences) or ["None fails in either."])
    with open(cpython_jobs.DOCUMENT, "w") as f:
        f.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table into doc/conformance.md")
    parser.add_argument("--pythons", default="")
    parser.add_argument("--methods", default="")
    parser.add_argument("--parallel", type=int, default=PARALLEL)
    parser.add_argument("--logs", help="a folder for what the runs print")
    options = parser.parse_args()
    names = [n for n in options.pythons.split(",") if n]
    pythons = [p for p in interpreters.find() if not names or p.name in names]
    jobs = plan(pythons, True, [m for m in options.methods.split(",") if m])
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        for future in concurrent.futures.as_completed([pool.submit(job.run) for job in jobs]):
            job = future.result()
            print("%-16s %s" % (job.name, job.missing or "%s %s" % (job.cell(), "; ".join(job.problems()))), flush=True)
            for which in ("stock", "ours") if options.logs and not job.missing else ():
                os.makedirs(options.logs, exist_ok=True)
                with open(os.path.join(options.logs, "%s-%s.log" % (job.name, which)), "w") as f:
                    f.write(getattr(job, which).text)
    for job in jobs:
        for line in [] if job.missing else job.differences():
            print(line)
    if options.write:
        write_page(jobs)
    return 1 if any(job.problems() for job in jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
