"""What the load program sends: whole frames as CPython 3.8 and later write them, one file for each scenario.

load.c fills in the ident (twelve @) and numbers (four #) and knows the first four frames by their place: create, decref, accept_connection,
dummy. The rest are the requests of the loop, less the first `prepare` ones, which are sent once.
"""
import pickle
import struct

IDENT = "@" * 12
OTHER = "%" * 12  # of the iterator that the connection got last
NUMBER = 0x23232323  # another one each time; which ones: Scenario.numbers


def frame(*request):
    body = pickle.dumps(request, protocol=4)
    return struct.pack("!i", len(body)) + body


def call(method, *args):
    return frame(IDENT, method, args, {})


def other(method, *args):
    return frame(OTHER, method, args, {})


def admin(name, *args):
    return frame(None, name, args, {})


def set_x(value):
    return call("__setattr__", "x", value)


def get_x():
    return call("__getattribute__", "x")


def fill_dict(n):
    return [call("update", {100000 + i: i for i in range(k, min(n, k + 1000))}) for k in range(0, n, 1000)]


def fill_list(n):
    return [call("extend", [100000 + i for i in range(k, min(n, k + 1000))]) for k in range(0, n, 1000)]


def collection(typeid, n, first, fill):
    """Rows for getting and setting items of n."""
    size = {1000: "1,000", 1000000: "1,000,000"}[n]
    return [Scenario("%s-%s-%d" % (typeid, name, n), "%s of %s: %s an item" % (typeid, size, name), typeid, fill(n) + [request],
                     prepare=len(fill(n)), shared=True, numbers=(first, n))
            for name, request in (("get", call("__getitem__", NUMBER)), ("set", call("__setitem__", NUMBER, NUMBER)))]


# 41 KB in 13,000 opcodes.
DICTS = [{"id": i, "name": "user%d" % i, "tags": ["a", "b"], "score": i * 1.5} for i in range(1000)]
BYTES = bytes(range(256)) * 4


class Scenario(object):
    def __init__(self, name, text, typeid, requests, prepare=0, one_shot=False, shared=False, aim=0.9,
                 numbers=None, roles=1, copies=False, create=(), connections=None):
        self.name, self.text, self.typeid, self.requests = name, text, typeid, requests
        self.prepare, self.one_shot, self.shared, self.aim = prepare, one_shot, shared, aim
        self.numbers = numbers  # (first, count)
        self.roles = roles      # connections send one of so many requests each
        self.copies = copies    # the limit is a server that copies what it gets
        self.create = create    # arguments of the constructor
        self.connections = connections  # measured with that many only

    def bytes(self):
        return b"".join([admin("create", self.typeid, *self.create), admin("decref", IDENT),
                         admin("accept_connection", "MainProcess"), admin("dummy")] + self.requests)

    def flags(self):
        return (["--prepare", str(self.prepare)] + ["--one-shot"] * self.one_shot + ["--shared"] * self.shared
                + (["--roles", str(self.roles)] if self.roles > 1 else [])
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
    Scenario("value-get", "Value.get", "Value", [call("get")], shared=True, create=("i", 7)),
    Scenario("value-set", "Value.set", "Value", [call("set", NUMBER)], shared=True, create=("i", 7), numbers=(100000, 1000000)),
    Scenario("value-increment", "Value.increment", "Value", [call("increment")], shared=True, create=("i", 0)),
    Scenario("queue", "Queue: put or get", "Queue", [call("put", NUMBER), call("get")], shared=True, roles=2,
             numbers=(100000, 1000000), connections=(2, 16)),
    Scenario("queue-each", "Queue: put and get, one each", "Queue", [call("put", NUMBER), call("get")],
             numbers=(100000, 1000000)),
    Scenario("queue-1m", "Queue: put and get 1 MiB, one each", "Queue", [call("put", bytes(1 << 20)), call("get")],
             copies=True, connections=(1, 8), aim=0.67),
    Scenario("life", "create, incref, decref", "Event",
             [admin("create", "Event"), admin("incref", IDENT), admin("decref", IDENT)], one_shot=True),
]
SCENARIOS[-1:-1] = [row for n in (1000, 1000000) for row in
                    collection("dict", n, 100000, fill_dict) + collection("list", n, 0, fill_list)]
SCENARIOS[-1:-1] = [
    Scenario("dict-keys", "dict of 1,000: keys()", "dict", fill_dict(1000) + [call("keys")], prepare=1, shared=True),
    Scenario("dict-iterate", "dict of 1,000: iterate", "dict", fill_dict(1000) + [call("__iter__")] + [other("__next__")] * 1001,
             prepare=1, shared=True),
]
SCENARIOS += [
    Scenario("life-%s" % t, "create, incref, decref a %s" % t, t,
             [admin("create", t), admin("incref", IDENT), admin("decref", IDENT)], one_shot=True) for t in ("list", "dict")]
# Held open for memory: a million entries, a thousand in each message.
MILLION = [
    Scenario("million-ints", "dict of 1,000,000 int: int", "dict", fill_dict(1000000) + [call("__len__")], prepare=1000, shared=True),
    Scenario("million-strs", "dict of 1,000,000 str: int", "dict",
             [call("update", {"key%06d" % i: i for i in range(k, k + 1000)}) for k in range(0, 1000000, 1000)]
             + [call("__len__")], prepare=1000, shared=True),
]


def growth(typeid, n):
    """(text, requests, whether it may cost n) of calls to an object of n entries, to be compared with one of 10 n."""
    def rows(fill, calls, first):
        return [(text, Scenario("growth", text, typeid, fill + [call(*c) for c in request], prepare=len(fill), shared=True,
                                numbers=(first, n)), linear) for text, request, linear in calls]
    if typeid in ("dict", "OrderedDict"):
        return rows(fill_dict(n), [
            ("get", [("__getitem__", NUMBER)], False), ("set", [("__setitem__", NUMBER, 1)], False),
            ("add and remove", [("__setitem__", "k", 1), ("__delitem__", "k")], False),
            ("contains", [("__contains__", NUMBER)], False), ("popitem and add", [("popitem",), ("__setitem__", "k", 1)], False),
            ("update with one", [("update", {5: 6})], False), ("len", [("__len__",)], False), ("keys", [("keys",)], True),
            ("copy", [("copy",)], True)], 100000)
    if typeid == "list":
        return rows(fill_list(n), [
            ("get", [("__getitem__", NUMBER)], False), ("set", [("__setitem__", NUMBER, 1)], False),
            ("append and pop", [("append", 1), ("pop",)], False), ("insert and pop at 0", [("insert", 0, 1), ("pop", 0)], True),
            ("extend by one", [("extend", [1])], False), ("len", [("__len__",)], False),
            ("slice of ten", [("__getitem__", slice(10, 20))], False), ("contains", [("__contains__", "x")], True)], 0)
    if typeid == "set":
        return rows([call("update", list(range(100000, 100000 + n)))], [
            ("contains", [("__contains__", NUMBER)], False), ("add and discard", [("add", "x"), ("discard", "x")], False),
            ("pop and add", [("pop",), ("add", "x")], False)], 100000)
    if typeid == "deque":
        return rows(fill_list(n), [
            ("append and popleft", [("append", 1), ("popleft",)], False), ("appendleft and pop", [("appendleft", 1), ("pop",)],
                                                                           False),
            ("rotate by one", [("rotate", 1)], False)], 0)
    fill = [call("put_many", list(range(k, k + 1000))) for k in range(0, n, 1000)]
    return rows(fill, [("put and get", [("put", NUMBER), ("get",)], False), ("qsize", [("qsize",)], False)], 0)


GROWING = ("dict", "OrderedDict", "list", "set", "deque", "Queue", "LifoQueue", "PriorityQueue")
HANDSHAKE = Scenario("handshake", "connect, prove, dummy", "Event", [admin("dummy")], one_shot=True)
