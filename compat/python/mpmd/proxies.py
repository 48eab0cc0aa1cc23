"""What proxies of mpmd's objects do by themselves.

With fewer round trips than stock ones, unless Options.plain (--plain):

- iterating over a dict or list fetches it in one call, where a stock proxy makes one for each element. What this
  process changes meanwhile is seen as with a stock proxy; what others change is seen by the next loop.
- making an object takes one connection, where a stock manager takes three: the reference that the server counts for its
  creator becomes the proxy's.

And list.sort() calls key functions and the items' own __lt__, which the server does not.

Source: CPython Lib/multiprocessing/managers.py, BaseProxy and BaseManager.register.
"""
import inspect
import os
import threading
import typing
import weakref

from . import _channel, _errors
from ._stock import stock, util

_stock_dict_iter = stock.DictProxy.__iter__
_stock_callmethod = stock.BaseProxy._callmethod
_stock_connect = stock.BaseProxy._connect

# What gives a reference back wants to know this; `serial` from CPython 3.14 on, and late releases before it.
_DECREF = list(inspect.signature(stock.BaseProxy._decref).parameters)
_CAN_ADOPT = set(_DECREF) <= {"token", "serial", "authkey", "state", "tls", "idset", "_Client"}


def make(manager: typing.Any, token: typing.Any, exposed: typing.Any, proxytype: typing.Any, fast: bool) -> typing.Any:
    """The proxy of an object that was just made. If `fast`, it takes over its creator's reference."""
    cls = proxytype  # type: typing.Any
    own_init = isinstance(proxytype, type) and issubclass(proxytype, stock.BaseProxy) and (
        cls.__init__ is stock.BaseProxy.__init__ and cls._incref is stock.BaseProxy._incref)
    if not fast or not _CAN_ADOPT or not own_init and proxytype is not stock.AutoProxy:
        proxy = proxytype(token, manager._serializer, manager=manager, authkey=manager._authkey, exposed=exposed)
        conn = manager._Client(token.address, authkey=manager._authkey)
        try:
            stock.dispatch(conn, None, "decref", (token.id,))
        finally:
            conn.close()
        return proxy
    proxy = proxytype(token, manager._serializer, manager=manager, authkey=manager._authkey, exposed=exposed,
                      incref=False)
    known = {"token": proxy._token, "authkey": proxy._authkey, "state": manager._state, "tls": proxy._tls,
             "_Client": proxy._Client}
    if "serial" in _DECREF:
        known["serial"], known["idset"] = proxy._serial, proxy._all_serials
        proxy._all_serials.add(proxy._serial)
    else:
        known["idset"] = proxy._idset
        proxy._idset.add(proxy._id)
    proxy._close = util.Finalize(proxy, stock.BaseProxy._decref, exitpriority=10, args=[known[n] for n in _DECREF])
    return proxy


# --- iterating --------------------------------------------------------------------------------------------------------

_READING = frozenset(["__getitem__", "__len__", "__contains__", "get", "keys", "values", "items", "copy", "count",
                      "index", "__iter__", "__next__", "#GETVALUE", "__repr__", "__str__"])


class _Changes:
    """How often this process has changed an object, counted while it loops over it."""

    n = 0


# By object. What the process changes itself inside a loop is seen there as with a stock proxy.
_changes = weakref.WeakValueDictionary()  # type: weakref.WeakValueDictionary[typing.Any, _Changes]
_mutex = util.ForkAwareThreadLock()


class _Loop:
    """Over a container whose elements came in one call."""

    def __init__(self, proxy: typing.Any, elements: typing.List) -> None:
        self._proxy = proxy
        self._elements = elements
        self._i = 0
        self._ended = False
        with _mutex:
            self._changes = _changes.setdefault(_key(proxy), _Changes())
        self._seen = self._changes.n

    def __iter__(self) -> "_Loop":
        return self

    def __length_hint__(self) -> int:
        return len(self._elements) - self._i

    def __next__(self) -> typing.Any:
        if self._seen != self._changes.n and not self._ended:
            self._seen = self._changes.n
            self._look_again()
        if self._i >= len(self._elements):
            self._ended = True  # for good, also when elements come later
            raise StopIteration
        self._i += 1
        return self._elements[self._i - 1]

    def _look_again(self) -> None:
        raise NotImplementedError


class _ListLoop(_Loop):
    def _look_again(self) -> None:
        self._elements[self._i:] = self._proxy._callmethod("__getitem__", (slice(self._i, None),))


class _DictLoop(_Loop):
    def _look_again(self) -> None:
        if len(self._proxy) != len(self._elements):
            self._seen = -1  # for good
            raise RuntimeError("dictionary changed size during iteration")


def _key(proxy: typing.Any) -> typing.Any:
    return proxy._token.address, proxy._id


def _callmethod(self: typing.Any, methodname: str, args: typing.Any = (), kwds: typing.Any = {}) -> typing.Any:
    if _changes and methodname not in _READING:
        changes = _changes.get(_key(self))
        if changes is not None:
            changes.n += 1
    before, restore = None, False
    if _may_have_proxies(args, kwds):
        before, restore = sending_to(self._token.address), True
    try:
        return _stock_callmethod(self, methodname, args, kwds)
    except BaseException as e:
        if not isinstance(e, Exception) or _errors.is_deeper(e, 2):
            _forget_connection(self)
        if isinstance(e, (OSError, EOFError)):
            _errors.explain(e, self._token.address, 2)
        raise
    finally:
        if restore:
            sending_to(before)


_may_reconnect = bool  # type: typing.Callable[[typing.Any], bool]


def _forget_connection(proxy: typing.Any) -> None:
    """A call was interrupted: by Ctrl-C, by what a signal's handler raised. Its reply, or half of it, may still come; the next
    call would take it for its own. mpmd takes back what the reply gave, and knows the owner of a lock by its process; over
    TCP and with stock servers the connection is the owner."""
    address = proxy._token.address
    if not isinstance(address, str) or not _may_reconnect(address):
        return
    conn = proxy._tls.__dict__.pop("connection", None)
    if conn is not None:
        conn.close()


def _after_fork() -> None:
    """In a child by os.fork(), for which multiprocessing does nothing: it would share its parent's connections, and read
    replies that are not its own; a thread that it has not may hold a lock."""
    global _mutex
    _mutex = util.ForkAwareThreadLock()
    stock.BaseProxy._mutex = util.ForkAwareThreadLock()
    for address, (tls, _) in list(stock.BaseProxy._address_to_local.items()):
        if _may_reconnect(address):
            tls.__dict__.pop("connection", None)


# --- sorting here ------------------------------------------------------------------------------------------------------

_SORT_TRIES = 100
_NO_PYTHON = "mpmd runs no Python"  # part of what the server says when items might have a __lt__; it sorts nothing then


def _sort_here(proxy: typing.Any, kwds: typing.Dict) -> None:
    """The server runs no Python: key functions and the items' __lt__ are called here, and the list is stored if nobody
    changed it."""
    for _ in range(_SORT_TRIES):
        before = proxy._callmethod("__getitem__", (slice(None),))
        if proxy._callmethod("update_if", (before, sorted(before, **kwds))):
            return
    proxy._callmethod("sort", (), kwds)  # it changes all the time, or an item equals nothing (nan): the server says no


# --- proxies in objects of another server -----------------------------------------------------------------------------

_stock_reduce = stock.BaseProxy.__reduce__
# Its `address`: of the server to which this thread sends something that may have proxies in it.
_sending = threading.local()
# Objects that were kept by this process: server and ident.
_kept = set()  # type: typing.Set[typing.Any]


def sending_to(address: typing.Any) -> typing.Any:
    """Proxies of another server's objects that this thread pickles from now on are for mpmd, if it is at this address.

    A stock server un-pickles proxies, and has their objects kept by that; mpmd does not. So such an object gets a reference
    that nobody gives back: it lives until its server ends. Returns what is to be said when all is sent.
    """
    before = getattr(_sending, "address", None)
    _sending.address = address
    return before


def _keep(proxy: typing.Any) -> None:
    key = proxy._token.address, proxy._id
    if key not in _kept:
        conn = proxy._Client(proxy._token.address, authkey=proxy._authkey)
        try:
            stock.dispatch(conn, None, "incref", (proxy._id,))
        finally:
            conn.close()
        _kept.add(key)


def _may_have_proxies(args: typing.Any, kwds: typing.Any) -> bool:
    for arg in args:
        if type(arg) not in _channel.SCALARS:
            return True
    return bool(kwds)


def install(is_ours: typing.Callable[[typing.Any], bool], is_fast: typing.Callable[[typing.Any], bool],
            may_reconnect: typing.Callable[[typing.Any], bool],
            is_mpmd: typing.Callable[[typing.Any, bytes], bool]) -> None:
    """is_ours: whether a proxy's object is one of mpmd's; is_fast: and speed-ups are on; may_reconnect: whether a server at
    this address knows its clients again on another connection; is_mpmd: whether the server there is mpmd."""
    global _may_reconnect
    _may_reconnect = may_reconnect

    def reduce(self: typing.Any) -> typing.Any:
        address = getattr(_sending, "address", None)
        if address is not None and address != self._token.address and is_mpmd(address, self._authkey):
            _keep(self)
        return _stock_reduce(self)

    stock.BaseProxy.__reduce__ = reduce

    def iterate_dict(self: typing.Any) -> typing.Iterator:
        return _DictLoop(self, self.keys()) if is_fast(self) else _stock_dict_iter(self)

    def iterate_list(self: typing.Any) -> typing.Iterator:
        if is_fast(self):
            return _ListLoop(self, self._callmethod("__getitem__", (slice(None),)))
        return _by_index(self)

    def sort_list(*args: typing.Any, **kwds: typing.Any) -> None:
        self = args[0]
        if len(args) > 1 or not set(kwds) <= {"key", "reverse"} or not is_ours(self):
            self._callmethod("sort", args[1:], kwds)
        elif kwds.get("key") is not None:
            _sort_here(self, kwds)
        else:
            try:
                self._callmethod("sort", (), kwds)
            except TypeError as e:
                if _NO_PYTHON not in str(e):
                    raise
                _sort_here(self, kwds)

    def connect(self: typing.Any) -> None:
        _stock_connect(self)
        if _channel.can_widen(self._tls.connection) and is_fast(self):
            _channel.widen(self._tls.connection)

    sort_list.__name__ = "sort"
    stock.BaseListProxy.sort = sort_list
    stock.DictProxy.__iter__ = iterate_dict
    stock.BaseListProxy.__iter__ = iterate_list
    stock.BaseProxy._callmethod = _callmethod
    stock.BaseProxy._connect = connect
    if hasattr(os, "register_at_fork"):  # from CPython 3.7 on
        os.register_at_fork(after_in_child=_after_fork)


def _by_index(sequence: typing.Any) -> typing.Iterator:
    """What iter() does with a stock ListProxy, which has no __iter__."""
    i = 0
    while True:
        try:
            item = sequence[i]
        except IndexError:
            return
        yield item
        i += 1
