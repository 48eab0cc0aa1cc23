"""Managers whose objects mpmd serves, for programs that change one import, and for those that change nothing.

`Manager`, `SyncManager`, `SharedMemoryManager` and `BaseManager` are used as those of multiprocessing.managers;
`install()` makes the stock ones behave so. What needs Python in the server (Pool, classes and functions of the program,
actions of a Barrier) is served by a companion: a stock manager in a process of its own, started when it is first
needed. Programs see one manager.

Source: CPython Lib/multiprocessing/managers.py, BaseManager.
"""
import collections
import contextlib
import importlib
import itertools
import os
import queue
import shutil
import signal
import site
import tempfile
import threading
import time
import typing

from . import _errors, _inherit, _report, _server, objects, proxies, segments, singletons
from ._server import Options
from ._stock import connection, multiprocessing, process, stock, util

__all__ = ["BaseManager", "Manager", "Options", "SharedMemoryManager", "SyncManager", "install"]

_stock_start = stock.BaseManager.start
_stock_create = stock.BaseManager._create
_stock_register = stock.BaseManager.__dict__["register"].__func__
_stock_number_of_objects = stock.BaseManager._number_of_objects
_stock_debug_info = stock.BaseManager._debug_info
_stock_run_server = stock.BaseManager.__dict__["_run_server"].__func__
_stock_preparation_data = multiprocessing.spawn.get_preparation_data

# What a stock manager calls to make an object, and the typeid under which mpmd hosts it. No PriorityQueue: programs put
# jobs with a __lt__ of their own into it.
_HOSTED = {
    queue.Queue: "Queue", queue.LifoQueue: "LifoQueue",
    threading.Event: "Event", threading.Lock: "Lock", threading.RLock: "RLock", threading.Semaphore: "Semaphore",
    threading.BoundedSemaphore: "BoundedSemaphore", threading.Condition: "Condition", threading.Barrier: "Barrier",
    list: "list", dict: "dict", set: "set", collections.deque: "deque", collections.OrderedDict: "OrderedDict",
    stock.Namespace: "Namespace", stock.Value: "Value", stock.Array: "Array",
}  # type: typing.Dict[typing.Any, str]

# Whose requests mpmd answers.
_STOCK_SERVERS = (stock.Server, getattr(stock, "SharedMemoryServer", stock.Server))

# By this name each server of ours has a dict that tells where the companion is.
_DIRECTORY = "mpmd_companion"


class _Place:
    """What this process knows of a server of ours: the ident of its directory, and where the companion is."""

    def __init__(self, ident: typing.Optional[str] = None) -> None:
        self.ident = ident  # None: not asked yet
        self.companion = None  # type: typing.Any
        self.singletons = None  # type: typing.Optional[typing.FrozenSet[str]]  # not asked for yet
        self.python = None  # type: typing.Optional[typing.FrozenSet[str]]  # not asked for yet
        self.plain = (_installed or _DEFAULTS).plain


# By address; None: a server that is not ours.
_places = {}  # type: typing.Dict[typing.Any, typing.Optional[_Place]]

_DEFAULTS = Options()
_installed = None  # type: typing.Optional[Options]


# --- which objects go where -------------------------------------------------------------------------------------------

def _hosted_as(manager: typing.Any, typeid: str, args: typing.Tuple, kwds: typing.Dict) -> typing.Optional[str]:
    """The name under which mpmd makes this object; None: it needs Python."""
    entry = manager._registry.get(typeid)
    if entry is None:
        return typeid
    make, _exposed, method_to_typeid, _proxytype = entry
    if make is None:
        return typeid  # registered to be found, not to be made
    try:
        name = _HOSTED.get(make)
    except TypeError:  # not hashable
        return None
    if name == "Barrier" and (len(args) > 1 and args[1] is not None or kwds.get("action") is not None):
        return None
    known = stock.SyncManager._registry.get(name, (None,) * 4)[2]
    if method_to_typeid and method_to_typeid != known:
        return None
    return name


def _is_ours(manager: typing.Any) -> bool:
    """Whether mpmd can be this manager's server at all."""
    cls = type(manager)
    return (manager._serializer == "pickle" and cls._Server in _STOCK_SERVERS and
            cls._run_server.__func__ is _stock_run_server)


class _Plan(typing.NamedTuple):
    """What the callables that a program registered mean for who serves its manager."""
    needs_stock_server: bool
    setup: bytes                        # for mpmd
    singletons: typing.FrozenSet[str]   # typeids whose object is mpmd's, and there from the beginning
    python: typing.FrozenSet[str] = frozenset()  # typeids that the companion makes, and only it


def _plan(manager: typing.Any, initializer: typing.Any) -> _Plan:
    """Singletons are mpmd's if all registered callables are and no initializer runs: what runs in a Python server may
    use the same objects without a proxy. Others connect to an address that they know with managers of their own, which
    ask there for everything: then it is all or nothing."""
    factories, rest = {}, {}
    for typeid, entry in manager._registry.items():
        if entry[0] is not None and entry != stock.SyncManager._registry.get(typeid):
            name = _hosted_as(manager, typeid, (), {})
            if name is None:
                rest[typeid] = entry
            elif name != typeid:
                factories[typeid] = name
    try:
        setup = b"".join(singletons.message(None, "factory", (typeid, manager._registry[typeid][1], name))
                         for typeid, name in factories.items())
        if not rest:
            return _Plan(False, setup, frozenset())
        if initializer is not None:
            raise singletons.NotRecognized
        more = singletons.messages(rest, manager._ctx.get_start_method() == "fork")
        more += singletons.message(_DIRECTORY, "__setitem__", ("singletons", list(rest)))
        return _Plan(False, setup + more, frozenset(rest))
    except singletons.NotRecognized:
        if rest:  # who connects, without the callables, is to know
            setup += singletons.message(_DIRECTORY, "__setitem__", ("python", list(rest)))
        return _Plan(manager._address is not None, setup, frozenset(), frozenset(rest))


# --- the companion ----------------------------------------------------------------------------------------------------

# Longer ones leave no room below them for the socket of a stock server: /pymp-12345678/listener-12345678
_LONGEST_TMPDIR = 107 - 32


def _companion_address(address: typing.Any) -> typing.Any:
    """Where this companion listens: who reaches its server reaches it. In the folder of its server, which removes what is
    left there; on the same interface. None: anywhere."""
    if isinstance(address, tuple):
        return address[0], 0
    folder = _server.private_folder(address)
    path = "%s/companion-%d" % (folder, os.getpid())
    if folder is not None and len(path) < 108:
        return path
    if len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_TMPDIR:
        return None
    folder = tempfile.mkdtemp(prefix="pymp-", dir="/tmp")
    util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-100)
    return folder + "/listener"


def _forget_socket(server: typing.Any) -> None:
    """The socket went with the server's folder: nobody is to complain that it is gone."""
    listener = getattr(server.listener, "_listener", None)  # type: typing.Any
    unlink = getattr(listener, "_unlink", None)
    if unlink is not None:
        unlink.cancel()
        try:
            os.unlink(listener._address)
        except OSError:
            pass


# The ends of a pipe that only the companion has open for writing: its children end with it.
_companion_pipe = []  # type: typing.List[int]


def _end_with_companion(_: typing.Any = None) -> None:
    """In a child of the companion, as the workers of a Pool are: nobody else would end them when it is killed."""
    while len(_companion_pipe) > 1:
        os.close(_companion_pipe.pop())
    threading.Thread(target=_wait_and_end, args=(os.read, _companion_pipe[0], 1), daemon=True).start()


def _wait_and_end(wait: typing.Any, *args: typing.Any) -> None:
    wait(*args)
    os._exit(1)


class _Path:
    """Un-pickled by a spawned process before what needs this package: it has not the program's sys.path yet."""

    def __reduce__(self) -> typing.Any:
        return site.addsitedir, (os.path.dirname(os.path.dirname(os.path.abspath(__file__))),)


class _ChildOfCompanion:
    """Un-pickled in a process that a companion spawns."""

    def __reduce__(self) -> typing.Any:
        return _end_with_pid, (os.getpid(),)


def _end_with_pid(companion: int) -> None:
    threading.Thread(target=_wait_and_end, args=(_wait_for_pid, companion), daemon=True).start()


def _wait_for_pid(pid: int) -> None:
    is_parent = os.getppid() == pid
    try:
        while not is_parent or os.getppid() == pid:
            if getattr(process, "_parent_process", None) is not None:  # CPython 3.8 and later, once it knows it
                process.parent_process().join()  # type: ignore
                return
            os.kill(pid, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        pass


def _keep_children() -> None:
    _companion_pipe.extend(os.pipe())
    util.register_after_fork(_end_with_companion, _end_with_companion)
    get_data = multiprocessing.spawn.get_preparation_data

    def with_child(name: str) -> typing.Any:
        data = get_data(name)
        data.update({"mpmd path": _Path(), "mpmd child": _ChildOfCompanion()})
        return data

    multiprocessing.spawn.get_preparation_data = with_child


def _end_with_server(address: typing.Any, authkey: bytes) -> None:
    """Ends this process, a stock server, once the connection to mpmd ends: nobody else could tell it to."""
    try:
        conn = connection.Client(address, authkey=authkey)
        stock.dispatch(conn, None, "accept_connection", ("companion",))
        conn.recv()
    except (EOFError, OSError):
        pass
    while not hasattr(process.current_process(), "_manager_server"):
        time.sleep(0.01)  # it is only just starting
    server = process.current_process()._manager_server  # type: ignore
    _forget_socket(server)
    server.stop_event.set()


def _run_companion(cls: typing.Any, registry: typing.Any, authkey: bytes, writer: typing.Any, initializer: typing.Any,
                   initargs: typing.Tuple, address: typing.Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as stock servers do, but from the beginning
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    process.current_process().authkey = authkey  # for the proxies of mpmd's objects that reach it
    threading.Thread(target=_end_with_server, args=(address, authkey), daemon=True).start()
    _keep_children()
    cls._run_server(registry, _companion_address(address), authkey, "pickle", writer, initializer, initargs)


def _without_interrupt(start_method: typing.Optional[str]) -> typing.ContextManager[None]:
    if start_method == "forkserver":  # when it is only now started: it is for others, too
        return contextlib.ExitStack()  # type: ignore
    if start_method == "spawn":
        try:
            tracker = importlib.import_module(multiprocessing.__name__ + ".resource_tracker")  # type: typing.Any
        except ImportError:
            tracker = importlib.import_module(multiprocessing.__name__ + ".semaphore_tracker")
        tracker.ensure_running()  # it would let the signal through
    return _server.without_interrupt()


def _start_companion(manager: typing.Any, initializer: typing.Any = None,
                     initargs: typing.Tuple = ()) -> typing.Tuple[typing.Any, typing.Any]:
    """A stock server for the types of this manager: its process and address. It ends with the manager's server."""
    since = time.perf_counter()
    reader, writer = connection.Pipe(duplex=False)
    numbers = process._process_counter  # type: ignore
    process._process_counter = itertools.count(1)  # type: ignore # it is not counted: a stock manager has one process
    try:
        child = manager._ctx.Process(
            target=_run_companion, name=type(manager).__name__ + "-companion",
            args=(type(manager), manager._registry, manager._authkey, writer, initializer, initargs, manager._address))
    finally:
        process._process_counter = numbers  # type: ignore
    served = getattr(manager, "_process", None)  # none, when it connected to one that somebody else started
    if isinstance(served, _server.ServerProcess):
        child._identity = served._identity
    _inherit.leave_behind(child, manager._mpmd_since, [writer.fileno()])
    me = process.current_process()  # type: typing.Any
    config = me._config
    me._config = dict(config, daemon=False)  # a daemon may not start processes; this one is the manager's, not its
    try:
        with _without_interrupt(getattr(child, "_start_method", None)):
            child.start()
    finally:
        me._config = config
    process._children.discard(child)  # type: ignore[attr-defined]  # whose end nobody waits for
    writer.close()
    try:
        address = reader.recv()
    except EOFError:
        child.join()
        raise EOFError("the companion of %s did not start (exit code %s)" %
                       (type(manager).__name__, child.exitcode)) from None
    finally:
        reader.close()
    _errors.servers[address] = child
    _report.serves(address, "companion")
    if _report.is_on():
        _report.count(address, type(manager).__name__, "(started)", since)
    return child, address


def _place_at(address: typing.Any, authkey: bytes) -> typing.Optional[_Place]:
    """What is known of the server there; asks it once. None: it is a stock one."""
    if address not in _places:
        try:
            _places[address] = _Place(_find_directory(address, authkey))
        except stock.RemoteError:
            _places[address] = None
    return _places[address]


def _find_directory(address: typing.Any, authkey: bytes) -> str:
    """Its ident; RemoteError: a server that is not ours."""
    ident, _ = _ask(address, authkey, "create", (_DIRECTORY,))
    _ask(address, authkey, "decref", (ident,))
    return ident


# Whose server mpmd is, by address, although it was not started by this package.
_found = {}  # type: typing.Dict[typing.Any, bool]


def _is_mpmd(address: typing.Any, authkey: bytes) -> bool:
    """Whether the server there is mpmd, whoever started it; asks it once."""
    if _place_at(address, authkey) is not None:
        return True
    if address not in _found:
        try:
            _ask(address, authkey, "mpmd_inspect", ("server",))
        except stock.RemoteError:
            _found[address] = False
        else:
            _found[address] = True
    return _found[address]


def _place_of(manager: typing.Any) -> typing.Optional[_Place]:
    return _place_at(manager._address, manager._authkey) if _is_ours(manager) else None


def _ask(address: typing.Any, authkey: bytes, what: str, args: typing.Tuple = (), kwds: typing.Dict = {}) -> typing.Any:
    """One request to a server, on a connection of its own."""
    try:
        conn = connection.Client(address, authkey=authkey)
        try:
            return stock.dispatch(conn, None, what, args, kwds)
        finally:
            conn.close()
    except (OSError, EOFError) as e:
        _errors.explain(e, address, 2)
        raise


def _directory_ident(manager: typing.Any, place: _Place) -> str:
    if place.ident is None:
        place.ident = _find_directory(manager._address, manager._authkey)
    return place.ident


def _directory(manager: typing.Any, place: _Place, method: str, *args: typing.Any) -> typing.Any:
    """A call to it. No proxy: a process that is forked meanwhile would keep one, and a reference that is counted."""
    ident = _directory_ident(manager, place)
    conn = connection.Client(manager._address, authkey=manager._authkey)
    try:
        stock.dispatch(conn, None, "accept_connection", (process.current_process().name,))
        return stock.dispatch(conn, ident, method, args)
    finally:
        conn.close()


def _singletons_of(manager: typing.Any, place: _Place) -> typing.FrozenSet[str]:
    if place.singletons is None:
        place.singletons = frozenset(_directory(manager, place, "get", "singletons", ()))
    return place.singletons


def _is_the_companion_s(manager: typing.Any, place: _Place, typeid: str) -> bool:
    """Whether a name that is only registered to be found is a class of the program that started the server."""
    entry = manager._registry.get(typeid)
    if entry is None or entry[0] is not None:
        return False
    if place.python is None:
        place.python = frozenset(_directory(manager, place, "get", "python", ()))
    return typeid in place.python


def _companion_of(manager: typing.Any, place: _Place, start: bool) -> typing.Any:
    """Where the companion is; started when it is not there and `start`. None: there is none."""
    if place.companion is not None:
        return place.companion
    found = _directory(manager, place, "get", "address")
    if found is None and start:
        child, mine = _start_companion(manager)
        found = _directory(manager, place, "setdefault", "address", mine)
        if found != mine:  # somebody else was first
            _end_companion(child, mine, manager._authkey, 1.0)
        elif manager._mpmd_owned is not None:
            manager._mpmd_owned.append((child, mine))
    place.companion = found
    return found


_HAS_TIMEOUT = "shutdown_timeout" in stock.BaseManager._finalize_manager.__code__.co_varnames


def _end_companion(child: typing.Any, address: typing.Any, authkey: bytes, timeout: float) -> None:
    more = (timeout,) if _HAS_TIMEOUT else ()
    stock.BaseManager._finalize_manager(child, address, authkey, stock.State(), connection.Client, *more)
    _forget(address)
    if child.exitcode is not None and child.exitcode < 0:
        _server.remove_socket(address)


def _forget(address: typing.Any) -> None:
    """A server that has ended."""
    _errors.servers.pop(address, None)
    _places.pop(address, None)
    _found.pop(address, None)


def _finalize(owned: typing.List, authkey: bytes, timeout: float, finalize: typing.Any, args: typing.Tuple) -> None:
    """Companions first: what they host may use what mpmd hosts."""
    while owned:
        child, address = owned.pop()
        _end_companion(child, address, authkey, timeout)
    finalize(*args)
    args[0].tidy()
    _forget(args[1])


def _start_stock(manager: typing.Any, initializer: typing.Any, initargs: typing.Any) -> None:
    since = time.perf_counter()
    _stock_start(manager, initializer, initargs)
    _report.serves(manager._address, "stock")
    if _report.is_on():
        _report.count(manager._address, type(manager).__name__, "(started)", since)


# --- managers ---------------------------------------------------------------------------------------------------------

class Served:
    """What differs from a stock BaseManager; mixed into ours, and written over the stock one by install()."""

    _mpmd_options = None  # type: typing.Optional[Options]
    _mpmd_owned = None    # type: typing.Optional[typing.List]
    _mpmd_since = None    # type: typing.Optional[_inherit.Mark]

    if typing.TYPE_CHECKING:
        def shutdown(self) -> None:
            """Set by start()."""

    def start(self: typing.Any, initializer: typing.Any = None, initargs: typing.Iterable[typing.Any] = ()) -> None:
        """Start a server for this manager, as multiprocessing.managers.BaseManager.start() does."""
        if self._state.value != stock.State.INITIAL or initializer is not None and not callable(initializer):
            return _stock_start(self, initializer, initargs)  # which raises
        since = time.perf_counter()
        plan = _plan(self, initializer) if _is_ours(self) else None
        if plan is None or plan.needs_stock_server:
            return _start_stock(self, initializer, initargs)
        options = self._mpmd_options or _installed or _DEFAULTS
        try:
            child, address = _server.start(self._address, self._authkey, options, type(self).__name__,
                                           (_DIRECTORY + "=dict",), plan.setup)
        except (_server.ServerNotFound, _server.SetupRefused) as e:
            if isinstance(e, _server.ServerNotFound) and not options.fallback:
                raise
            _server.warn("%s; stock managers step in" % e)
            return _start_stock(self, initializer, initargs)
        self._process = child
        given, self._address = self._address, address
        _errors.servers[address] = child
        _report.serves(address, "mpmd")
        if _report.is_on():
            _report.count(address, type(self).__name__, "(started)", since)
        self._mpmd_since = _inherit.mark()
        self._mpmd_owned = []  # companions: they have ended when shutdown() returns
        self._state.value = stock.State.STARTED
        timeout = getattr(self, "_shutdown_timeout", 1.0)
        args = (child, address, self._authkey, self._state, self._Client) + ((timeout,) if _HAS_TIMEOUT else ())
        self.shutdown = util.Finalize(
            self, _finalize, exitpriority=0,
            args=(self._mpmd_owned, self._authkey, timeout, segments.finalizer(type(self)), args))
        place = _places[address] = _Place()  # nothing is asked: many a manager has no companion
        place.plain = options.plain
        place.singletons = plan.singletons
        place.python = plan.python
        if initializer is not None:
            try:
                self._mpmd_owned.append(_start_companion(self, initializer, tuple(initargs)))
            except BaseException:
                self.shutdown()
                self._address, self._state = given, stock.State()  # it may be started again, as a stock one
                self._state.value = stock.State.INITIAL
                raise
            place.companion = self._mpmd_owned[0][1]
            _directory(self, place, "__setitem__", "address", place.companion)

    def _create(*args: typing.Any, **kwds: typing.Any) -> typing.Any:
        self, typeid = args[:2]
        rest = args[2:]
        place = _place_of(self) if self._state.value == stock.State.STARTED else None
        if place is None:
            return _stock_create(*args, **kwds)
        name = _hosted_as(self, typeid, rest, kwds)
        if name is None and typeid in _singletons_of(self, place):
            return _stock_create(self, typeid, *rest, **kwds)
        if name is None or _is_the_companion_s(self, place, typeid):
            address = _companion_of(self, place, start=name is None)
            if address is None:
                raise NotImplementedError("%s needs Python in the server, which only the process that started the "
                                          "manager can begin: it has to make one first" % typeid)
            ident, exposed = _ask(address, self._authkey, "create", (typeid,) + rest, kwds)
            return stock.Token(typeid, address, ident), exposed
        before = proxies.sending_to(self._address)
        try:
            token, exposed = _stock_create(self, name, *rest, **kwds)
        except (OSError, EOFError) as e:
            _errors.explain(e, self._address, 3)
            raise
        finally:
            proxies.sending_to(before)
        entry = self._registry.get(typeid)
        if entry is not None and entry[1] is not None:
            exposed = tuple(entry[1])
        return stock.Token(typeid, token.address, token.id), exposed

    @classmethod
    def register(cls: typing.Any, typeid: str, callable: typing.Any = None, proxytype: typing.Any = None,
                 exposed: typing.Any = None, method_to_typeid: typing.Any = None, create_method: bool = True) -> None:
        """As multiprocessing.managers.BaseManager.register()."""
        _stock_register(cls, typeid, callable, proxytype, exposed, method_to_typeid, create_method)
        if create_method:
            _add_maker(cls, typeid)

    def _number_of_objects(self: typing.Any) -> int:
        n = _stock_number_of_objects(self)
        place = _place_of(self)
        if place is None:
            return n
        address = _companion_of(self, place, start=False)
        return n + (_ask(address, self._authkey, "number_of_objects") if address is not None else 0)

    def _debug_info(self: typing.Any) -> str:
        text = _stock_debug_info(self)
        place = _place_of(self)
        if place is None:
            return text
        lines, ident = text.split("\n"), _directory_ident(self, place)
        kept = [line for i, line in enumerate(lines)
                if not any(j % 2 == 0 and lines[j].split(":")[0].strip() == ident for j in (i, i - 1) if j >= 0)]
        address = _companion_of(self, place, start=False)
        if address is not None:
            kept += _ask(address, self._authkey, "debug_info").split("\n")
        return "\n".join(line for line in kept if line)


def _make(manager: typing.Any, typeid: str, proxytype: typing.Any, args: typing.Tuple, kwds: typing.Dict) -> typing.Any:
    """The proxy of a new object."""
    place = _place_of(manager) if manager._state.value == stock.State.STARTED else None
    util.debug("requesting creation of a shared %r object", typeid)
    since = time.perf_counter()
    token, exposed = manager._create(typeid, *args, **kwds)
    proxy = proxies.make(manager, token, exposed, proxytype, place is not None and not place.plain)
    if _report.is_on():
        _report.count(token.address, typeid, "(made)", since)
    return proxy


def _add_maker(cls: typing.Any, typeid: str) -> None:
    """In place of what the stock register() puts there."""
    proxytype = cls._registry[typeid][3]

    def make(*args: typing.Any, **kwds: typing.Any) -> typing.Any:
        return _make(args[0], typeid, proxytype, args[1:], kwds)

    make.__name__ = typeid
    setattr(cls, typeid, make)


def _take_options(kwds: typing.Dict[str, typing.Any]) -> Options:
    """Takes our keywords out; `address` is the manager's own."""
    given = {name: kwds.pop(name) for name in Options._fields if name != "address" and name in kwds}
    for name, choices in _server.CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise ValueError("%s is one of %s, not %r" % (name, ", ".join(choices), given[name]))
    if given.get("report"):
        _report.begin()
    return (_installed or _DEFAULTS)._replace(**given)


class BaseManager(Served, multiprocessing.managers.BaseManager):
    """multiprocessing.managers.BaseManager, served by mpmd; further keywords: the fields of Options."""

    def __init__(self, *args: typing.Any, **kwds: typing.Any) -> None:
        self._mpmd_options = _take_options(kwds)
        super().__init__(*args, **kwds)


class SyncManager(Served, objects.Makers, multiprocessing.managers.SyncManager):
    """multiprocessing.managers.SyncManager, served by mpmd; further keywords: the fields of Options."""

    def __init__(self, *args: typing.Any, **kwds: typing.Any) -> None:
        self._mpmd_options = _take_options(kwds)
        super().__init__(*args, **kwds)

    def _mpmd_make(self: typing.Any, typeid: str, args: typing.Tuple = (), kwds: typing.Dict = {},
                   proxytype: typing.Any = None) -> typing.Any:
        entry = self._registry.get(typeid)
        if entry is None and self._state.value == stock.State.STARTED and not (
                self._serializer == "pickle" and _is_mpmd(self._address, self._authkey)):
            raise NotImplementedError("%s() needs mpmd: this manager's server is CPython's own" % typeid)
        return _make(self, typeid, entry[3] if entry is not None else proxytype, args, kwds)


if hasattr(stock, "SharedMemoryManager"):
    class SharedMemoryManager(segments.Tracked, Served, multiprocessing.managers.SharedMemoryManager):
        """multiprocessing.managers.SharedMemoryManager, served by mpmd; further keywords: the fields of Options."""

        def __init__(self, *args: typing.Any, **kwds: typing.Any) -> None:
            self._mpmd_options = _take_options(kwds)
            super().__init__(*args, **kwds)
else:
    __all__.remove("SharedMemoryManager")


def Manager(**kwds: typing.Any) -> SyncManager:
    """A manager that was started, as multiprocessing.Manager() returns. `with` shuts it down.

    Keywords are those of multiprocessing.managers.SyncManager (address, authkey, ctx, shutdown_timeout from CPython 3.11
    on) and the fields of Options: server, on_owner_death, log_level, fallback, plain, report.

        with Manager(on_owner_death="release") as manager:
            hits = manager.Value("i", 0)
            hits.increment()

    ServerNotFound: there is no program mpmd, and fallback is off.
    """
    manager = SyncManager(**kwds)
    manager.start()
    return manager


# --- programs that change nothing -------------------------------------------------------------------------------------

class _Installed:
    """Among what a spawned process is told before it begins: un-pickling it installs there what is installed here."""

    def __reduce__(self) -> typing.Any:
        return importlib.import_module("mpmd.cousins").install, (tuple(_installed or Options()),)


def _get_preparation_data(name: str) -> typing.Any:
    data = _stock_preparation_data(name)
    data.update({"mpmd path": _Path(), "mpmd": _Installed()})
    return data


def install(options: typing.Any = None) -> None:
    """What mpmd.install() does, for multiprocessing alone."""
    global _installed
    _installed = Options(*options) if options is not None else Options()
    for name in ("start", "_create", "register", "_number_of_objects", "_debug_info", "_mpmd_options", "_mpmd_owned",
                 "_mpmd_since"):
        setattr(stock.BaseManager, name, Served.__dict__[name])
    for typeid in stock.SyncManager._registry:
        if typeid in stock.SyncManager.__dict__:
            _add_maker(stock.SyncManager, typeid)
    for cls, name, method in segments.replacements():
        setattr(cls, name, method)
    multiprocessing.spawn.get_preparation_data = _get_preparation_data
    if _installed.report:
        _report.begin()


def _place_of_object(proxy: typing.Any) -> typing.Optional[_Place]:
    return _place_at(proxy._token.address, proxy._authkey) if proxy._serializer == "pickle" else None


def _is_ours_at(proxy: typing.Any) -> bool:
    return _place_of_object(proxy) is not None


def _is_fast(proxy: typing.Any) -> bool:
    place = _place_of_object(proxy)
    return place is not None and not place.plain


def _why_not(proxy: typing.Any) -> typing.Optional[str]:
    """Why methods that only mpmd has cannot be used for this object; None: they can."""
    if proxy._serializer != "pickle" or not _is_mpmd(proxy._token.address, proxy._authkey):
        return "this object is in a server of CPython's own"
    place = _place_at(proxy._token.address, proxy._authkey)
    if (place.plain if place is not None else (_installed or _DEFAULTS).plain):
        return "it is switched off, with all speed-ups (plain)"
    return None


def _may_reconnect(address: typing.Any) -> bool:
    """Whether a server of ours, or its companion, listens there; as far as is known without asking it."""
    return bool(isinstance(address, str) and _server.is_private(address) or _places.get(address) or _found.get(address))


proxies.install(_is_ours_at, _is_fast, _may_reconnect, _is_mpmd)
objects.install(_why_not)
if _report.FOLDER in os.environ:  # a child of a process that counts
    _report.begin()
