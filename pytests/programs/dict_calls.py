# Many calls on dicts, OrderedDicts and iterators: prints what each did, one JSON list a line: the call, the outcome,
# the object afterwards. test_dict.py compares the lines that two servers get. One source for CPython 2.7 and 3.x.
from __future__ import print_function
import collections
import json
import sys
from multiprocessing.managers import RemoteError, SyncManager
import common

IS_CPYTHON_3 = not common.PY2
START = {"a": 1, "b": 2}
ARGUMENTS = [(), ("a",), ("x",), ([],), ("a", 5), ("x", 5), ([], 5), (["k"], 5), ((1, "x"), 2), ("a", 5, 6), (None,),
             (1.5,), ((1, [2]),), ({},)]
KEYWORDS = [((), {"key": "a"}), (("a",), {"default": 3}), (("q",), {"default": 4}), ((), {"last": False}),
            (("a",), {"last": False}), ((), {"bogus": 1})]
METHODS = ["__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__", "clear", "copy", "get",
           "items", "keys", "pop", "popitem", "setdefault", "values", "nosuch", "__eq__", "__class__"]
ORDERED_METHODS = ["__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__", "__reversed__",
                   "__eq__", "__ne__", "clear", "copy", "get", "move_to_end", "pop", "popitem", "setdefault",
                   "fromkeys"]
SOURCES = [{"a": 9}, [("q", 1)], [["q", 1]], ["ab"], "ab", [1], [(1,)], [(1, 2, 3)], ["abc"], 5, None,
           [("q", 1), ("q", 2)], [("q", 1), ([], 2)], ((1, 2), (3, 4)), set([("a", 1)]), [None], [{1: 2, 3: 4}], b"",
           bytearray(b"ab"), [bytearray(b"ab")],
           range(3), frozenset([(1, 2)]), collections.OrderedDict([(1, 2), ("b", 7)]), collections.Counter("aa"),
           collections.defaultdict(int, {3: 4}), "", [""], (), 3.5, int, {True: 1},
           {1: 2, 1.5: 3, None: 4, (1, 2): 5}]
MORE_SOURCES = [{1: 2}.items(), {1: 2}.keys(), iter([(1, 2)]), [range(2)], [range(3)], [set([1])], zip("ab", "cd")]


class Manager(SyncManager):
    pass


Manager.register("OrderedDict", exposed=ORDERED_METHODS + ["update"])


def plain(value):
    if "terator" in type(value).__name__:
        return "iterator"
    return repr(value)


def outcome(function, *args, **kwds):
    try:
        return ["returned", plain(function(*args, **kwds))]
    except RemoteError as e:
        return ["raised", "RemoteError", str(e).strip("\n-").splitlines()[-1]]
    except Exception as e:
        return ["raised", type(e).__name__, repr(e.args)]


def say(call, result, after):
    print(json.dumps([call, result, after]))


unchanged = {}  # by make: a proxy of an object that can be asked again


def ask(make, method, args, kwds=None):
    # an iterator can be sent once, and is no text to know it by
    text = "%s%r%r" % (method, tuple(a if "terator" not in repr(a) and "zip" not in repr(a) else type(a) for a in args),
                       kwds or {})
    proxy, before = unchanged.pop(make, None) or (make(), None)
    before = before or str(proxy)
    result = outcome(proxy._callmethod, method, args, kwds or {})
    after = str(proxy)
    if after == before:
        unchanged[make] = (proxy, before)
    say(type(proxy).__name__ + " " + text, result, after)


def iterate(manager):
    d = manager.dict()
    for key in ("a", "b", "c"):
        d[key] = key * 2
    say("for", outcome(lambda: [k for k in d]), str(d))
    say("list", outcome(list, d), "")
    say("in", outcome(lambda: ["a" in d, "z" in d, len(d), d["b"]]), "")
    it = iter(d)
    say("next", outcome(next, it), "")
    d["z"] = 1
    say("grown", outcome(next, it), "")
    del d["z"]
    say("shrunk", outcome(next, it), "")
    it = iter(d)
    next(it)
    for name in ("send", "throw", "close", "nosuch"):
        say(name, outcome(it._callmethod, name, (1,)), "")
    say("rest", outcome(list, it), "")
    say("end", outcome(next, it), "")
    say("after the end", outcome(next, it), "")
    for args in ((), (1, 2), ([1],), ({},), ("ab",)):
        say("Iterator%r" % (args,), outcome(lambda: manager._create("Iterator", *args)[1]), "")
    many = manager.dict(dict((i, str(i)) for i in range(5000)))
    for i in range(0, 5000, 7):
        del many[i]
    say("many", outcome(lambda: sorted(many.keys()) == sorted(many) == [i for i in range(5000) if i % 7]), "")


def main():
    manager = common.connect(Manager)

    def make():
        d = manager.dict()
        d["a"] = 1
        d["b"] = 2
        return d

    def make_ordered():
        return manager.OrderedDict([("a", 1), ("b", 2), ("c", 3)])

    for method in METHODS:
        for args in ARGUMENTS:
            ask(make, method, args)
        for args, kwds in KEYWORDS:
            ask(make, method, args, kwds)
    sources = SOURCES + (MORE_SOURCES if IS_CPYTHON_3 else [])
    for source in sources:
        ask(make, "update", (source,))
    if sys.version_info >= (3, 9):
        for method in ("__or__", "__ror__", "__ior__"):
            for source in SOURCES:
                ask(make, method, (source,))
    if IS_CPYTHON_3:
        for source in SOURCES:
            ask(make, "fromkeys", (source,))
            ask(make, "fromkeys", (source, [1]))
    ask(make, "update", ({"a": 3},), {"b": 5, "z": 6})
    ask(make, "update", (), {"a": 3, "self": 4})
    ask(make, "update", ({}, {}))
    for args, kwds in [((), {}), (([(1, 2)],), {"x": 1}), ((5,), {}), (({}, {}), {}), (([1],), {}),
                       (([(1, 2, 3)],), {}), (([([], 3)],), {}), ((), {"self": 1}), (({"a": 1},), {"a": 2})]:
        made = []
        say("dict%r%r" % (args, kwds), outcome(lambda: made.append(manager.dict(*args, **kwds))),
            str(made[0]) if made else "")
    if sys.version_info >= (3, 7):
        for method in ORDERED_METHODS:
            for args in ARGUMENTS:
                ask(make_ordered, method, args)
            for args, kwds in KEYWORDS:
                ask(make_ordered, method, args, kwds)
        for source in SOURCES:
            ask(make_ordered, "update", (source,))
            ask(make_ordered, "__eq__", (source,))
    iterate(manager)


if __name__ == "__main__":
    main()
