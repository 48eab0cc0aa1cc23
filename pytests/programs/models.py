# What mpmd hosts and CPython does not, in plain Python as doc/types.md describes it, so that a stock server can have it:
# Counter, RWLock and Latch for one client that never waits, and proxies that are equal when they are of the same object.
# One source for CPython 2.7 and 3.x.
import operator
import threading
from multiprocessing import managers

get_ident = getattr(threading, "get_ident", None) or (lambda: threading.current_thread().ident)


class Counter(object):
    def __init__(self, value=0):
        self._lock, self._value = threading.Lock(), operator.index(value) + 0

    def get(self):
        return self._value

    def set(self, value):
        self.exchange(value)

    def exchange(self, new):
        new = operator.index(new) + 0
        with self._lock:
            old, self._value = self._value, new
        return old

    def add(self, n):
        n = operator.index(n)
        with self._lock:
            self._value += n
            return self._value

    def increment(self, n=1):
        return self.add(n)

    def decrement(self, n=1):
        return self.add(-operator.index(n))

    def compare_and_set(self, expected, new):
        new = operator.index(new) + 0
        with self._lock:
            same = bool(self._value == expected)
            if same:
                self._value = new
        return same

    def __repr__(self):
        return "Counter(%d)" % self._value

    def __reduce__(self):
        return int, (self._value,)


class RWLock(object):
    def __init__(self):
        self._lock = threading.Lock()
        self._writer, self._writes, self._reads = None, 0, {}

    def _check(self, blocking, timeout):
        """As a lock does."""
        try:
            threading.Lock().acquire(bool(blocking), timeout)
        except TypeError:
            if hasattr(threading, "get_ident") or not isinstance(timeout, (int, float)):
                raise
            if timeout != timeout or (timeout != -1 and (timeout < 0 or not blocking)):     # 2.7: it takes no timeout
                raise ValueError("timeout")

    def acquire_read(self, blocking=True, timeout=-1):
        self._check(blocking, timeout)
        with self._lock:
            me = get_ident()
            if me not in self._reads and self._writer not in (None, me):
                return False
            self._reads[me] = self._reads.get(me, 0) + 1
            return True

    def release_read(self):
        with self._lock:
            me = get_ident()
            if me not in self._reads:
                raise RuntimeError("cannot release un-acquired lock")
            self._reads[me] -= 1
            if self._reads[me] == 0:
                del self._reads[me]

    def acquire_write(self, blocking=True, timeout=-1):
        self._check(blocking, timeout)
        with self._lock:
            me = get_ident()
            if self._writer != me:
                if me in self._reads:
                    raise RuntimeError("cannot acquire_write() while reading; release_read() first")
                if self._writer is not None or self._reads:
                    return False
            self._writer = me
            self._writes += 1
            return True

    def release_write(self):
        with self._lock:
            if self._writer != get_ident():
                raise RuntimeError("cannot release un-acquired lock")
            self._writes -= 1
            if self._writes == 0:
                self._writer = None

    def locked(self):
        return self._writer is not None or bool(self._reads)

    def __repr__(self):
        return "<%s mpmd.RWLock object readers=%d writers=%d waiting=0 at 0x%x>" % (
            "locked" if self.locked() else "unlocked", len(self._reads), self._writer is not None, id(self))

    def __reduce__(self):
        raise TypeError("cannot pickle 'mpmd.RWLock' object")


def whole(n, what, too_small):
    if n < 0:
        raise ValueError(too_small)
    if n != int(n):
        raise TypeError("%s must be a whole number, not %g" % (what, n))
    return min(int(n), 2 ** 63 - 1)


class Latch(object):
    def __init__(self, count=1):
        self._lock = threading.Lock()
        self._count = whole(count, "the count of a latch", "the count of a latch must be >= 0")

    def count_down(self, n=1):
        n = whole(n, "n", "n must be >= 0")
        with self._lock:
            self._count -= min(n, self._count)

    def wait(self, timeout=None):
        if timeout is not None:
            timeout > 0     # or a TypeError
        return self._count == 0

    def count(self):
        return self._count

    def __repr__(self):
        return "<mpmd.Latch at 0x%x: count=%d>" % (id(self), self._count)

    def __reduce__(self):
        raise TypeError("cannot pickle 'mpmd.Latch' object")


def make_proxies_comparable():
    """For the rest of this process."""
    managers.BaseProxy.__eq__ = lambda self, other: \
        self._token.id == other._token.id if isinstance(other, managers.BaseProxy) else NotImplemented
    managers.BaseProxy.__ne__ = lambda self, other: \
        self._token.id != other._token.id if isinstance(other, managers.BaseProxy) else NotImplemented
    managers.BaseProxy.__hash__ = lambda self: hash(self._token.id)
