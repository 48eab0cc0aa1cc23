"""python -m mpmd runs a program as python does: what the program sees of itself and of its modules, how it ends, what
it writes when it fails. Every command line is run both ways, to the same output, complaints and exit code."""
import difflib
import os
import signal
import subprocess
import sys
import zipfile

import pytest

import conftest
import servers
import test_dropin

# What a program sees; the folder in which all happens is shown as HERE, since its name is no matter.
STATE = '''
"""A program that tells what it sees."""
import inspect, multiprocessing, os, sys

def show(where):
    main = sys.modules["__main__"]
    names = ("__name__", "__doc__", "__file__", "__package__", "__cached__")
    told = [where] + [(name, getattr(main, name, "none")) for name in names]
    spec = main.__spec__
    told += [spec and (spec.name, spec.origin, spec.parent), type(main.__loader__).__name__, sorted(vars(main))]
    told += [type(main.__builtins__).__name__, main is sys.modules.get("__mp_main__", main)]
    told += [sys.argv, sys.path, os.getcwd(), sorted(sys.warnoptions), sys.flags.optimize]
    told += [type(sys.excepthook).__name__, getattr(main, "show", show) is show, show.__module__]
    print("\\n".join(repr(one) for one in told).replace(os.getcwd(), "HERE"), flush=True)

class Thing:
    def __repr__(self):
        return "a Thing of " + type(self).__module__

def work(queue, thing):
    show("child")
    queue.put(thing)

def main():
    show("parent")
    print(inspect.getsource(Thing).splitlines()[0])
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        queue = manager.Queue()
        child = context.Process(target=work, args=(queue, Thing()))
        child.start()
        child.join()
        print(child.exitcode, child.exitcode == 0 and queue.get(), flush=True)

if __name__ == "__main__":
    main()
'''
# The same as a part of a package, and as a file beside it.
RELATIVE = STATE.replace("import inspect,", "from . import part\nfrom .part import VALUE\nimport inspect,").replace(
    'show("parent")', 'show(VALUE)')
BESIDE = """'A program that tells what it sees.'
from helper import *

if __name__ == "__main__":
    main()
"""

FAILS = '''
import multiprocessing, os, signal, sys, threading, warnings

def inner(n):
    return 1 // n

def chained():
    try:
        inner(0)
    except ZeroDivisionError as e:
        raise KeyError("chained") from e

def work():
    inner(0)

def hook(kind, value, traceback):
    lines = []
    while traceback is not None:
        lines.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    print("hook", kind.__name__, lines)

def main(how):
    if how == "raise":
        chained()
    elif how == "hook":
        sys.excepthook = hook
        inner(0)
    elif how == "exit":
        sys.exit(3)
    elif how == "exit text":
        sys.exit("a text")
    elif how == "exit none":
        sys.exit()
    elif how == "exit thing":
        raise SystemExit(("a", "tuple"))
    elif how == "_exit":
        os._exit(4)
    elif how == "interrupt":
        raise KeyboardInterrupt
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGTERM)
    elif how == "thread":
        ends = threading.Event()
        threading.Thread(target=lambda: print("in the thread", ends.wait())).start()
        print("main ends", flush=True)
        ends.set()
    elif how == "warning":
        warnings.warn("as told", DeprecationWarning)
        warnings.warn("by the caller", DeprecationWarning, stacklevel=2)
    elif how == "manager":
        manager = multiprocessing.Manager()
        d = manager.dict()
        try:
            d["nothing"]
        except KeyError as e:
            print(type(e).__name__, e)
        inner(0)
    elif how == "child":
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        print(child.exitcode)

if __name__ == "__main__":
    main(sys.argv[1])
'''
FAILURES = ["raise", "hook", "exit", "exit text", "exit none", "exit thing", "_exit", "interrupt", "kill", "thread",
            "warning", "manager", "child"]

TESTS = '''
import multiprocessing
import unittest

def work(numbers, n):
    numbers.append(n)

class Test(unittest.TestCase):
    def test_managers(self):
        with multiprocessing.Manager() as manager:
            numbers = manager.list()
            with multiprocessing.Pool(2) as pool:
                pool.starmap(work, [(numbers, n) for n in range(3)])
            self.assertEqual(sorted(numbers), [0, 1, 2])

    def test_main(self):
        import __main__
        self.assertIn(__main__.__spec__.name, ("unittest.__main__", "pytest.__main__"))

    @unittest.skip("to see that it is")
    def test_skipped(self):
        pass
'''
DOCTESTS = '''
"""
>>> import multiprocessing
>>> manager = multiprocessing.Manager()
>>> numbers = manager.list([3, 1, 2])
>>> numbers.sort()
>>> print(numbers)
[1, 2, 3]
>>> manager.shutdown()
"""
'''

PROGRAMS = [["program.py", "a", "-m", "--report", "b"], ["./sub/../program.py"], ["HERE/program.py"], ["link.py"],
            ["folder", "x"], ["folder/"], ["HERE/app.zip", "-x"], ["app"], ["-m", "package", "x", "-m"],
            ["-m", "package.module"], ["-m", "program"], ["-W", "error", "-O", "program.py"], ["latin.py"]]
OTHERS = [["-c", "import sys; print(sys.argv, sys.path[0], sorted(globals()))", "x"], ["-m", "unittest", "-q", "tests"],
          ["-m", "doctest", "doctests.py"], ["-m", "json.tool", "data.json"], ["syntax.py"], ["-m", "syntax"],
          ["-m", "package.fails"], ["-c", "1 // 0"], ["-c", "def"]]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with programs of all kinds."""
    here = tmp_path_factory.mktemp("programs")
    (here / "program.py").write_text(STATE)
    (here / "latin.py").write_bytes("# coding: latin-1\nprint(ascii('\xe4'))\n".encode("latin-1"))
    (here / "sub").mkdir()
    (here / "sub" / "real.py").write_text(BESIDE)
    (here / "sub" / "helper.py").write_text(STATE)
    (here / "link.py").symlink_to(os.path.join("sub", "real.py"))
    (here / "folder").mkdir()
    (here / "folder" / "__main__.py").write_text(BESIDE)
    (here / "folder" / "helper.py").write_text(STATE)
    for name in ("app.zip", "app"):
        with zipfile.ZipFile(str(here / name), "w") as archive:
            archive.writestr("__main__.py", BESIDE)
            archive.writestr("helper.py", STATE)
    (here / "package").mkdir()
    (here / "package" / "__init__.py").write_text("import sys\nARGV = list(sys.argv)\n")
    (here / "package" / "part.py").write_text("from . import ARGV as VALUE\n")
    (here / "package" / "__main__.py").write_text(BESIDE.replace("from helper", "from .module"))
    (here / "package" / "module.py").write_text(RELATIVE)
    (here / "package" / "fails.py").write_text("def f():\n    raise ValueError(1)\nf()\n")
    (here / "fails.py").write_text(FAILS)
    (here / "syntax.py").write_text("print(1)\nx = = 1\n")
    (here / "tests.py").write_text(TESTS)
    (here / "doctests.py").write_text(DOCTESTS)
    (here / "data.json").write_text("[1]")
    return here


def run(python, arguments, place, ours, stdin=""):
    """Output, complaints and exit code; what cannot be the same is made the same."""
    arguments = [argument.replace("HERE", str(place)) for argument in arguments]
    n = next((i for i, argument in enumerate(arguments) if argument[:1] != "-" or argument in ("-m", "-c")), 0)
    n = 3 if arguments[:1] == ["-W"] else n     # python's own options stand before
    process = subprocess.Popen([python.path] + arguments[:n] + ["-m", "mpmd"] * ours + arguments[n:], cwd=str(place),
                               env=test_dropin.environment(PYTHONDONTWRITEBYTECODE="1", TMPDIR="/tmp"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, start_new_session=True)
    try:
        out, err = process.communicate(stdin, timeout=servers.HANG)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        pytest.fail("hangs: %s\n%s%s" % (arguments, out, err))
    err = err.replace(str(place), "HERE")
    err = "\n".join(line.split(" in ")[0] if line.startswith("Ran ") else line for line in err.splitlines())
    return out, err, process.returncode


def choose(config, python):
    """The oldest, the newest and PyPy, or all."""
    able = [p for p in conftest.chosen(config) if p.version >= (3, 6)]
    if not config.getoption("--full") and python in able[1:-1]:
        pytest.skip("only the oldest and the newest, without --full")


def check(python, commands, place, **more):
    wrong = []
    for arguments in commands:
        stock, ours = (run(python, arguments, place, way, **more) for way in (False, True))
        if stock != ours:
            lines = [("%s\n%s\n%s" % told).splitlines() for told in (stock, ours)]
            wrong.append("\n".join(["%s:" % arguments] + list(difflib.unified_diff(*lines, n=0, lineterm=""))))
    if wrong:
        pytest.fail("\n\n".join(wrong), pytrace=False)


def test_programs_see_what_they_see_with_python(request, python, place):
    choose(request.config, python)
    check(python, PROGRAMS + [["-P", "program.py"], ["-P", "folder"]] * (python.version >= (3, 11)), place)


def test_failures_end_as_with_python(request, python, place):
    choose(request.config, python)
    check(python, [["fails.py", how] for how in FAILURES], place)


def test_other_ways_to_run_something(request, python, place):
    choose(request.config, python)
    check(python, OTHERS, place)
    check(python, [["-m", "pdb", "fails.py", "manager"]], place, stdin="break inner\nc\nwhere\np n\nq\n")


def test_pytest_runs_tests_with_managers(place):
    """By the Python that runs these tests."""
    done = subprocess.run([sys.executable, "-m", "mpmd", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests.py"],
                          env=test_dropin.environment(), cwd=str(place), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0 and "2 passed, 1 skipped" in done.stdout, done.stdout


for each in (test_programs_see_what_they_see_with_python, test_failures_end_as_with_python,
             test_other_ways_to_run_something):
    each.least_version = (3, 6)
    each.also_pypy = True
