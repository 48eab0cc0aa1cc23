"""What a manager of mpmd makes, with its proxies, where that is more than what multiprocessing has.

- Methods that mpmd's server has beside those of CPython's, each one request: `value.increment()` in place of
  `value.value += 1`, which is two and loses what others did in between. Proxies have them when their object is in mpmd
  and Options.plain is off; of others they are an AttributeError that says so, so hasattr() tells.
- Types that multiprocessing has not: Counter, RWLock, Latch, deque, OrderedDict, set, LifoQueue, PriorityQueue; made by
  methods of mpmd.SyncManager. Who reads their proxies has to have this package.

doc/types.md has what each method does, and when it fails. The names ValueProxy, DictProxy, ListProxy and QueueProxy are
for annotations; the first three are multiprocessing's own classes.
"""
import contextlib
import queue
import threading
import types
import typing

from ._stock import multiprocessing
from ._stock import stock as _stock

__all__ = ["CounterProxy", "DequeProxy", "DictProxy", "LatchProxy", "ListProxy", "OrderedDictProxy", "QueueProxy",
           "RWLockProxy", "SetProxy", "ValueProxy"]

_T = typing.TypeVar("_T")
_K = typing.TypeVar("_K")
_V = typing.TypeVar("_V")
_Items = typing.Iterable[typing.Any]


def _call(proxy: typing.Any, method: str, *args: typing.Any) -> typing.Any:
    return proxy._callmethod(method, args)


# --- methods that stock proxies lack ----------------------------------------------------------------------------------

class _ValueMethods(typing.Generic[_T]):
    def increment(self, n: typing.Any = 1) -> _T:
        """Add n, an int or float, and return the new value; in one request, so that no change of others is lost."""
        return _call(self, "increment", n)

    def decrement(self, n: typing.Any = 1) -> _T:
        """Subtract n and return the new value, in one request."""
        return _call(self, "decrement", n)

    def exchange(self, new: _T) -> _T:
        """Set the value and return the old one, in one request."""
        return _call(self, "exchange", new)

    def compare_and_set(self, expected: _T, new: _T) -> bool:
        """Set the value if it equals `expected`; whether it did."""
        return bool(_call(self, "compare_and_set", expected, new))

    def update_if(self, expected: _T, new: _T) -> bool:
        """As compare_and_set()."""
        return bool(_call(self, "compare_and_set", expected, new))


class _DictMethods(typing.Generic[_K, _V]):
    def increment(self, key: _K, n: typing.Any = 1) -> _V:
        """Add n to what is there, 0 when nothing is, and return the sum; in one request."""
        return _call(self, "increment", key, n)

    def compare_and_set(self, key: _K, expected: _V, new: _V) -> bool:
        """Set what is there if it equals `expected`; whether it did. A key that is not there equals nothing."""
        return bool(_call(self, "compare_and_set", key, expected, new))

    def update_if(self, key: _K, expected: _V, new: _V) -> bool:
        """As compare_and_set()."""
        return bool(_call(self, "compare_and_set", key, expected, new))


class _ListMethods(typing.Generic[_T]):
    def update_if(self, expected: typing.Sequence[_T], new: typing.Iterable[_T]) -> bool:
        """Replace all items by `new` if they equal those of `expected`, a list or tuple; whether it did.

        So reading, thinking and writing back lose nothing that others did meanwhile.
        """
        return bool(_call(self, "update_if", expected, new))

    def clear(self) -> None:
        """Remove all items (a stock proxy can from CPython 3.14 on)."""
        _call(self, "clear")

    def copy(self) -> typing.List[_T]:
        """The items as a list (a stock proxy can from CPython 3.14 on)."""
        return _call(self, "copy")


class _LockMethods:
    def locked(self) -> bool:
        """Whether anybody holds it (a stock proxy can from CPython 3.14 on; semaphores cannot)."""
        return bool(_call(self, "locked"))


class _QueueMethods(typing.Generic[_T]):
    """The server names them itself: any stock proxy of a queue in mpmd has them."""

    def put_many(self, items: typing.Iterable[_T], block: bool = True,
                 timeout: typing.Optional[float] = None) -> None:
        """Put all items, one after the other and nothing in between, or none of them; waits until all fit."""
        raise NotImplementedError

    def pop_many(self, n: int, block: bool = True, timeout: typing.Optional[float] = None) -> typing.List[_T]:
        """Wait for one item and return a list of those that are there, up to n."""
        raise NotImplementedError

    def lease(self, block: bool = True,
              timeout: typing.Optional[float] = None) -> typing.Tuple[int, int, _T]:
        """Borrow an item: (number of the lease, how often it was delivered, item). It comes back should this process
        die before ack()."""
        raise NotImplementedError

    def ack(self, lease: int) -> None:
        """The item of this lease is done with; counts as task_done()."""
        raise NotImplementedError

    def nack(self, lease: int, failed: bool = True) -> None:
        """The item of this lease goes back to where it was. With failed=False the delivery is not counted."""
        raise NotImplementedError


if typing.TYPE_CHECKING:
    class ValueProxy(_ValueMethods[_T], multiprocessing.managers.ValueProxy[_T]):
        """A proxy of a Value."""

    class DictProxy(_DictMethods[_K, _V], multiprocessing.managers.DictProxy[_K, _V]):
        """A proxy of a dict."""

    class ListProxy(_ListMethods[_T], multiprocessing.managers.ListProxy[_T]):  # type: ignore[misc]
        """A proxy of a list."""

    class RLockProxy(_LockMethods, threading._RLock):
        """A proxy of an RLock."""

    class QueueProxy(_QueueMethods[_T], queue.Queue[_T]):
        """A proxy of a queue."""
else:
    ValueProxy = _stock.ValueProxy
    DictProxy = _stock.DictProxy
    ListProxy = _stock.ListProxy
    QueueProxy = _QueueMethods


class _Offered:
    """A method that an object has when it is in mpmd, put into a stock class of proxies."""

    def __init__(self, function: typing.Any, why_not: typing.Callable[[typing.Any], typing.Optional[str]]) -> None:
        self._function = function
        self._why_not = why_not

    def __get__(self, proxy: typing.Any, owner: typing.Any = None) -> typing.Any:
        if proxy is None:
            return self._function
        why = self._why_not(proxy)
        if why is not None:
            name = proxy._token.typeid, self._function.__name__
            raise AttributeError("%s.%s() is a method of mpmd: %s" % (name + (why,)))
        return types.MethodType(self._function, proxy)


def install(why_not: typing.Callable[[typing.Any], typing.Optional[str]]) -> None:
    """Put the methods into the stock proxies; why_not(proxy) says why they are not to be used, or None."""
    for cls, methods in ((_stock.ValueProxy, _ValueMethods), (_stock.DictProxy, _DictMethods),
                         (_stock.ListProxy, _ListMethods), (_stock.AcquirerProxy, _LockMethods)):
        for name, function in vars(methods).items():
            if not name.startswith("_") and not hasattr(cls, name):
                setattr(cls, name, _Offered(function, why_not))


# --- types of our own -------------------------------------------------------------------------------------------------

class CounterProxy(multiprocessing.managers.BaseProxy):
    """A Counter: an int of any size that many change at once without a lock. Not collections.Counter."""

    def get(self) -> int:
        """The value."""
        return int(_call(self, "get"))

    def set(self, value: int) -> None:
        """Set the value."""
        _call(self, "set", value)

    value = property(get, set, doc="The value; `counter.value += 1` is two requests and a race, increment() is one.")

    def increment(self, n: int = 1) -> int:
        """Add n and return the new value."""
        return int(_call(self, "increment", n))

    def decrement(self, n: int = 1) -> int:
        """Subtract n and return the new value."""
        return int(_call(self, "decrement", n))

    def exchange(self, new: int) -> int:
        """Set the value and return the old one."""
        return int(_call(self, "exchange", new))

    def compare_and_set(self, expected: int, new: int) -> bool:
        """Set the value if it equals `expected`; whether it did."""
        return bool(_call(self, "compare_and_set", expected, new))


class RWLockProxy(multiprocessing.managers.BaseProxy):
    """A lock that many hold to read, or one to write: `with lock.reading():`, `with lock.writing():`.

    Who waits is served in order of arrival. A holder is a thread, as with an RLock, and may acquire again; who reads
    cannot acquire to write.
    """

    def acquire_read(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait until nobody writes; False: not in time."""
        return bool(_call(self, "acquire_read", blocking, timeout))

    def release_read(self) -> None:
        """Undo one acquire_read()."""
        _call(self, "release_read")

    def acquire_write(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait until nobody reads or writes; False: not in time."""
        return bool(_call(self, "acquire_write", blocking, timeout))

    def release_write(self) -> None:
        """Undo one acquire_write()."""
        _call(self, "release_write")

    def locked(self) -> bool:
        """Whether anybody holds it."""
        return bool(_call(self, "locked"))

    @contextlib.contextmanager
    def reading(self) -> typing.Iterator[None]:
        """Holds it to read in a with block."""
        self.acquire_read()
        try:
            yield
        finally:
            self.release_read()

    @contextlib.contextmanager
    def writing(self) -> typing.Iterator[None]:
        """Holds it to write in a with block."""
        self.acquire_write()
        try:
            yield
        finally:
            self.release_write()


class LatchProxy(multiprocessing.managers.BaseProxy):
    """A count that goes down to zero once, and those who wait for that."""

    def count_down(self, n: int = 1) -> None:
        """Take n off; at zero it stays."""
        _call(self, "count_down", n)

    def wait(self, timeout: typing.Optional[float] = None) -> bool:
        """Wait until the count is zero; False: not in time."""
        return bool(_call(self, "wait", timeout))

    def count(self) -> int:
        """The count."""
        return int(_call(self, "count"))


class DequeProxy(multiprocessing.managers.BaseProxy):
    """A collections.deque. Iterating takes a copy, in one request."""

    def append(self, item: typing.Any) -> None:
        """Add an item at the right."""
        _call(self, "append", item)

    def appendleft(self, item: typing.Any) -> None:
        """Add an item at the left."""
        _call(self, "appendleft", item)

    def pop(self) -> typing.Any:
        """Take the item at the right; IndexError when there is none."""
        return _call(self, "pop")

    def popleft(self) -> typing.Any:
        """Take the item at the left; IndexError when there is none."""
        return _call(self, "popleft")

    def extend(self, items: _Items) -> None:
        """Add items at the right."""
        _call(self, "extend", items)

    def extendleft(self, items: _Items) -> None:
        """Add items at the left, one after the other."""
        _call(self, "extendleft", items)

    def insert(self, index: int, item: typing.Any) -> None:
        """Insert an item before this index."""
        _call(self, "insert", index, item)

    def remove(self, item: typing.Any) -> None:
        """Remove the first that equals item; ValueError when there is none."""
        _call(self, "remove", item)

    def rotate(self, n: int = 1) -> None:
        """Move n items from the right to the left."""
        _call(self, "rotate", n)

    def reverse(self) -> None:
        """Reverse the order."""
        _call(self, "reverse")

    def clear(self) -> None:
        """Remove all items."""
        _call(self, "clear")

    def count(self, item: typing.Any) -> int:
        """How many equal item."""
        return int(_call(self, "count", item))

    def index(self, item: typing.Any, *bounds: int) -> int:
        """Where the first is that equals item; ValueError when there is none."""
        return int(_call(self, "index", item, *bounds))

    def copy(self) -> typing.Deque[typing.Any]:
        """A collections.deque with the same items."""
        return _call(self, "copy")

    def __len__(self) -> int:
        return int(_call(self, "__len__"))

    def __getitem__(self, index: int) -> typing.Any:
        return _call(self, "__getitem__", index)

    def __setitem__(self, index: int, item: typing.Any) -> None:
        _call(self, "__setitem__", index, item)

    def __delitem__(self, index: int) -> None:
        _call(self, "__delitem__", index)

    def __contains__(self, item: typing.Any) -> bool:
        return bool(_call(self, "__contains__", item))

    def __iter__(self) -> typing.Iterator[typing.Any]:
        return iter(self.copy())

    def __reversed__(self) -> typing.Iterator[typing.Any]:
        return reversed(self.copy())


class OrderedDictProxy(DictProxy[typing.Any, typing.Any] if typing.TYPE_CHECKING else DictProxy):  # type: ignore
    """A collections.OrderedDict; has the methods of a dict's proxy, too."""

    def move_to_end(self, key: typing.Any, last: bool = True) -> None:
        """Move a key to the end, or to the beginning; KeyError when it is not there."""
        _call(self, "move_to_end", key, last)

    def popitem(self, last: bool = True) -> typing.Tuple[typing.Any, typing.Any]:
        """Take the last item, or the first; KeyError when there is none."""
        return _call(self, "popitem", last)

    def __iter__(self) -> typing.Iterator[typing.Any]:
        return iter(self.keys())

    def __reversed__(self) -> typing.Iterator[typing.Any]:
        return reversed(self.keys())

    def __eq__(self, other: typing.Any) -> bool:
        return self is other or bool(_call(self, "__eq__", other))

    def __ne__(self, other: typing.Any) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


class SetProxy(multiprocessing.managers.BaseProxy):
    """A set, in the order of insertion. Iterating takes a copy, in one request. Other sets may be proxies, too."""

    def add(self, item: typing.Any) -> None:
        """Add an item."""
        _call(self, "add", item)

    def discard(self, item: typing.Any) -> None:
        """Remove an item, if it is there."""
        _call(self, "discard", item)

    def remove(self, item: typing.Any) -> None:
        """Remove an item; KeyError when it is not there."""
        _call(self, "remove", item)

    def pop(self) -> typing.Any:
        """Take the oldest item; KeyError when there is none."""
        return _call(self, "pop")

    def clear(self) -> None:
        """Remove all items."""
        _call(self, "clear")

    def copy(self) -> typing.Set[typing.Any]:
        """A set with the same items."""
        return _call(self, "copy")

    def update(self, *others: _Items) -> None:
        """Add the items of others."""
        _call(self, "update", *others)

    def difference_update(self, *others: _Items) -> None:
        """Remove the items of others."""
        _call(self, "difference_update", *others)

    def intersection_update(self, *others: _Items) -> None:
        """Keep what is in all others."""
        _call(self, "intersection_update", *others)

    def symmetric_difference_update(self, other: _Items) -> None:
        """Keep what is in one of the two."""
        _call(self, "symmetric_difference_update", other)

    def union(self, *others: _Items) -> typing.Set[typing.Any]:
        """A set of all items of this one and the others."""
        return _call(self, "union", *others)

    def difference(self, *others: _Items) -> typing.Set[typing.Any]:
        """A set of the items that no other has."""
        return _call(self, "difference", *others)

    def intersection(self, *others: _Items) -> typing.Set[typing.Any]:
        """A set of the items that all have."""
        return _call(self, "intersection", *others)

    def symmetric_difference(self, other: _Items) -> typing.Set[typing.Any]:
        """A set of the items that one of the two has."""
        return _call(self, "symmetric_difference", other)

    def isdisjoint(self, other: _Items) -> bool:
        """Whether they have no item in common."""
        return bool(_call(self, "isdisjoint", other))

    def issubset(self, other: _Items) -> bool:
        """Whether other has all items of this one."""
        return bool(_call(self, "issubset", other))

    def issuperset(self, other: _Items) -> bool:
        """Whether this one has all items of other."""
        return bool(_call(self, "issuperset", other))

    def __len__(self) -> int:
        return int(_call(self, "__len__"))

    def __contains__(self, item: typing.Any) -> bool:
        return bool(_call(self, "__contains__", item))

    def __iter__(self) -> typing.Iterator[typing.Any]:
        return iter(_call(self, "__iter__"))

    def __or__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__or__", other)

    def __and__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__and__", other)

    def __sub__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__sub__", other)

    def __xor__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__xor__", other)

    def __ior__(self, other: typing.Any) -> "SetProxy":
        _call(self, "update", other)
        return self

    def __iand__(self, other: typing.Any) -> "SetProxy":
        _call(self, "intersection_update", other)
        return self

    def __isub__(self, other: typing.Any) -> "SetProxy":
        _call(self, "difference_update", other)
        return self

    def __ixor__(self, other: typing.Any) -> "SetProxy":
        _call(self, "symmetric_difference_update", other)
        return self

    def __le__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__le__", other)

    def __lt__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__lt__", other)

    def __ge__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__ge__", other)

    def __gt__(self, other: typing.Any) -> typing.Any:
        return _call(self, "__gt__", other)


# --- makers -----------------------------------------------------------------------------------------------------------

class Makers:
    """The methods of a SyncManager that make objects."""

    def _mpmd_make(self, typeid: str, args: typing.Tuple[typing.Any, ...] = (), kwds: typing.Any = {},
                   proxytype: typing.Any = None) -> typing.Any:
        """The proxy of a new object. proxytype: of a type that only mpmd has."""
        raise NotImplementedError

    # Those of multiprocessing.

    def Lock(self) -> threading.Lock:
        """A threading.Lock. What becomes of it when the process that holds it dies: Options.on_owner_death."""
        return self._mpmd_make("Lock")

    def RLock(self) -> "RLockProxy":
        """A threading.RLock."""
        return self._mpmd_make("RLock")

    def Semaphore(self, value: int = 1) -> threading.Semaphore:
        """A threading.Semaphore."""
        return self._mpmd_make("Semaphore", (value,))

    def BoundedSemaphore(self, value: int = 1) -> threading.BoundedSemaphore:
        """A threading.BoundedSemaphore."""
        return self._mpmd_make("BoundedSemaphore", (value,))

    def Event(self) -> threading.Event:
        """A threading.Event."""
        return self._mpmd_make("Event")

    def Condition(self, lock: typing.Any = None) -> threading.Condition:
        """A threading.Condition, with an RLock of its own or the given lock of this manager."""
        return self._mpmd_make("Condition", (lock,) if lock is not None else ())

    def Barrier(self, parties: int, action: typing.Optional[typing.Callable[[], object]] = None,
                timeout: typing.Optional[float] = None) -> threading.Barrier:
        """A threading.Barrier. One with an action is the companion's, which calls it."""
        return self._mpmd_make("Barrier", (parties, action, timeout))

    def Queue(self, maxsize: int = 0) -> "QueueProxy[typing.Any]":
        """A queue.Queue; with put_many, pop_many, and lease, ack and nack, by which no item is lost with a worker."""
        return self._mpmd_make("Queue", (maxsize,))

    def JoinableQueue(self, maxsize: int = 0) -> "QueueProxy[typing.Any]":
        """As Queue()."""
        return self._mpmd_make("JoinableQueue", (maxsize,))

    def Value(self, typecode: typing.Any, value: _T, lock: typing.Any = True) -> "ValueProxy[_T]":
        """An object with a `value` of any type, and increment(), exchange(), compare_and_set(); lock means nothing."""
        return self._mpmd_make("Value", (typecode, value))

    def Array(self, typecode: typing.Any, sequence: typing.Sequence[_T],
              lock: typing.Any = True) -> typing.Sequence[_T]:
        """An array.array; lock means nothing."""
        return self._mpmd_make("Array", (typecode, sequence))

    def Namespace(self, **kwds: typing.Any) -> multiprocessing.managers.Namespace:
        """An object whose attributes are read and set."""
        return self._mpmd_make("Namespace", (), kwds)

    def Pool(self, *args: typing.Any, **kwds: typing.Any) -> multiprocessing.pool.Pool:
        """A multiprocessing.Pool, in the companion."""
        return self._mpmd_make("Pool", args, kwds)

    def dict(self, *args: typing.Any, **kwds: typing.Any) -> "DictProxy[typing.Any, typing.Any]":
        """A dict; with increment() and compare_and_set()."""
        return self._mpmd_make("dict", args, kwds)

    def list(self, *sequence: typing.Any) -> "ListProxy[typing.Any]":
        """A list; with update_if()."""
        return self._mpmd_make("list", sequence)

    def set(self, *iterable: typing.Any) -> SetProxy:
        """A set; multiprocessing has it from CPython 3.14 on."""
        return self._mpmd_make("set", iterable, proxytype=SetProxy)

    # Those of mpmd.

    def Counter(self, value: int = 0) -> CounterProxy:
        """An int that many change at once without a lock; not collections.Counter."""
        return self._mpmd_make("Counter", (value,), proxytype=CounterProxy)

    def RWLock(self) -> RWLockProxy:
        """A lock that many hold to read, or one to write."""
        return self._mpmd_make("RWLock", proxytype=RWLockProxy)

    def Latch(self, count: int = 1) -> LatchProxy:
        """A count that goes down to zero once, and those who wait for that."""
        return self._mpmd_make("Latch", (count,), proxytype=LatchProxy)

    def deque(self, iterable: _Items = (), maxlen: typing.Optional[int] = None) -> DequeProxy:
        """A collections.deque."""
        return self._mpmd_make("deque", (iterable, maxlen), proxytype=DequeProxy)

    def OrderedDict(self, *args: typing.Any, **kwds: typing.Any) -> OrderedDictProxy:
        """A collections.OrderedDict."""
        return self._mpmd_make("OrderedDict", args, kwds, proxytype=OrderedDictProxy)

    def LifoQueue(self, maxsize: int = 0) -> "QueueProxy[typing.Any]":
        """A queue.LifoQueue."""
        return self._mpmd_make("LifoQueue", (maxsize,), proxytype=_stock.AutoProxy)

    def PriorityQueue(self, maxsize: int = 0) -> "QueueProxy[typing.Any]":
        """A queue.PriorityQueue, which compares items without running Python: doc/types.md."""
        return self._mpmd_make("PriorityQueue", (maxsize,), proxytype=_stock.AutoProxy)
