"""What the load program sends: whole frames as CPython 3.8 and later write them, one file for each scenario.

load.c fills in the ident (twelve @) and numbers (four #) and knows the first four frames by their place: create, decref, accept_connection,
dummy. The rest are the requests of the loop, less the first `prepare` ones, which are sent once.
"""
import pickle
import struct

IDENT = "@" * 12
NUMBER = 0x23232323  # another one each time; which ones: Scenario.numbers


def frame(*request):
    body = pickle.dumps(request, protocol=4)
    return struct.pack("!i", len(body)) + body


def call(method, *args):
    return frame(IDENT, method, args, {})


def admin(name, *args):
    return frame(None, name, args, {})


def set_x(value):
    return call("__setattr__", "x", value)


def get_x():
    return call("__getattribute__", "x")


# 41 KB in 13,000 opcodes.
DICTS = [{"id": i, "name": "user%d" % i, "tags": ["a", "b"], "score": i * 1.5} for i in range(1000)]
BYTES = bytes(range(256)) * 4


class Scenario(object):
    def __init__(self, name, text, typeid, requests, prepare=0, one_shot=False, shared=False, aim=0.9,
                 numbers=None):
        self.name, self.text, self.typeid, self.requests = name, text, typeid, requests
        self.prepare, self.one_shot, self.shared, self.aim = prepare, one_shot, shared, aim
        self.numbers = numbers  # (first, count)

    def bytes(self):
        return b"".join([admin("create", self.typeid), admin("decref", IDENT),
                         admin("accept_connection", "MainProcess"), admin("dummy")] + self.requests)

    def flags(self):
        return (["--prepare", str(self.prepare)] + ["--one-shot"] * self.one_shot + ["--shared"] * self.shared
                + (["--numbers", "%d:%d" % self.numbers] if self.numbers else []))


SCENARIOS = [
    Scenario("is_set", "Event.is_set", "Event", [call("is_set")], shared=True),
    Scenario("get-int", "Namespace: get an int", "Namespace", [set_x(42), get_x()], prepare=1, shared=True),
    Scenario("set-int", "Namespace: set an int", "Namespace", [set_x(42)], shared=True),
    Scenario("set-ints", "Namespace: set ints", "Namespace", [set_x(NUMBER)], shared=True, numbers=(100000, 1000000)),
    Scenario("get-1k", "Namespace: get 1 KiB", "Namespace", [set_x(BYTES), get_x()], prepare=1, shared=True),
    Scenario("set-1k", "Namespace: set 1 KiB", "Namespace", [set_x(BYTES)], shared=True),
    Scenario("dicts", "Namespace: set and get 1,000 dicts", "Namespace", [set_x(DICTS), get_x()], shared=True, aim=0.5),
    Scenario("lock", "Lock: acquire and release, one each", "Lock", [call("acquire"), call("release")]),
    Scenario("shared-lock", "Lock: acquire and release, one for all", "Lock", [call("acquire"), call("release")],
             shared=True),
    Scenario("life", "create, incref, decref", "Event",
             [admin("create", "Event"), admin("incref", IDENT), admin("decref", IDENT)], one_shot=True),
]
HANDSHAKE = Scenario("handshake", "connect, prove, dummy", "Event", [admin("dummy")], one_shot=True)
