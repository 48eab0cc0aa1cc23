"""What `python -m mpmd --report` prints at the end: who served what, how often, and how long the program waited for it.

Each process counts for itself and leaves its counts in a folder, the first one adds them up. Of a process that is
killed, as the workers of a Pool are when it is terminated, the last tenth of a second is missing.
"""
import json
import multiprocessing.managers as stock
import os
import shutil
import sys
import tempfile
import time
import typing
from multiprocessing import util

_FOLDER = "MPMD_REPORT_FOLDER"

# (address, typeid, method): [calls, seconds]
_counts = {}  # type: typing.Dict[typing.Tuple[str, str, str], typing.List[float]]
# What serves at an address, as far as this process was there when it began.
servers = {}  # type: typing.Dict[str, str]
_is_on = False


def serves(address: typing.Any, what: str) -> None:
    servers[str(address)] = what


def count(address: typing.Any, typeid: str, method: str, since: float) -> None:
    """One call that began at `since` (time.perf_counter()) and ends now."""
    waited = time.perf_counter() - since
    entry = _counts.setdefault((str(address), typeid, method), [0, 0.0])
    entry[0] += 1
    entry[1] += waited
    if since + waited > _next_time:
        _leave()


_EVERY = 0.1  # seconds
_next_time = 0.0


def _leave() -> None:
    global _next_time
    _next_time = time.perf_counter() + _EVERY
    path = os.path.join(os.environ[_FOLDER], str(os.getpid()))
    rows = {"servers": servers, "counts": [list(key) + value for key, value in _counts.items()]}
    try:
        with open(path + ".new", "w") as f:
            json.dump(rows, f)
        os.replace(path + ".new", path)
    except OSError:
        pass  # the first process has ended, nobody will read it


def _begin_here(_: typing.Any = None) -> None:
    global _next_time
    _counts.clear()
    _next_time = 0.0
    util.Finalize(None, _leave, exitpriority=-100)


def is_on() -> bool:
    return _is_on


def begin() -> None:
    """Counts in this process and its children."""
    global _is_on
    if _is_on:
        return
    _is_on = True
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="mpmd-report-")
        # After the managers were shut down and the children have ended.
        util.Finalize(None, _print, args=(os.environ[_FOLDER], os.getpid()), exitpriority=-200)
    _begin_here()
    util.register_after_fork(_counts_of_this_process, _begin_here)
    callmethod = stock.BaseProxy._callmethod

    def counted(self: typing.Any, methodname: str, args: typing.Any = (), kwds: typing.Any = {}) -> typing.Any:
        since = time.perf_counter()
        try:
            return callmethod(self, methodname, args, kwds)
        finally:
            count(self._token.address, self._token.typeid, methodname, since)

    stock.BaseProxy._callmethod = counted  # type: ignore


class _Here:
    """register_after_fork() keeps its subject weakly."""


_counts_of_this_process = _Here()


def _print(folder: str, pid: int) -> None:
    if os.getpid() != pid:
        return
    total = {}  # type: typing.Dict[typing.Tuple[str, str, str], typing.List[float]]
    processes = 0
    left = []
    for name in os.listdir(folder):
        if name.endswith(".new"):
            continue
        with open(os.path.join(folder, name)) as f:
            left.append(json.load(f))
        servers.update(left[-1]["servers"])
    shutil.rmtree(folder, ignore_errors=True)
    for rows in left:
        processes += bool(rows["counts"])
        for address, typeid, method, calls, seconds in rows["counts"]:
            entry = total.setdefault((servers.get(address, "another"), typeid, method), [0, 0.0])
            entry[0] += calls
            entry[1] += seconds
    write = sys.stderr.write
    calls = sum(entry[0] for entry in total.values())
    seconds = sum(entry[1] for entry in total.values())
    write("\nmpmd: %d calls of %d processes to managers, which waited %.3f s for them in sum\n" %
          (calls, processes, seconds))
    if not total:
        return
    write("%-10s %-20s %-20s %10s %10s %10s\n" % ("served by", "object", "method", "calls", "waited s", "mean us"))
    for (server, typeid, method), (n, waited) in sorted(total.items(), key=lambda item: -item[1][1]):
        write("%-10s %-20s %-20s %10d %10.3f %10.0f\n" % (server, typeid, method, n, waited, 1e6 * waited / n))
