# Runs the tests of managers that the running CPython brings along, their assertions untouched, with every manager that
# they start served by mpmd (MPMD_BINARY), or, with --stock, by CPython itself for comparison. One source for CPython 2.7
# and 3.x, standard library only; cpython_jobs.py starts it. Knows nothing of what may fail.
#
# Writes JSON lines to --out: {"tests": [...]} first; then {"begin": TEST} and {"test", "outcome", "text"} with outcome
# pass, fail, skip or expected (an expected failure); at last {"end": true, "exit_codes": [...]}, those of the servers.
# TEST is Class.method. Or {"missing": why}: the interpreter comes without tests.
#
# Processes that the tests spawn import this file again, as __mp_main__: only the first process patches and starts servers.
from __future__ import print_function
import argparse
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
from multiprocessing import managers, util

# Besides WithManager*: these start managers, too.
OTHER = ("TestSyncManagerTypes", "TestManagerExceptions", "TestInitializers")

options = None
started = []
stock_start = managers.BaseManager.start


class Process(object):
    """A process started by subprocess, as a manager wants to see it."""

    def __init__(self, popen, name):
        self._popen = popen
        self.name = name
        self.pid = popen.pid
        self.terminate = popen.terminate
        self.kill = popen.kill

    @property
    def exitcode(self):
        return self._popen.poll()

    def is_alive(self):
        return self.exitcode is None

    def join(self, timeout=None):
        # 2.7 has no wait with a time limit.
        end = None if timeout is None else time.time() + timeout
        while self.is_alive() and (end is None or time.time() < end):
            time.sleep(0.005)


def address_text(address):
    """An address as Python has it, for --listen."""
    if isinstance(address, tuple):
        return ("[%s]:%d" if ":" in address[0] else "%s:%d") % address
    return "@" + address[1:] if address.startswith("\0") else address


def parse_address(text):
    if text.startswith("@"):
        return "\0" + text[1:]
    if text.startswith("/"):
        return text
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def default_address():
    return ("127.0.0.1", 0) if options.transport == "tcp" else None


def run_mpmd(address, authkey, name):
    """Starts a server that lives no longer than this process; returns (address, process)."""
    fd, path = tempfile.mkstemp()
    try:
        os.write(fd, bytes(authkey) + b"\n")
        os.close(fd)
        command = [os.environ["MPMD_BINARY"], "--authkey-file", path, "--lifeline-fd", "0", "--ready-fd", "1"]
        if address is not None:
            command += ["--listen", address_text(address)]
        popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True)
        text = str(popen.stdout.read().decode())
        popen.stdout.close()
    finally:
        os.unlink(path)
    if not text:
        raise OSError("the server did not start, exit code %s" % popen.wait())
    return parse_address(text.splitlines()[0]), Process(popen, name)


def start_mpmd(self, initializer=None, initargs=()):
    """BaseManager.start() with a program for a server."""
    if self._state.value != managers.State.INITIAL or initializer is not None and not callable(initializer):
        return stock_start(self, initializer, initargs)         # which says what is wrong
    if initializer is not None:
        raise NotImplementedError("an initializer would run Python in the server")
    if self._serializer != "pickle":
        raise NotImplementedError("serializer=%r" % self._serializer)
    self._address, self._process = run_mpmd(default_address() if self._address is None else self._address,
                                            self._authkey, type(self).__name__)
    started.append(self._process)
    self._state.value = managers.State.STARTED
    args = (self._process, self._address, self._authkey, self._state, self._Client)
    if hasattr(self, "_shutdown_timeout"):
        args += (self._shutdown_timeout,)
    self.shutdown = util.Finalize(self, type(self)._finalize_manager, args=args, exitpriority=0)


def start_stock(self, initializer=None, initargs=()):
    if self._address is None:
        self._address = default_address()
    stock_start(self, initializer, initargs)


def say(**what):
    os.write(options.out, (json.dumps(what, sort_keys=True) + "\n").encode())


def name_of(test):
    return ".".join(test.id().split(".")[-2:])


class Result(unittest.TestResult):
    """Says each outcome at once, so that whoever waits knows what hangs."""

    def tell(self, test, outcome, text=""):
        if isinstance(test, unittest.TestCase):
            say(test=name_of(test), outcome=outcome, text=text)
            return
        # "setUpClass (module.Class)", "tearDownModule (module)": what happens there happens to all tests of it.
        place, where = re.match(r"(\w+) \((.*)\)", test.description).groups()
        say(test=where.split(".")[-1] + "." + place, outcome=outcome, text=text)

    def tell_error(self, test, error):
        self.tell(test, "fail", "".join(traceback.format_exception(*error)))

    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        say(begin=name_of(test))

    def stopTest(self, test):
        unittest.TestResult.stopTest(self, test)
        if sys.version_info[0] == 2:
            # It keeps its tests, and these their proxies, also of managers that have ended: over TCP every process that
            # is forked later would try for 20 seconds to reach each of those. Python 3 lets go of a test that has run.
            for name in [name for name in vars(test) if not name.startswith("_")]:
                delattr(test, name)

    def addSuccess(self, test):
        self.tell(test, "pass")

    def addSkip(self, test, reason):
        self.tell(test, "skip", reason)

    def addExpectedFailure(self, test, error):
        self.tell(test, "expected")

    def addUnexpectedSuccess(self, test):
        self.tell(test, "fail", "unexpected success")

    def addError(self, test, error):
        self.tell_error(test, error)

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.tell_error(test, error)


def find_classes(method):
    if sys.version_info[0] == 2:
        from test import test_multiprocessing as module
        found = dict(module.testcases_manager, TestInitializers=module.TestInitializers)
    else:
        os.environ["MPMD_START_METHOD"] = method
        import cpython_tests
        found = dict((name, cls) for name, cls in vars(cpython_tests).items() if isinstance(cls, type))
    return [found[name] for name in sorted(found) if (name.startswith("WithManager") or name in OTHER)
            and re.search(options.classes, name) and issubclass(found[name], unittest.TestCase)]


def run_2_7(suite, result):
    """What its test_main() does around the tests."""
    from test import test_multiprocessing as module
    mixin = module.ManagerMixin
    module.util.get_temp_dir()
    mixin.manager.__init__()
    mixin.manager.start()
    try:
        mixin.pool = mixin.manager.Pool(4)
    except managers.RemoteError:
        # A test counts the objects that are left, and the pool is to be the only one.
        mixin.pool = mixin.manager.Lock()
    suite.run(result)
    if hasattr(mixin.pool, "terminate"):
        mixin.pool.terminate()
    del mixin.pool
    mixin.manager.shutdown()


def main():
    global options
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=["fork", "spawn", "forkserver"], default="fork")
    parser.add_argument("--transport", choices=["unix", "tcp"], default="unix")
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--classes", default="", help="a pattern of class names")
    parser.add_argument("--out", default="/dev/stdout")
    options = parser.parse_args()
    options.out = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    managers.BaseManager.start = start_stock if options.stock else start_mpmd
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    try:
        classes = find_classes(options.method)
    except ImportError as e:
        say(missing=str(e))
        return
    loaded = [load(cls) for cls in classes]
    say(tests=[name_of(test) for suite in loaded for test in suite])
    suite = unittest.TestSuite(loaded)
    if sys.version_info[0] == 2:
        run_2_7(suite, Result())
    else:
        suite.run(Result())
    # Those that the tests left are ended at exit.
    say(end=True, exit_codes=[process.exitcode for process in started if not process.is_alive()])


if __name__ == "__main__":
    main()
