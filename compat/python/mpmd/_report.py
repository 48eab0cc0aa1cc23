"""What --report prints at the end: who served what, how often, and how long the program waited for it.

Each process counts for itself, in files of a folder that are mapped into memory: what a process was about when it was
killed, as the workers of a Pool are when it is terminated, is counted like the rest. The first process adds them up.
Of threads that call from within a signal handler one may be lost.
"""
import inspect
import json
import mmap
import os
import shutil
import struct
import sys
import tempfile
import threading
import time
import typing

from ._stock import stock, util

FOLDER = "MPMD_REPORT_FOLDER"

_Key = typing.Tuple[str, str, str]  # address, typeid, method
_Where = typing.Tuple[typing.Any, int]  # a table's numbers, and where the row begins

# What serves at an address, as far as this process knows.
servers = {}  # type: typing.Dict[str, str]
_is_on = False


class _Row(typing.NamedTuple):
    """Of one method: calls that began, that ended, how long those took together, and the quickest of them."""
    begun: float
    ended: float
    seconds: float
    least: float


_ROW = struct.Struct("=4d")  # a _Row
_ROWS = 128


class _Table:
    """Rows in a file, and in another one what each of them is about; there may be several of a process."""

    def __init__(self, path: str) -> None:
        fd = os.open(path + ".counts", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):  # a full disk is to be noticed here, not as SIGBUS
                os.posix_fallocate(fd, 0, _ROWS * _ROW.size)
            else:
                os.ftruncate(fd, _ROWS * _ROW.size)
            self.numbers = memoryview(mmap.mmap(fd, _ROWS * _ROW.size)).cast("d")
        finally:
            os.close(fd)
        self._about = path + ".about"
        self._n = 0

    def new_row(self, key: _Key) -> typing.Optional[int]:
        """Where it begins; None: the table is full."""
        if self._n == _ROWS:
            return None
        self.say(*key)
        self._n += 1
        return (self._n - 1) * len(_Row._fields)

    def say(self, *what: str) -> None:
        """A key, or an address and what serves there."""
        with open(self._about, "a") as f:
            f.write(json.dumps(what) + "\n")


class _Counts:
    """Those of this process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.RLock()
        self._where = {}  # type: typing.Dict[typing.Any, _Where]
        self._path = os.path.join(os.environ.get(FOLDER, ""), "%d-%d" % (self.pid, time.time() * 1e6))
        self._tables = []  # type: typing.List[_Table]
        self._is_useless = False

    def _table(self) -> _Table:
        if not self._tables:
            self._new_table()
        return self._tables[-1]

    def _new_table(self) -> None:
        self._tables.append(_Table("%s-%d" % (self._path, len(self._tables))))
        if len(self._tables) == 1:
            for server in servers.items():
                self._tables[0].say(*server)

    def where(self, key: typing.Any) -> typing.Optional[_Where]:
        """The row of this address, typeid and method; None: it cannot be had. With the lock."""
        found = self._where.get(key)
        if found is None and not self._is_useless:
            about = str(key[0]), str(key[1]), key[2]
            try:
                row = self._table().new_row(about)
                if row is None:
                    self._new_table()
                    row = self._table().new_row(about)
            except OSError:  # the first process has ended, nobody will read it; or the disk is full
                self._is_useless = True
            else:
                found = self._where[key] = self._table().numbers, typing.cast(int, row)
        return found

    def serves(self, address: str, what: str) -> None:
        with self.lock:
            if self._tables and not self._is_useless:
                try:
                    self._tables[0].say(address, what)
                except OSError:
                    self._is_useless = True


_counts = _Counts()


def _mine() -> _Counts:
    global _counts
    if _counts.pid != os.getpid():
        _counts = _Counts()
    return _counts


def serves(address: typing.Any, what: str) -> None:
    """Who serves there: "mpmd", "companion" or "stock"."""
    servers[str(address)] = what
    if _is_on:
        _mine().serves(str(address), what)


def begins(address: typing.Any, typeid: str, method: str) -> typing.Any:
    """A call begins; what it returns is for ends()."""
    counts = _mine()
    with counts.lock:
        where = counts.where((address, typeid, method))
        if where is not None:
            numbers, at = where
            numbers[at] += 1
    return counts, where, time.perf_counter()


def ends(call: typing.Any, other: float = 0.0) -> float:
    """The call has ended, one way or another; `other` seconds of it were of other calls. The seconds since it began."""
    counts, where, since = call
    taken = time.perf_counter() - since
    waited = taken - other
    if where is None or counts.pid != os.getpid():
        return taken
    numbers, at = where
    with counts.lock:
        if waited < numbers[at + 3] or not numbers[at + 1]:
            numbers[at + 3] = waited
        numbers[at + 1] += 1
        numbers[at + 2] += waited
    return taken


def count(address: typing.Any, typeid: str, method: str, since: float) -> None:
    """What began at `since` (time.perf_counter()) ends now."""
    counts, where, _ = begins(address, typeid, method)
    ends((counts, where, since))


_inner = threading.local()  # seconds: of calls that ended within the one that this thread is in


def _counted(token: typing.Any, method: str, function: typing.Any, *args: typing.Any) -> typing.Any:
    """What the function returns, as a call of this method. A call that brings a proxy has one within it, for the
    reference."""
    call = begins(token.address, token.typeid, method)
    before, _inner.seconds = getattr(_inner, "seconds", 0.0), 0.0
    try:
        return function(*args)
    finally:
        _inner.seconds = before + ends(call, _inner.seconds)


def is_on() -> bool:
    """Whether anything is counted."""
    return _is_on


def begin() -> None:
    """Counts in this process and its children."""
    global _is_on
    if _is_on:
        return
    _is_on = True
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="mpmd-report-")
        # After the managers were shut down and the children have ended.
        util.Finalize(None, _print, args=(os.environ[FOLDER], os.getpid()), exitpriority=-200)
    global _counts
    _counts = _Counts()
    callmethod, incref, decref = stock.BaseProxy._callmethod, stock.BaseProxy._incref, stock.BaseProxy._decref

    def counted(self: typing.Any, methodname: str, args: typing.Any = (), kwds: typing.Any = {}) -> typing.Any:
        return _counted(self._token, methodname, callmethod, self, methodname, args, kwds)

    def counted_incref(self: typing.Any) -> None:
        if getattr(self, "_owned_by_manager", False):
            incref(self)
        else:
            _counted(self._token, "(received)", incref, self)

    place_of_state = list(inspect.signature(decref).parameters).index("state")

    def counted_decref(token: typing.Any, *more: typing.Any) -> None:
        state = more[place_of_state - 1]
        if state is None or state.value == stock.State.STARTED:
            _counted(token, "(dropped)", decref, token, *more)
        else:
            decref(token, *more)

    stock.BaseProxy._callmethod = counted
    stock.BaseProxy._incref = counted_incref
    stock.BaseProxy._decref = staticmethod(counted_decref)


# --- the end ----------------------------------------------------------------------------------------------------------

def _read(path: str) -> typing.Iterator[typing.Tuple[_Key, _Row]]:
    """What a table has; also notes what it knows of servers."""
    with open(path + ".counts", "rb") as f:
        rows = f.read()
    at = 0
    try:
        with open(path + ".about") as about:
            lines = about.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            what = json.loads(line)
        except ValueError:
            break  # its process was killed while it wrote this
        if len(what) == 2:
            servers.setdefault(*what)
        else:
            yield tuple(what), _Row(*_ROW.unpack_from(rows, at))  # type: ignore[misc]
            at += _ROW.size


def _total(folder: str) -> typing.Tuple[int, typing.Dict[_Key, _Row]]:
    """How many processes called anything, and the rows of all of them by server, typeid and method."""
    rows = []  # type: typing.List[typing.Tuple[_Key, _Row]]
    processes = set()
    for name in sorted(os.listdir(folder)):
        if name.endswith(".counts"):
            mine = list(_read(os.path.join(folder, name[:-len(".counts")])))
            rows += mine
            if mine:
                processes.add(name.rsplit("-", 1)[0])
    total = {}  # type: typing.Dict[_Key, _Row]
    for (address, typeid, method), row in rows:
        key = servers.get(address, "another"), typeid, method
        so_far = total.get(key)
        if so_far is None:
            total[key] = row
        else:
            least = [r.least for r in (so_far, row) if r.ended]
            total[key] = _Row(so_far.begun + row.begun, so_far.ended + row.ended, so_far.seconds + row.seconds,
                              min(least) if least else 0.0)
    return len(processes), total


_WIDEST = 40


def _fit(text: str) -> str:
    return text if len(text) <= _WIDEST else text[:_WIDEST - 3] + "..."


def _plural(n: float, what: str) -> str:
    return "%d %s" % (n, what if n == 1 else what + ("es" if what.endswith("s") else "s"))


def _text(processes: int, total: typing.Dict[_Key, _Row]) -> str:
    """The report."""
    if not total:
        return "\nmpmd: no calls to managers\n"
    lines = ["", "mpmd: %s of %s to managers; waited for them: %.3f s, in sum" % (
        _plural(sum(row.begun for row in total.values()), "call"), _plural(processes, "process"),
        sum(row.seconds for row in total.values()))]
    by_server = []
    for server in ("mpmd", "companion", "stock", "another"):
        rows = [row for key, row in total.items() if key[0] == server]
        if rows or server in ("mpmd", "companion"):
            by_server.append("%s: %s, %.3f s" % (_SERVED_BY[server], _plural(sum(row.begun for row in rows), "call"),
                                                 sum(row.seconds for row in rows)))
    lines.append("mpmd: served by %s" % "; by ".join(by_server))
    table = [("served by", "object", "method", "calls", "waited s", "mean us", "least us")]
    lost = 0.0
    for (server, typeid, method), row in sorted(total.items(), key=lambda item: (-item[1].seconds, item[0])):
        mean = "%.0f" % (1e6 * row.seconds / row.ended) if row.ended else "-"
        least = "%.0f" % (1e6 * row.least) if row.ended else "-"
        table.append((server, _fit(typeid), _fit(method), "%d" % row.begun, "%.3f" % row.seconds, mean, least))
        lost += row.begun - row.ended
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for texts in table:
        padded = zip(texts, widths)
        cells = [text.ljust(width) if i < 3 else text.rjust(width) for i, (text, width) in enumerate(padded)]
        lines.append("  ".join(cells))
    if lost:
        lines.append("mpmd: %s had not returned when the process ended" % _plural(lost, "call"))
    return "\n".join(lines) + "\n"


_SERVED_BY = {"mpmd": "mpmd", "companion": "the companion", "stock": "stock managers", "another": "servers elsewhere"}


def _print(folder: str, pid: int) -> None:
    if os.getpid() != pid:
        return
    processes, total = _total(folder)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sys.__stderr__.write(_text(processes, total))
        sys.__stderr__.flush()
    except (AttributeError, OSError, ValueError):
        pass  # there is no standard error
