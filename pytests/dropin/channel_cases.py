"""A connection of mpmd's proxies beside a stock one: the same bytes go out, the same comes in or is raised."""
import fcntl
import functools
import os
import pickle
import socket
import struct
import termios
import threading
from multiprocessing import connection, reduction

from mpmd import _channel


def frame(value):
    body = pickle.dumps(value, 2)
    return struct.pack("!i", len(body)) + body


def pair(wide):
    near, far = socket.socketpair()
    conn = connection.Connection(near.detach())
    if wide:
        _channel.widen(conn)
        assert type(conn) is _channel.Channel
    return conn, far


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as e:
        return type(e), str(e)


def sent(wide, request):
    conn, far = pair(wide)
    got = []
    reader = threading.Thread(target=lambda: got.append(far.makefile("rb").read()))
    reader.start()
    how = outcome(conn.send, request)
    conn.close()
    reader.join()
    far.close()
    return how, got


def received(wide, pieces, n):
    """What recv() gives n times, when each piece arrives after the one before was read."""
    conn, far = pair(wide)

    def write():
        for piece in pieces:
            far.sendall(piece)
            while unread(conn):
                os.sched_yield()
        far.close()
    writer = threading.Thread(target=write)
    writer.start()
    results = [outcome(conn.recv) for _ in range(n)]
    writer.join()
    conn.close()
    return results


def unread(conn):
    return struct.unpack("i", fcntl.ioctl(conn.fileno(), termios.FIONREAD, b"\0" * 4))[0]


class Number(int):
    def __reduce__(self):
        return int, (1000,)


class Unpicklable:
    def __reduce__(self):
        raise ValueError("not me")


reduction.ForkingPickler.register(Number, lambda n: (int, (2000,)))

REQUESTS = [
    ("id", "m", args, {}) for args in [
        (), (1,), (True, None, 1.5, "x", b"y"), ("\ud800",), (2 ** 100, -1), ("same", "same"), ((1, "a"),), ([1],),
        (Number(1),), (functools.partial(int, "5"),), ([].append,), ("x" * 16384,), ("x" * 16000,), (b"x" * 100000,),
        (Unpicklable(),), [1, 2], (threading.Lock(),)]
] + [("id", "m", (1,), {"timeout": 1}), ("id", "m", (), {"key": Number(3)})]

LARGE = frame(("#RETURN", "x" * 200000))
REPLIES = [
    [frame(("#RETURN", 5))], [frame(1)[:2], frame(1)[2:]], [frame(1)[:4], frame(1)[4:]], [frame(1)[:7], frame(1)[7:]],
    [frame(1) + frame(2)], [frame(1) + frame("two")[:3], frame("two")[3:] + frame(3)], [LARGE], [LARGE + frame(1)],
    [LARGE[:70000], LARGE[70000:]], [bytes([b]) for b in frame("each")], [b""], [b"\0\0"], [b"\0\0\0\x09abc"],
    [b"\0\0\0\0"], [b"\0\0\0\x01x"], [frame(1) + b"\0"],
]

for request in REQUESTS:
    assert sent(True, request) == sent(False, request), request
for pieces in REPLIES:
    assert received(True, pieces, 4) == received(False, pieces, 4), pieces[:3]
for wide in (False, True):
    conn, far = pair(wide)
    conn.close()
    assert outcome(conn.send, REQUESTS[1]) == outcome(conn.recv) == (OSError, "handle is closed")
os.write(1, b"as stock\n")
