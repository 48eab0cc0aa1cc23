"""The protocol by hand, for tests that send what no stock client would. Plain sockets, no multiprocessing."""
import hashlib
import hmac
import os
import pickle
import socket
import struct

HANG = int(os.environ.get("MPMD_TEST_HANG", "180"))


class Failed(Exception):
    """A reply that is not #RETURN: kind and payload."""

    def __init__(self, kind, payload):
        Exception.__init__(self, "%s %s" % (kind, payload))
        self.kind = kind
        self.payload = payload


def mac(key, message, name="sha256"):
    return hmac.new(key, message, getattr(hashlib, name)).digest()


class Connection(object):
    def __init__(self, address, key=None):
        family = socket.AF_UNIX if isinstance(address, (str, bytes)) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(HANG)
        self.socket.connect(address)
        if key is not None:
            self.handshake(key)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        self.socket.close()

    # --- frames

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, body):
        self.socket.sendall(struct.pack("!i", len(body)) + body)

    def read(self, n):
        """n bytes; fewer at the end of the stream."""
        data = b""
        while len(data) < n:
            piece = self.socket.recv(min(n - len(data), 1 << 20))
            if not piece:
                break
            data += piece
        return data

    def recv(self):
        """The body of the next frame; None at the end of the stream. A reset counts as an end."""
        try:
            header = self.read(4)
        except ConnectionResetError:
            return None
        if len(header) < 4:
            assert header == b"", "the stream ends inside a header: %r" % header
            return None
        n, = struct.unpack("!i", header)
        if n == -1:
            n, = struct.unpack("!Q", self.read(8))
        body = self.read(n)
        assert len(body) == n, "the stream ends inside a message"
        return body

    def drain(self):
        """Everything until the end of the stream, as frames."""
        frames = []
        while True:
            body = self.recv()
            if body is None:
                return frames
            frames.append(body)

    # --- handshake, as 3.12 and later do it

    def challenge(self):
        body = self.recv()
        assert body is not None and body.startswith(b"#CHALLENGE#"), body
        return body[len(b"#CHALLENGE#"):]

    def answer(self, key):
        """Returns what the answer's digest is: old servers know only a bare MD5."""
        message = self.challenge()
        if len(message) == 20:
            self.send(mac(key, message, "md5"))
            return "md5"
        self.send(b"{sha256}" + mac(key, message))
        return "sha256"

    def handshake(self, key):
        digest = self.answer(key)
        verdict = self.recv()
        assert verdict == b"#WELCOME#", verdict
        prefix = b"" if digest == "md5" else b"{sha256}"
        mine = os.urandom(20) if digest == "md5" else prefix + os.urandom(40)
        self.send(b"#CHALLENGE#" + mine)
        response = self.recv()
        assert response == prefix + mac(key, mine, digest), response
        self.send(b"#WELCOME#")

    # --- requests

    def request(self, request, protocol=4):
        """Sends one object and returns the reply as it came: (kind, payload)."""
        self.send(pickle.dumps(request, protocol))
        return self.reply()

    def reply(self):
        body = self.recv()
        assert body is not None, "closed in place of a reply"
        return pickle.loads(body)

    def open_data(self, name="raw"):
        assert self.request((None, "accept_connection", (name,), {})) == ("#RETURN", None)
        return self

    def call(self, ident, method, *args, **kwds):
        return result(self.request((ident, method, args, kwds)))


def result(reply):
    kind, payload = reply
    if kind == "#RETURN":
        return payload
    if kind == "#ERROR":
        raise payload
    raise Failed(kind, payload)


def dispatch(address, key, function, *args):
    with Connection(address, key) as c:
        return result(c.request((None, function, args, {})))


def data(address, key, name="raw"):
    return Connection(address, key).open_data(name)
