# What every program here begins with: its arguments, a connected manager, and workers that are threads or processes.
# One source for CPython 2.7 and 3.x.
from __future__ import print_function
import argparse
import multiprocessing
import multiprocessing.pool
import sys
import threading
import traceback
from multiprocessing.managers import SyncManager

PY2 = sys.version_info[0] == 2
options = None


def parse_address(text):
    if text.startswith("/") or ":" not in text:
        return text
    host, port = text.rsplit(":", 1)
    return (host, int(port))


def setup():
    """Reads the command line; the parts are in `options` from then on."""
    global options
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", type=parse_address, required=True)
    parser.add_argument("--authkey-file", required=True)
    parser.add_argument("--workers", choices=["threads", "processes"], default="processes")
    parser.add_argument("--start", choices=["fork", "spawn", "forkserver"], default="fork")
    options = parser.parse_args()
    with open(options.authkey_file, "rb") as f:
        options.key = f.read()
    # Workers find the key here when a proxy reaches them through a pipe.
    multiprocessing.current_process().authkey = options.key
    if not PY2:
        multiprocessing.set_start_method(options.start)


def connect(cls=SyncManager):
    """A stock manager object for a server that runs already."""
    if options is None:
        setup()
    manager = cls(address=options.address, authkey=options.key)
    manager.connect()
    return manager


class Thread(threading.Thread):
    """A thread that says how it ended, as a process does."""
    exitcode = None

    def run(self):
        try:
            threading.Thread.run(self)
            self.exitcode = 0
        except BaseException:
            traceback.print_exc()
            self.exitcode = 1


def start(target, *args):
    make = Thread if options.workers == "threads" else multiprocessing.Process
    worker = make(target=target, args=args)
    worker.daemon = True
    worker.start()
    return worker


def finish(workers):
    for worker in workers:
        worker.join()
    codes = [worker.exitcode for worker in workers]
    assert codes == [0] * len(workers), "exit codes of the workers: %s" % codes


def pool(n):
    return multiprocessing.pool.ThreadPool(n) if options.workers == "threads" else multiprocessing.Pool(n)


def raises(exception, function, *args, **kwds):
    """The exception's text; complains when there is none or another."""
    try:
        result = function(*args, **kwds)
    except exception as e:
        return str(e)
    raise AssertionError("%s expected, got the result %r" % (exception.__name__, result))
