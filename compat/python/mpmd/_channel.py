"""A thread's connection to a server of mpmd's, with less work for each message than a stock one; the same bytes travel.

A small call through a stock connection costs its client some 15 us of Python, more than the server takes for it. Here
arguments that every pickler writes alike do not go through the pickler of multiprocessing (which can be extended, and
is set up anew for each message), and a reply is read in one piece.

Source: CPython Lib/multiprocessing/connection.py, Connection, and managers.py, BaseProxy._callmethod.
"""
import os
import pickle
import typing

from . import _stock

stock = _stock.connection  # type: typing.Any  # more of it than type stubs know

# Of these types exactly. What a program may have taught a pickler does not concern them.
SCALARS = frozenset([int, float, str, bytes, bool, type(None)])
_IN_ONE_READ = 65536  # bytes
_IN_ONE_WRITE = 16384


class Channel(stock.Connection):  # type: ignore
    """What a proxy calls methods on."""

    _rest = b""  # was read, belongs to the next message

    def send(self, obj: typing.Any) -> None:
        """obj: what BaseProxy._callmethod() sends, (ident, method, arguments, keywords)."""
        _, _, args, kwds = obj
        if type(args) is not tuple or kwds:
            return super().send(obj)
        for arg in args:
            if type(arg) not in SCALARS:
                return super().send(obj)
        body = pickle.dumps(obj)
        if self._handle is None or len(body) > _IN_ONE_WRITE:
            return self.send_bytes(body)
        frame = len(body).to_bytes(4, "big") + body
        sent = os.write(self._handle, frame)
        if sent < len(frame):
            self._send(frame[sent:])

    def recv(self) -> typing.Any:
        """The next message, once it is there."""
        if self._handle is None:
            return super().recv()
        frame = self._rest or os.read(self._handle, _IN_ONE_READ)
        if len(frame) == 4 + int.from_bytes(frame[:4], "big"):
            self._rest = b""
            return stock._ForkingPickler.loads(frame[4:])
        self._rest = frame
        return super().recv()

    def _recv(self, size: int) -> typing.Any:
        return super()._recv(size, self._read_on)

    def _read_on(self, handle: int, size: int) -> bytes:
        if not self._rest:
            return os.read(handle, size)
        some, self._rest = self._rest[:size], self._rest[size:]
        return some


def can_widen(conn: typing.Any) -> bool:
    """Whether it is what proxies commonly use; an XML-RPC connection is not."""
    return type(conn) is stock.Connection


def widen(conn: typing.Any) -> None:
    """Makes a channel of a connection whose handshake is done."""
    conn.__class__ = Channel
