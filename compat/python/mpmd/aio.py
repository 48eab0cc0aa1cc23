"""Managed objects in asyncio, without a thread for each that waits: any manager, of mpmd or of CPython.

    client = await mpmd.aio.connect(address, authkey)
    async with client:
        lock = await client.Lock()
        async with lock:
            ...
        jobs = await client.create("get_jobs")          # what a server has registered under a name
        async for job in jobs:                          # a queue
            ...

Each call that is under way has a connection of its own, from a pool: a server runs one call of a connection at a time.

Cancellation. A task that is cancelled while it waits closes the connection of its call. mpmd then takes the waiter
out of every queue, and what it was granted at the same moment goes to the next one: nothing is read from the socket
before the task itself runs, so an answer is either read by the task, or seen by the server as not read. (A stock
server does not notice: the thread there goes on waiting, and swallows what it gets.) Whether another call that was
cancelled was carried out is not known.

Owners. To the server a holder is a connection. A Lock or Semaphore may be released by anybody; the connection that
acquired it is kept for it until then. An RLock or Condition is held by the task that acquired it: from acquire() to
the last release() the task has a connection of its own for it, as a thread has for a stock proxy. A Condition made
with an RLock shares the RLock's. When a task ends that still holds one, its connection is closed, as that of a thread
that ends: on a unix socket mpmd takes the process for the holder that may die (--on-owner-death), over TCP the
connection.

References. An object lives until its proxies are gone, as with stock proxies; `await proxy.close()` gives it back at
once.

Source: CPython Lib/multiprocessing/managers.py and connection.py.
"""
import asyncio
import hmac
import inspect
import io
import itertools
import multiprocessing.managers
import os
import pickle
import socket
import struct
import time
import typing
import weakref
from multiprocessing import AuthenticationError, process, reduction

from . import _report

# More of it than type stubs know.
stock = multiprocessing.managers  # type: typing.Any

__all__ = ["connect", "Client", "Proxy", "Lock", "RLock", "Semaphore", "Event", "Condition", "Barrier", "Queue", "Dict",
           "List", "Namespace", "Value"]

Address = typing.Union[str, bytes, typing.Tuple[str, int]]
_Pair = typing.Tuple[str, typing.Any]  # kind and payload of an answer

_PROTOCOL = min(pickle.DEFAULT_PROTOCOL, 4)  # what the server of every CPython from 3.4 on can read
_IDLE_MAX = 16       # connections that are kept for later calls
_OPENING_MAX = 8     # handshakes at a time: a listener's queue is short
_READ = 64 * 1024
_DIGESTS = {b"md5": 16, b"sha256": 32, b"sha384": 48, b"sha3_256": 32, b"sha3_384": 48}
_CHALLENGE, _WELCOME, _FAILURE = b"#CHALLENGE#", b"#WELCOME#", b"#FAILURE#"
_HANDSHAKE_MAX = 256


# --- one connection ---------------------------------------------------------------------------------------------------

def _resolver(future: "asyncio.Future[None]") -> typing.Callable[[], None]:
    def resolve() -> None:
        if not future.done():
            future.set_result(None)
    return resolve


class _Link:
    """A connection to the server, for one call at a time. Reads the socket only when a task asks for bytes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._sock = sock
        self._buffer = bytearray()
        self._waiter = None  # type: typing.Optional[asyncio.Future[None]]
        self._is_watched = False
        self.is_idle = False
        self.is_closed = False

    def close(self) -> None:
        """Whatever was not read is lost, and the server sees that."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._is_watched:
            self._loop.remove_reader(self._sock)
        self._sock.close()

    def _watch(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            self._loop.add_reader(self._sock, self._readable)

    def _readable(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self.is_idle:
            self.close()  # nothing is expected: the server has ended
        else:
            self._is_watched = False
            self._loop.remove_reader(self._sock)

    async def _until_readable(self) -> None:
        self._watch()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _until_writable(self) -> None:
        future = self._loop.create_future()  # type: asyncio.Future[None]
        self._loop.add_writer(self._sock, _resolver(future))
        try:
            await future
        finally:
            if not self.is_closed:
                self._loop.remove_writer(self._sock)

    async def _read(self, n: int) -> bytes:
        while len(self._buffer) < n:
            try:
                got = self._sock.recv(min(max(n - len(self._buffer), _READ), 16 * _READ))
            except (BlockingIOError, InterruptedError):
                await self._until_readable()
                continue
            if not got:
                raise EOFError("the server has closed the connection")
            self._buffer += got
        if n == len(self._buffer):
            taken, self._buffer = bytes(self._buffer), bytearray()
        else:
            taken = bytes(self._buffer[:n])
            del self._buffer[:n]
        return taken

    async def _write(self, data: typing.Any) -> None:
        view = memoryview(data)
        while len(view):
            try:
                view = view[self._sock.send(view):]
            except (BlockingIOError, InterruptedError):
                await self._until_writable()

    async def send(self, message: typing.Any) -> None:
        """One message."""
        n = len(message)
        header = struct.pack("!i", n) if n <= 0x7fffffff else struct.pack("!iQ", -1, n)
        if n <= 16384:
            await self._write(header + bytes(message))
        else:
            await self._write(header)
            await self._write(message)

    async def receive(self, most: typing.Optional[int] = None) -> bytes:
        """One message; EOFError or OSError when the connection is lost, or it is longer than `most`."""
        n, = struct.unpack("!i", await self._read(4))
        if n == -1:
            n, = struct.unpack("!Q", await self._read(8))
        if n < 0 or most is not None and n > most:
            raise OSError("bad message length")
        return await self._read(n)

    async def connect(self, address: Address) -> None:
        """Connects the socket."""
        pause = 0.001
        while True:
            try:
                if self._sock.family != getattr(socket, "AF_UNIX", None):
                    await self._loop.sock_connect(self._sock, address)
                else:
                    self._sock.connect(address)
                return
            except BlockingIOError:  # the listener's queue is full, and nothing tells when it has room
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.1)

    async def shake_hands(self, authkey: bytes) -> None:
        """Both prove that they know the key: first this side, then the server. AuthenticationError."""
        message = await self.receive(_HANDSHAKE_MAX)
        if not message.startswith(_CHALLENGE):
            raise AuthenticationError("the server sent no challenge: is it a manager?")
        challenge = message[len(_CHALLENGE):]
        if len(challenge) < 20:
            raise AuthenticationError("the server's challenge is too short: %d bytes" % len(challenge))
        digest = _digest_of(challenge, 20)
        await self.send(_answer(authkey, challenge, digest))
        if await self.receive(_HANDSHAKE_MAX) != _WELCOME:
            raise AuthenticationError("the server refused the authkey")
        mine = b"{sha256}" + os.urandom(40)  # servers before 3.12 take it for 48 bytes at random, and use MD5
        await self.send(_CHALLENGE + mine)
        reply = await self.receive(_HANDSHAKE_MAX)
        named = _digest_of(reply, 16)
        if digest is not None and named is None or not hmac.compare_digest(_answer(authkey, mine, named), reply):
            await self.send(_FAILURE)
            raise AuthenticationError("the server does not know the authkey")
        await self.send(_WELCOME)

    async def ask(self, token: typing.Any, method: str, args: typing.Any, kwds: typing.Any) -> bytes:
        """A request to an object, or to the server if None, and the message that answers it."""
        ident = token.id if token is not None else None
        call = _report.begins(token.address, token.typeid, method) if token is not None and _report.is_on() else None
        try:
            await self.send(reduction.ForkingPickler.dumps((ident, method, args, kwds), _PROTOCOL))
            return await self.receive()
        finally:
            if call is not None:
                _report.ends(call)


def _digest_of(message: bytes, plain: int) -> typing.Optional[bytes]:
    """The digest that a challenge or an answer names; None: it is of the old kind, `plain` bytes, for MD5."""
    if len(message) == plain:
        return None
    end = message.find(b"}", 1, 22)
    if message[:1] == b"{" and message[1:end] in _DIGESTS and end > 0:
        return message[1:end]
    raise AuthenticationError("the server wants a digest that is not known here")


def _answer(authkey: bytes, challenge: bytes, digest: typing.Optional[bytes]) -> bytes:
    mac = hmac.new(authkey, challenge, (digest or b"md5").decode()).digest()
    return mac if digest is None else b"{" + digest + b"}" + mac


def _sockets(address: Address, infos: typing.Any) -> typing.Iterator[typing.Tuple[socket.socket, typing.Any]]:
    """An unconnected socket, and what to connect it to, for each way to get there."""
    if not isinstance(address, tuple):
        yield socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), address
        return
    for family, kind, proto, _, where in infos:
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock, where


def _current_task() -> typing.Any:
    current = getattr(asyncio, "current_task", None) or asyncio.Task.current_task  # type: ignore  # 3.6
    return current()


# --- the client -------------------------------------------------------------------------------------------------------

_numbers = itertools.count(1)


class Client:
    """A manager's server, as tasks of one event loop use it. Made by connect(); `async with` closes it."""

    def __init__(self, address: Address, authkey: bytes) -> None:
        self.address = address
        self._authkey = bytes(authkey)
        self._loop = asyncio.get_event_loop()
        self._idle = []  # type: typing.List[_Link]
        self._links = weakref.WeakSet()  # type: typing.Any
        self._opening = asyncio.Semaphore(_OPENING_MAX)
        self._holders = {}  # type: typing.Dict[typing.Tuple[typing.Any, str], _Holder]
        self._holds = {}  # type: typing.Dict[str, typing.List[_Link]]
        self._background = set()  # type: typing.Set[asyncio.Future]
        self._references = {}  # type: typing.Dict[int, str]
        self._is_closed = False

    def __repr__(self) -> str:
        return "<mpmd.aio.Client of %r>" % (self.address,)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: typing.Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives back what this client has of the server, and closes its connections; calls under way fail."""
        if self._is_closed:
            return
        self._is_closed = True
        idents, self._references = list(self._references.values()), {}
        await asyncio.gather(*(self._request("decref", ident) for ident in idents), return_exceptions=True)
        for link in list(self._links):
            if link._waiter is not None and not link._waiter.done():
                link._waiter.set_exception(EOFError("the client was closed"))
            link.close()
        self._idle.clear()
        await asyncio.gather(*list(self._background), return_exceptions=True)

    # Connections.

    async def _open(self) -> _Link:
        async with self._opening:
            infos = None
            if isinstance(self.address, tuple):
                infos = await self._loop.getaddrinfo(*self.address[:2], type=socket.SOCK_STREAM)
            error = OSError("no address of %r can be used" % (self.address,))
            for sock, where in _sockets(self.address, infos):
                sock.setblocking(False)
                link = _Link(self._loop, sock)
                self._links.add(link)
                try:
                    await link.connect(where)
                except OSError as e:
                    link.close()
                    error = e
                    continue
                except BaseException:
                    link.close()
                    raise
                try:
                    await link.shake_hands(self._authkey)
                except BaseException:
                    link.close()
                    raise
                return link
            raise error

    async def _take(self) -> _Link:
        """A connection for calls."""
        while self._idle:
            link = self._idle.pop()
            link.is_idle = False
            if not link.is_closed:
                return link
        link = await self._open()
        try:
            name = "%s|aio-%d" % (process.current_process().name, next(_numbers))
            self._result(*self._loads(await link.ask(None, "accept_connection", (name,), {})))
        except BaseException:
            link.close()
            raise
        return link

    def _give(self, link: _Link) -> None:
        if self._is_closed or len(self._idle) >= _IDLE_MAX:
            link.close()
        elif not link.is_closed:
            link.is_idle = True
            link._watch()
            self._idle.append(link)

    def _start(self, coroutine: typing.Any) -> "asyncio.Future":
        task = self._loop.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    # Messages.

    def _loads(self, message: bytes, met: typing.Optional[typing.List["Proxy"]] = None) -> _Pair:
        return _Unpickler(self, message, met if met is not None else []).load()

    def _result(self, kind: str, payload: typing.Any) -> typing.Any:
        if kind == "#RETURN":
            return payload
        if kind == "#PROXY":
            exposed, token = payload
            return self._adopt(token, exposed)
        raise stock.convert_to_error(kind, payload)

    async def _request(self, name: str, *args: typing.Any, **kwds: typing.Any) -> typing.Any:
        """A request to the server itself, on a connection of its own."""
        link = await self._open()
        met = []  # type: typing.List[Proxy]
        try:
            return self._result(*self._loads(await link.ask(None, name, args, kwds), met))
        finally:
            link.close()

    async def _call(self, token: typing.Any, method: str, args: typing.Any, kwds: typing.Any) -> typing.Any:
        link = await self._take()
        try:
            message = await link.ask(token, method, args, kwds)
        except BaseException:
            link.close()
            raise
        return self._finish(link, message, True)

    def _finish(self, link: _Link, message: bytes, give: bool) -> typing.Any:
        """Reads the answer. Nothing is awaited: a task that is cancelled now has got what it asked for."""
        met = []  # type: typing.List[Proxy]
        try:
            kind, payload = self._loads(message, met)
        finally:
            if met:  # mpmd keeps what it has shown until this connection asks again
                self._start(self._take_references(met, link if give else None))
            elif give:
                self._give(link)
        return self._result(kind, payload)

    async def _take_references(self, proxies: typing.List["Proxy"], link: typing.Optional[_Link]) -> None:
        try:
            for proxy in proxies:
                await self._request("incref", proxy._token.id)
                proxy._own()
        except (OSError, EOFError, stock.RemoteError):
            pass  # it is gone: who uses it is told
        finally:
            if link is not None:
                self._give(link)

    def _adopt(self, token: typing.Any, exposed: typing.Any, kind: typing.Any = None) -> "Proxy":
        """A proxy that takes over a reference."""
        proxy = (kind or _KINDS.get(token.typeid) or _kind_of(exposed))(self, token, tuple(exposed))
        proxy._own()
        return proxy

    def _drop(self, key: int) -> None:
        """A proxy is gone. In any thread, at any time."""
        if not self._is_closed and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._give_back, key)
            except RuntimeError:
                pass

    def _give_back(self, key: int) -> typing.Optional["asyncio.Future"]:
        ident = self._references.pop(key, None)
        if ident is None or self._is_closed:
            return None

        async def decref() -> None:
            try:
                await self._request("decref", ident)
            except (OSError, EOFError, stock.RemoteError):
                pass
        return self._start(decref())

    # Objects.

    async def create(self, typeid: str, *args: typing.Any, **kwds: typing.Any) -> typing.Any:
        """Make an object, or find the one that the server has registered under this name; a Proxy of its kind.

        Of a registered name the kind is told by the methods that the server exposes.
        """
        return await asyncio.shield(self._start(self._create(None, typeid, *args, **kwds)))

    async def find(self, name: str, kind: typing.Type["Proxy"]) -> typing.Any:
        """What the server has registered under this name, as a proxy of this kind: an RLock looks like a Lock."""
        return await asyncio.shield(self._start(self._create(kind, name)))

    async def _create(self, kind: typing.Any, typeid: str, *args: typing.Any, **kwds: typing.Any) -> typing.Any:
        ident, exposed = await self._request("create", typeid, *args, **kwds)
        return self._adopt(stock.Token(typeid, self.address, ident), exposed, kind)

    async def use(self, proxy: typing.Any) -> typing.Any:
        """The same object as a stock proxy of this server is of."""
        token = proxy._token
        await self._request("incref", token.id)
        exposed = getattr(proxy, "_exposed_", ())
        made = (_KINDS.get(token.typeid) or _kind_of(exposed))(self, token, tuple(exposed))
        made._own()
        return made

    async def number_of_objects(self) -> int:
        """How many objects the server has."""
        return await self._request("number_of_objects")

    async def Lock(self) -> "Lock":
        """A new Lock."""
        return await self.create("Lock")

    async def RLock(self) -> "RLock":
        """A new RLock."""
        return await self.create("RLock")

    async def Semaphore(self, value: int = 1) -> "Semaphore":
        """A new Semaphore."""
        return await self.create("Semaphore", value)

    async def BoundedSemaphore(self, value: int = 1) -> "_AnySemaphore":
        """A new BoundedSemaphore."""
        return await self.create("BoundedSemaphore", value)

    async def Event(self) -> "Event":
        """A new Event."""
        return await self.create("Event")

    async def Condition(self, lock: typing.Optional["Proxy"] = None) -> "Condition":
        """A new Condition, with an RLock of its own or the given lock."""
        made = await self.create("Condition", *([lock] if lock is not None else []))
        if isinstance(lock, _Held):
            made._held_as = lock._held_as
        return made

    async def Barrier(self, parties: int, action: None = None, timeout: typing.Optional[float] = None) -> "Barrier":
        """A new Barrier; mpmd takes no action."""
        return await self.create("Barrier", parties, action, timeout)

    async def Queue(self, maxsize: int = 0) -> "Queue":
        """A new queue.Queue."""
        return await self.create("Queue", maxsize)

    async def JoinableQueue(self, maxsize: int = 0) -> "_AnyQueue":
        """As Queue()."""
        return await self.create("JoinableQueue", maxsize)

    async def dict(self, *args: typing.Any, **kwds: typing.Any) -> "Dict":
        """A new dict."""
        return await self.create("dict", *args, **kwds)

    async def list(self, items: typing.Sequence = ()) -> "List":
        """A new list."""
        return await self.create("list", items)

    async def Namespace(self, **kwds: typing.Any) -> "Namespace":
        """A new Namespace."""
        return await self.create("Namespace", **kwds)

    async def Value(self, typecode: str, value: typing.Any) -> "Value":
        """A new Value."""
        return await self.create("Value", typecode, value)


async def connect(address: Address, authkey: typing.Optional[bytes] = None) -> Client:
    """A client of the manager at this address, after one connection has shown that it is there and knows the key.

    address: a path, an abstract name that begins with a NUL, or (host, port); authkey: that of this process, if None.
    OSError, EOFError, multiprocessing.AuthenticationError.
    """
    client = Client(address, authkey if authkey is not None else process.current_process().authkey)
    await client._request("dummy")
    return client


# --- proxies ----------------------------------------------------------------------------------------------------------

class _Unpickler(pickle.Unpickler):
    """Proxies inside of what a server sends become awaitable ones, where they are of the same server."""

    def __init__(self, client: Client, message: bytes, met: typing.List["Proxy"]) -> None:
        super().__init__(io.BytesIO(message))
        self._client = client
        self._met = met

    def find_class(self, module: str, name: str) -> typing.Any:
        if module == "multiprocessing.managers" and name == "RebuildProxy":
            return self._rebuild
        return super().find_class(module, name)

    def _rebuild(self, func: typing.Any, token: typing.Any, serializer: str, kwds: typing.Dict) -> typing.Any:
        if not self._is_ours(token.address):
            return stock.RebuildProxy(func, token, serializer, kwds)  # connects at once, and blocks meanwhile
        exposed = kwds.get("exposed") or getattr(func, "_exposed_", None) or ()
        proxy = (_KINDS.get(token.typeid) or _kind_of(exposed))(self._client, token, tuple(exposed))
        self._met.append(proxy)
        return proxy

    def _is_ours(self, address: typing.Any) -> bool:
        ours = self._client.address
        if isinstance(address, tuple) or isinstance(ours, tuple):  # a host has many names
            return isinstance(address, tuple) and isinstance(ours, tuple) and address[1] == ours[1]
        return os.fsencode(address) == os.fsencode(ours)


class Proxy:
    """Any object of the server. `await proxy.call("method", ...)` calls it."""

    def __init__(self, client: Client, token: typing.Any, exposed: typing.Tuple[str, ...]) -> None:
        self._client = client
        self._token = token
        self._exposed = exposed
        self._finalizer = None  # type: typing.Any
        self._key = 0

    def __repr__(self) -> str:
        return "<mpmd.aio.%s of %s %s at %r>" % (type(self).__name__, self._token.typeid, self._token.id,
                                                 self._token.address)

    def __reduce__(self) -> typing.Any:
        """To others it is a stock proxy: inside of other managed objects, in messages to workers."""
        entry = stock.SyncManager._registry.get(self._token.typeid)
        proxytype = entry[3] if entry is not None else stock.AutoProxy
        kwds = {"exposed": self._exposed} if proxytype is stock.AutoProxy else {}
        return stock.RebuildProxy, (proxytype, self._token, "pickle", kwds)

    def _own(self) -> None:
        self._key = next(_numbers)
        self._client._references[self._key] = self._token.id
        self._finalizer = weakref.finalize(self, self._client._drop, self._key)
        self._finalizer.atexit = False

    async def close(self) -> None:
        """Give the object back at once."""
        if self._finalizer is not None and self._finalizer.detach() is not None:
            task = self._client._give_back(self._key)
            if task is not None:
                await asyncio.shield(task)

    async def call(self, method: str, *args: typing.Any, **kwds: typing.Any) -> typing.Any:
        """Call a method that the server exposes; raises what it raised there, RemoteError for what the server says."""
        return await self._client._call(self._token, method, args, kwds)


def _timed(blocking: bool, timeout: typing.Optional[float]) -> typing.Tuple:
    return (blocking,) if timeout is None else (blocking, timeout)


class Lock(Proxy):
    """A lock or semaphore that anybody may release. `async with` holds it."""

    _holds_max = 1  # of one client

    async def acquire(self, blocking: bool = True, timeout: typing.Optional[float] = None) -> bool:
        """Wait for it; False: not in time, or not at once with blocking=False."""
        client = self._client
        link = await client._take()
        got = False
        try:
            message = await link.ask(self._token, "acquire", _timed(blocking, timeout), {})
        except BaseException:
            link.close()
            raise
        try:
            got = client._finish(link, message, False)
            return got
        finally:
            spare = link  # type: typing.Optional[_Link]
            if got:  # closing this connection would be the death of the holder
                holds = client._holds.setdefault(self._token.id, [])
                holds.append(link)
                spare = holds.pop(0) if len(holds) > self._holds_max else None
            if spare is not None:
                client._give(spare)

    async def _release(self) -> None:
        client = self._client
        holds = client._holds.get(self._token.id)
        link = holds.pop() if holds else None
        if not holds:
            client._holds.pop(self._token.id, None)
        if link is None or link.is_closed:
            link = await client._take()
        try:
            message = await link.ask(self._token, "release", (), {})
        except BaseException:
            link.close()
            raise
        client._finish(link, message, True)

    async def release(self) -> None:
        """Is done also when the task is cancelled meanwhile."""
        await asyncio.shield(self._client._start(self._release()))

    async def __aenter__(self) -> "Lock":
        await self.acquire()
        return self

    async def __aexit__(self, *_: typing.Any) -> None:
        await self.release()


class Semaphore(Lock):
    """A semaphore, bounded or not."""

    _holds_max = 64  # so many connections are kept for units that others may release


class _Holder:
    """A task's connection for an RLock or Condition that it holds."""

    def __init__(self, link: _Link) -> None:
        self.link = link
        self.count = 0
        self.releasing = 0      # releases under way
        self.has_ended = False  # the task, while they were


class _Held(Proxy):
    """What is held by the task that acquired it."""

    def __init__(self, client: Client, token: typing.Any, exposed: typing.Tuple[str, ...]) -> None:
        super().__init__(client, token, exposed)
        self._held_as = token.id

    async def _call_as(self, task: typing.Any, method: str, *args: typing.Any) -> typing.Any:
        client = self._client
        key = task, self._held_as
        holder = client._holders.get(key)
        link = holder.link if holder is not None else await client._take()
        try:
            message = await link.ask(self._token, method, args, {})
        except BaseException:
            link.close()
            client._holders.pop(key, None)
            raise
        try:
            result = client._finish(link, message, False)
        except BaseException:
            if holder is None:
                client._give(link)
            raise
        if method == "acquire" and result:
            if holder is None:
                holder = client._holders[key] = _Holder(link)
                task.add_done_callback(lambda _: self._end(key))
            holder.count += 1
        elif method == "release" and holder is not None:
            holder.count -= 1
        if holder is None:
            client._give(link)
        elif holder.count == 0:
            del client._holders[key]
            client._give(link)
        return result

    def _end(self, key: typing.Any) -> None:
        holder = self._client._holders.get(key)
        if holder is None:
            return
        if holder.releasing:
            holder.has_ended = True  # a release that outlives its task still needs the connection
            return
        del self._client._holders[key]
        holder.link.close()

    async def _release_as(self, task: typing.Any, holder: typing.Optional["_Holder"]) -> None:
        try:
            await self._call_as(task, "release")
        finally:
            if holder is not None:
                holder.releasing -= 1
                if holder.has_ended:
                    self._end((task, self._held_as))

    async def acquire(self, blocking: bool = True, timeout: typing.Optional[float] = None) -> bool:
        """Wait for it, if this task does not hold it; False: not in time, or not at once with blocking=False."""
        return await self._call_as(_current_task(), "acquire", *_timed(blocking, timeout))

    async def release(self) -> None:
        """Is done also when the task is cancelled meanwhile."""
        task = _current_task()
        holder = self._client._holders.get((task, self._held_as))
        if holder is not None:
            holder.releasing += 1
        await asyncio.shield(self._client._start(self._release_as(task, holder)))

    async def __aenter__(self) -> "_Held":
        await self.acquire()
        return self

    async def __aexit__(self, *_: typing.Any) -> None:
        await self.release()


class RLock(_Held):
    """A lock that the task that holds it may acquire again."""


class Condition(_Held):
    """A condition variable, with the lock that it has."""

    async def wait(self, timeout: typing.Optional[float] = None) -> bool:
        """False: nobody notified in time. The lock is held again afterwards, also by a task that was cancelled."""
        task = _current_task()
        holder = self._client._holders.get((task, self._held_as))
        try:
            return await self._call_as(task, "wait", timeout)
        except asyncio.CancelledError:
            if holder is not None:
                await self._hold_again(task, holder.count)
            raise

    async def _hold_again(self, task: typing.Any, count: int) -> None:
        async def acquire() -> None:
            for _ in range(count):
                await self._call_as(task, "acquire")
        again = self._client._start(acquire())
        while not again.done():
            try:
                await asyncio.shield(again)
            except asyncio.CancelledError:
                if again.cancelled():
                    break

    async def wait_for(self, predicate: typing.Callable[[], typing.Any],
                       timeout: typing.Optional[float] = None) -> typing.Any:
        """Wait until predicate() is true, a function or coroutine function; returns what it returned last."""
        end = time.monotonic() + timeout if timeout is not None else None
        while True:
            result = predicate()
            if inspect.isawaitable(result):
                result = await result
            left = end - time.monotonic() if end is not None else None
            if result or left is not None and left <= 0:
                return result
            await self.wait(left)

    async def notify(self, n: int = 1) -> None:
        """Wake up to n who wait."""
        await self._call_as(_current_task(), "notify", n)

    async def notify_all(self) -> None:
        """Wake all who wait."""
        await self._call_as(_current_task(), "notify_all")


class Event(Proxy):
    """A flag that tasks and processes wait for."""

    async def is_set(self) -> bool:
        """Whether it is set."""
        return await self.call("is_set")

    async def set(self) -> None:
        """Set it, and wake all who wait."""
        await self.call("set")

    async def clear(self) -> None:
        """Take it back."""
        await self.call("clear")

    async def wait(self, timeout: typing.Optional[float] = None) -> bool:
        """Wait until it is set; False: not in time."""
        return await self.call("wait", timeout)


class Barrier(Proxy):
    """Where so many parties wait for each other."""

    async def wait(self, timeout: typing.Optional[float] = None) -> int:
        """Wait for the others; the number of this party, from 0. BrokenBarrierError."""
        return await self.call("wait", timeout)

    async def abort(self) -> None:
        """Break it: who waits or comes gets BrokenBarrierError."""
        await self.call("abort")

    async def reset(self) -> None:
        """As new; who waits gets BrokenBarrierError."""
        await self.call("reset")

    async def parties(self) -> int:
        """How many it takes."""
        return await self.call("__getattribute__", "parties")

    async def n_waiting(self) -> int:
        """How many wait now."""
        return await self.call("__getattribute__", "n_waiting")

    async def broken(self) -> bool:
        """Whether it is broken."""
        return await self.call("__getattribute__", "broken")


class Queue(Proxy):
    """Of any order. `async for` takes items, until the queue is shut down (Python 3.13)."""

    async def put(self, item: typing.Any, block: bool = True, timeout: typing.Optional[float] = None) -> None:
        """queue.Full when there was no room in time."""
        await self.call("put", item, block, timeout)

    async def get(self, block: bool = True, timeout: typing.Optional[float] = None) -> typing.Any:
        """queue.Empty when there was nothing in time."""
        return await self.call("get", block, timeout)

    async def put_nowait(self, item: typing.Any) -> None:
        """Put an item; queue.Full when there is no room."""
        await self.call("put_nowait", item)

    async def get_nowait(self) -> typing.Any:
        """Take an item; queue.Empty when there is none."""
        return await self.call("get_nowait")

    async def qsize(self) -> int:
        """How many items there are."""
        return await self.call("qsize")

    async def empty(self) -> bool:
        """Whether there are none."""
        return await self.call("empty")

    async def full(self) -> bool:
        """Whether there is no room."""
        return await self.call("full")

    async def task_done(self) -> None:
        """An item that was taken is done with."""
        await self.call("task_done")

    async def join(self) -> None:
        """Wait until all items are done with."""
        await self.call("join")

    async def put_many(self, items: typing.Iterable, block: bool = True,
                       timeout: typing.Optional[float] = None) -> None:
        """Put all items or none, with nothing in between; only with mpmd, as the following."""
        await self.call("put_many", items, block, timeout)

    async def pop_many(self, n: int, block: bool = True, timeout: typing.Optional[float] = None) -> typing.List:
        """Wait for one item and return a list of those that are there, up to n."""
        return await self.call("pop_many", n, block, timeout)

    def __aiter__(self) -> "Queue":
        return self

    async def __anext__(self) -> typing.Any:
        try:
            return await self.get()
        except Exception as e:
            if type(e).__name__ == "ShutDown" and type(e).__module__ == "queue":
                raise StopAsyncIteration from None
            raise


class _Container(Proxy):
    async def __getitem__(self, key: typing.Any) -> typing.Any:
        """`await d[key]`"""
        return await self.call("__getitem__", key)

    async def set(self, key: typing.Any, value: typing.Any) -> None:
        """As d[key] = value."""
        await self.call("__setitem__", key, value)

    async def delete(self, key: typing.Any) -> None:
        """As del d[key]."""
        await self.call("__delitem__", key)

    async def contains(self, value: typing.Any) -> bool:
        """As value in d."""
        return await self.call("__contains__", value)

    async def len(self) -> int:
        """How many elements there are."""
        return await self.call("__len__")

    async def _all(self) -> typing.Any:
        raise NotImplementedError

    async def __aiter__(self) -> typing.Any:
        """Over the elements that there are now, which come in one call."""
        for element in await self._all():
            yield element


class Dict(_Container):
    """A dict. `async for` goes over its keys."""

    async def get(self, key: typing.Any, default: typing.Any = None) -> typing.Any:
        """What is there, or the default."""
        return await self.call("get", key, default)

    async def pop(self, key: typing.Any, *default: typing.Any) -> typing.Any:
        """Take what is there; the default, or KeyError."""
        return await self.call("pop", key, *default)

    async def popitem(self) -> typing.Tuple:
        """Take the last pair; KeyError when there is none."""
        return await self.call("popitem")

    async def setdefault(self, key: typing.Any, default: typing.Any = None) -> typing.Any:
        """What is there, after default was put where nothing was."""
        return await self.call("setdefault", key, default)

    async def update(self, *args: typing.Any, **kwds: typing.Any) -> None:
        """Set many, as dict.update()."""
        await self.call("update", *args, **kwds)

    async def clear(self) -> None:
        """Remove all."""
        await self.call("clear")

    async def copy(self) -> typing.Dict:
        """A dict of all."""
        return await self.call("copy")

    async def keys(self) -> typing.List:
        """The keys."""
        return await self.call("keys")

    async def values(self) -> typing.List:
        """The values."""
        return await self.call("values")

    async def items(self) -> typing.List:
        """The pairs."""
        return await self.call("items")

    async def increment(self, key: typing.Any, n: typing.Any = 1) -> typing.Any:
        """Add n to what is there, 0 when nothing is, and return the sum; only with mpmd, as the following."""
        return await self.call("increment", key, n)

    async def compare_and_set(self, key: typing.Any, expected: typing.Any, new: typing.Any) -> bool:
        """Set what is there if it equals `expected`; whether it did."""
        return await self.call("compare_and_set", key, expected, new)

    _all = keys


class List(_Container):
    """A list. `async for` goes over its items."""

    async def append(self, value: typing.Any) -> None:
        """Add a value."""
        await self.call("append", value)

    async def extend(self, values: typing.Iterable) -> None:
        """Add values."""
        await self.call("extend", values)

    async def insert(self, index: int, value: typing.Any) -> None:
        """Insert a value before this index."""
        await self.call("insert", index, value)

    async def pop(self, *index: int) -> typing.Any:
        """Take the last value, or the one at this index; IndexError when there is none."""
        return await self.call("pop", *index)

    async def remove(self, value: typing.Any) -> None:
        """Remove the first that equals value; ValueError when there is none."""
        await self.call("remove", value)

    async def index(self, value: typing.Any, *bounds: int) -> int:
        """Where the first is that equals value; ValueError when there is none."""
        return await self.call("index", value, *bounds)

    async def count(self, value: typing.Any) -> int:
        """How many equal value."""
        return await self.call("count", value)

    async def reverse(self) -> None:
        """Reverse the order."""
        await self.call("reverse")

    async def sort(self, **kwds: typing.Any) -> None:
        """Sort; mpmd takes no key."""
        await self.call("sort", **kwds)

    async def copy(self) -> typing.List:
        """A list of all."""
        return await self.call("__getitem__", slice(None))

    async def update_if(self, expected: typing.Sequence, new: typing.Iterable) -> bool:
        """Replace all items if they equal those of `expected`; whether it did. Only with mpmd."""
        return await self.call("update_if", expected, new)

    _all = copy


class Namespace(Proxy):
    """Attributes that are read and set."""

    async def get(self, name: str) -> typing.Any:
        """The attribute of this name; AttributeError when there is none."""
        return await self.call("__getattribute__", name)

    async def set(self, name: str, value: typing.Any) -> None:
        """Set an attribute."""
        await self.call("__setattr__", name, value)

    async def delete(self, name: str) -> None:
        """Delete an attribute; AttributeError when there is none."""
        await self.call("__delattr__", name)


class Value(Proxy):
    """One value."""

    async def get(self) -> typing.Any:
        """The value."""
        return await self.call("get")

    async def set(self, value: typing.Any) -> None:
        """Set the value."""
        await self.call("set", value)

    async def increment(self, n: typing.Any = 1) -> typing.Any:
        """Add n and return the new value; only with mpmd, as the following."""
        return await self.call("increment", n)

    async def decrement(self, n: typing.Any = 1) -> typing.Any:
        """Subtract n and return the new value."""
        return await self.call("decrement", n)

    async def exchange(self, new: typing.Any) -> typing.Any:
        """Set the value and return the old one."""
        return await self.call("exchange", new)

    async def compare_and_set(self, expected: typing.Any, new: typing.Any) -> bool:
        """Set the value if it equals `expected`; whether it did."""
        return await self.call("compare_and_set", expected, new)


# By these names methods of Client that are called like them can say what they return.
_AnySemaphore = Semaphore
_AnyQueue = Queue

_KINDS = {
    "Lock": Lock, "Semaphore": Semaphore, "BoundedSemaphore": Semaphore, "RLock": RLock, "Condition": Condition,
    "Event": Event, "Barrier": Barrier, "Queue": Queue, "JoinableQueue": Queue, "LifoQueue": Queue,
    "PriorityQueue": Queue, "dict": Dict,
    "OrderedDict": Dict, "list": List, "Namespace": Namespace, "Value": Value,
}  # type: typing.Dict[str, typing.Type[Proxy]]

# The methods that tell what is behind a registered name; the first that fits.
_SIGNS = [
    ({"put", "get", "qsize"}, Queue), ({"notify", "wait", "acquire"}, Condition), ({"is_set", "wait"}, Event),
    ({"append", "extend"}, List), ({"setdefault", "popitem"}, Dict),
    ({"acquire", "release"}, Lock),
]  # type: typing.List[typing.Tuple[typing.Set[str], typing.Type[Proxy]]]


def _kind_of(exposed: typing.Iterable[str]) -> typing.Type[Proxy]:
    names = set(exposed)
    return next((kind for signs, kind in _SIGNS if signs <= names), Proxy)
