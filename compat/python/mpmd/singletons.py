"""Which of a manager's registered callables do nothing but return a standard object, and what that object is.

    q = queue.Queue()
    QueueManager.register('get_queue', callable=lambda: q)

mpmd can serve such an object in place of a Python process: it makes one like it, with the same content, before the
first client comes. Nothing is called to find out. The code of the callable is looked at: it may load one name and
return it, nothing else. So is the object: of exactly the standard type, nothing changed about it or its class, and
nothing about it that could not be made anew (a lock that is held, a thread that waits, content that cannot be pickled).

Source: CPython Lib/queue.py, threading.py, multiprocessing/managers.py; dis.
"""
import array
import builtins
import collections
import dis
import io
import pickle
import queue
import struct
import threading
import types
import typing

from ._stock import stock

_LOCK = type(threading.Lock())
_RLOCK = type(threading.RLock())
_QUEUE_CONDITIONS = ("not_empty", "not_full", "all_tasks_done")


class NotRecognized(Exception):
    """This has to be served by Python."""


def _need(is_so: typing.Any) -> None:
    if not is_so:
        raise NotRecognized


# --- the callable -----------------------------------------------------------------------------------------------------

_NOTHING = frozenset(["RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "EXTENDED_ARG"])
_LOCAL = frozenset(["LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"])
# *args, **kwds, generator, coroutine, iterable coroutine, asynchronous generator
_SPECIAL = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200


def returned(function: typing.Any) -> typing.Any:
    """What the function returns when it is called, without calling it."""
    _need(type(function) is types.FunctionType)
    code = function.__code__
    _need(not code.co_flags & _SPECIAL)
    steps = [step for step in dis.get_instructions(code) if step.opname not in _NOTHING]
    _need(len(steps) == 2 and steps[1].opname == "RETURN_VALUE")
    how, name = steps[0].opname, steps[0].argval
    try:
        if how == "LOAD_GLOBAL":
            found = function.__globals__.get(name, _MISSING)
            found = vars(builtins)[name] if found is _MISSING else found
            _need(code.co_argcount + code.co_kwonlyargcount == 0)
        elif how == "LOAD_DEREF":
            found = function.__closure__[code.co_freevars.index(name)].cell_contents
            _need(code.co_argcount + code.co_kwonlyargcount == 0)
        else:  # lambda q=q: q
            _need(how in _LOCAL and code.co_argcount == 1 and code.co_kwonlyargcount == 0)
            found, = function.__defaults__
        return found
    except (KeyError, ValueError, TypeError):  # no such name, cell without content, no default
        raise NotRecognized


_MISSING = object()


# --- its class --------------------------------------------------------------------------------------------------------

_KINDS = (types.FunctionType, staticmethod, classmethod, property)


def _functions(cls: type) -> typing.Dict[str, typing.Any]:
    return {name: value for name, value in vars(cls).items() if isinstance(value, _KINDS)}


def _as_they_came() -> typing.Dict[type, typing.Any]:
    """The functions of classes written in Python; None: of one that somebody has changed already."""
    found = {}  # type: typing.Dict[type, typing.Any]
    for cls in (queue.Queue, queue.LifoQueue, threading.Event, threading.Condition,
                threading.Semaphore, threading.BoundedSemaphore, threading.Barrier, stock.Namespace, stock.Value):
        functions = _functions(cls)
        changed = any(isinstance(f, types.FunctionType) and f.__module__ != cls.__module__ for f in functions.values())
        found[cls] = None if changed else functions
    return found


_ORIGINAL = _as_they_came()


def _is_unchanged(cls: type) -> bool:
    return all(_ORIGINAL[c] == _functions(c) for c in cls.__mro__ if c in _ORIGINAL)


def _attributes(thing: typing.Any, like: typing.Any) -> typing.Dict[str, typing.Any]:
    """Those of an object, which has the same ones as another of its type that was just made."""
    found = vars(thing)
    _need(set(found) == set(vars(like)) and _is_unchanged(type(thing)))
    return found


# --- the object -------------------------------------------------------------------------------------------------------

class _State:
    """An object as mpmd is to make it: typeid, arguments, then calls. `content`: what came into it after it was made,
    or may have."""

    def __init__(self, typeid: str, *args: typing.Any, content: bool = False, **kwds: typing.Any) -> None:
        self.typeid = typeid
        self.args = args
        self.kwds = kwds
        self.calls = []  # type: typing.List[typing.Tuple[str, typing.Tuple]]
        self.content = content

    def then(self, method: str, *args: typing.Any) -> "_State":
        self.calls.append((method, args))
        self.content = True
        return self


def _need_free(lock: typing.Any) -> None:
    if type(lock) is _LOCK:
        _need(not lock.locked())
    else:  # locked() came with CPython 3.14, and acquire() would have an effect
        _need(type(lock) is _RLOCK and repr(lock).startswith("<unlocked "))


def _need_idle(condition: typing.Any) -> None:
    _need(type(condition) is threading.Condition)
    like = threading.Condition(threading.RLock() if type(condition._lock) is _RLOCK else threading.Lock())
    found = _attributes(condition, like)
    _need_free(found["_lock"])
    _need(not found["_waiters"])
    _need(all(found[name].__self__ is found["_lock"] for name in ("acquire", "release")))


def _queue(q: typing.Any) -> _State:
    found = _attributes(q, type(q)())
    for name in _QUEUE_CONDITIONS:
        _need_idle(found[name])
        _need(found[name]._lock is found["mutex"])
    items = found["queue"]
    _need(type(items) is (collections.deque if type(q) is queue.Queue else list))
    _need(getattr(items, "maxlen", None) is None)
    _need(type(found["maxsize"]) is int and found["unfinished_tasks"] == len(items))
    _need(found["maxsize"] <= 0 or len(items) <= found["maxsize"])
    state = _State(type(q).__name__, found["maxsize"])
    if items:
        state.then("put_many", list(items), False)
    if found.get("is_shutdown"):
        state.then("shutdown")
    return state


def _event(event: typing.Any) -> _State:
    found = _attributes(event, threading.Event())
    _need_idle(found["_cond"])
    return _State("Event").then("set") if found["_flag"] else _State("Event")


def _lock(lock: typing.Any) -> _State:
    _need_free(lock)
    return _State("Lock" if type(lock) is _LOCK else "RLock")


def _condition(condition: typing.Any) -> _State:
    _need_idle(condition)
    _need(type(condition._lock) is _RLOCK)
    return _State("Condition")


def _semaphore(semaphore: typing.Any) -> _State:
    found = _attributes(semaphore, type(semaphore)())
    _need_idle(found["_cond"])
    _need(type(found["_value"]) is int and found.get("_initial_value", found["_value"]) == found["_value"])
    return _State(type(semaphore).__name__, found["_value"])


def _barrier(barrier: typing.Any) -> _State:
    found = _attributes(barrier, threading.Barrier(1))
    _need_idle(found["_cond"])
    _need(found["_action"] is None and found["_state"] == 0 and found["_count"] == 0)
    return _State("Barrier", found["_parties"], None, found["_timeout"])


def _namespace(namespace: typing.Any) -> _State:
    _need(_is_unchanged(stock.Namespace))
    return _State("Namespace", content=bool(vars(namespace)), **vars(namespace))


def _value(value: typing.Any) -> _State:
    found = _attributes(value, stock.Value("i", 0))
    return _State("Value", found["_typecode"], found["_value"], content=True)


def _array(a: typing.Any) -> _State:
    return _State("Array", a.typecode, list(a), content=True)


def _deque(d: typing.Any) -> _State:
    return _State("deque", list(d), d.maxlen, content=bool(d))


def _list_of(typeid: str) -> typing.Callable[[typing.Any], _State]:
    def state(things: typing.Any) -> _State:
        things = list(things.items() if typeid == "OrderedDict" else things)
        return _State(typeid, things, content=True) if things else _State(typeid)
    return state


def _dict(d: typing.Any) -> _State:
    return _State("dict", dict(d), content=True) if d else _State("dict")


_READ = {
    queue.Queue: _queue, queue.LifoQueue: _queue, threading.Event: _event, _LOCK: _lock, _RLOCK: _lock,
    threading.Condition: _condition, threading.Semaphore: _semaphore,
    threading.BoundedSemaphore: _semaphore, threading.Barrier: _barrier, stock.Namespace: _namespace,
    stock.Value: _value, array.array: _array, collections.deque: _deque, list: _list_of("list"), set: _list_of("set"),
    dict: _dict, collections.OrderedDict: _list_of("OrderedDict"),
}  # type: typing.Dict[type, typing.Callable[[typing.Any], _State]]

# Public methods of Python's classes that mpmd's have not.
_LACKING = {
    "Array": frozenset(["buffer_info", "byteswap", "fromfile", "fromlist", "fromstring", "fromunicode", "tofile",
                        "tostring", "tounicode"]),
    "Condition": frozenset(["wait_for"]),
}
# What every proxy of a queue in mpmd has besides (doc/types.md).
_MORE = {name: ("put_many", "pop_many", "lease", "ack", "nack") for name in ("Queue", "LifoQueue")}


def _exposed(thing: typing.Any, typeid: str, entry: typing.Tuple) -> typing.Tuple[str, ...]:
    """What a stock server says that the object can do."""
    _callable, exposed, method_to_typeid, _proxytype = entry
    names = tuple(exposed if exposed is not None else stock.public_methods(thing))
    known = stock.SyncManager._registry.get(typeid, (None,) * 4)[2]
    if method_to_typeid:
        _need(method_to_typeid == known)
        names += tuple(name for name in method_to_typeid if name not in names)
    else:
        _need(not known or not set(known) & set(names))  # they would give other results
    _need(all(type(name) is str for name in names) and not _LACKING.get(typeid, frozenset()) & set(names))
    return names if exposed is not None else names + _MORE.get(typeid, ())


# --- what is to be said to mpmd ---------------------------------------------------------------------------------------

class _Pickler(pickle.Pickler):
    """Of content, which must not lead to other objects that are served: they would be copies of their own."""

    def __init__(self, file: typing.Any, served: typing.Dict[int, str]) -> None:
        super().__init__(file)
        self._served = served

    def persistent_id(self, thing: typing.Any) -> None:
        _need(id(thing) not in self._served and not isinstance(thing, stock.BaseProxy))


def message(first: typing.Any, name: str, args: typing.Tuple, kwds: typing.Dict = {},
            served: typing.Dict[int, str] = {}) -> bytes:
    """One of those of mpmd --setup-fd."""
    file = io.BytesIO()
    _Pickler(file, served).dump((first, name, args, kwds))
    body = file.getvalue()
    _need(len(body) < 0x7fffffff)
    return struct.pack("!i", len(body)) + body


def messages(entries: typing.Dict[str, typing.Tuple], is_forked: bool) -> bytes:
    """Those that make the objects of these entries of a manager's registry. NotRecognized: it cannot be done for all.

    is_forked: a stock server would be a fork of this process and have its objects as they are now; else it would import
    the program anew, and what was put into them since is not there.
    """
    try:
        return b"".join(_messages(entries, is_forked))
    except NotRecognized:
        raise
    except Exception:  # of pickling, or a thread changes what is being looked at
        raise NotRecognized


def _messages(entries: typing.Dict[str, typing.Tuple], is_forked: bool) -> typing.Iterator[bytes]:
    things = {typeid: returned(entry[0]) for typeid, entry in entries.items()}
    served = {}  # type: typing.Dict[int, str]
    states = {}
    for typeid, thing in things.items():
        _need(type(thing) in _READ)
        states[typeid] = _READ[type(thing)](thing)
        _need(is_forked or not states[typeid].content)
        served.setdefault(id(thing), typeid)
    for typeid, thing in things.items():
        state = states[typeid]
        _need(not isinstance(thing, threading.Condition) or id(getattr(thing, "_lock")) not in served)
        exposed = _exposed(thing, state.typeid, entries[typeid])
        first = served[id(thing)]
        if first != typeid:
            yield message(None, "alias", (typeid, exposed, first))
            continue
        yield message(None, "register", (typeid, exposed, state.typeid) + state.args, state.kwds, served)
        for method, args in state.calls:
            yield message(typeid, method, args, {}, served)
