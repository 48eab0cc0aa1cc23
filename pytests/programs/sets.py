# set: random calls answered as by a set of this Python's own. In 3.13, whose texts mpmd has, exceptions have the same text;
# in other versions they are of the same type. What fails changes nothing. One source for CPython 2.7 and 3.x.
from __future__ import print_function
import os
import random
import sys
from multiprocessing.managers import BaseProxy, SyncManager

import common

IN_PLACE = ["__iand__", "__ior__", "__isub__", "__ixor__"]
OPERATORS = ["__and__", "__or__", "__sub__", "__xor__", "__rand__", "__ror__", "__rsub__", "__rxor__", "__ge__", "__gt__",
             "__le__", "__lt__"] + IN_PLACE
ONE = ["__contains__", "add", "discard", "remove"]
NONE = ["__len__", "__iter__", "clear", "copy", "pop"]
MANY = ["union", "update", "difference", "difference_update", "intersection", "intersection_update"]
OTHERS = ["symmetric_difference", "symmetric_difference_update", "isdisjoint", "issubset", "issuperset"]
METHODS = OPERATORS + ONE + NONE + MANY + OTHERS
ITEMS = [0, 1, 1.0, True, 2, 3, u"a", "b", u"\xe9", None, (1, 2), (1.0, 2), frozenset([1]), 2**70, 0.5]
R = random.Random(7)


class Proxy(BaseProxy):
    pass


class Manager(SyncManager):
    pass


Manager.register("set", proxytype=Proxy, exposed=METHODS)


def some():
    return [R.choice(ITEMS) for _ in range(R.randrange(6))]


def argument(method):
    kind = R.randrange(12)
    if method in OPERATORS and kind > 3:
        return R.choice([set, frozenset])(some())
    return [set, frozenset, list, tuple, dict.fromkeys, lambda s: u"ab", lambda s: range(R.randrange(4)), lambda s: 5,
            lambda s: [1, []], lambda s: bytearray(b"ab"), set, list][kind](some())


def arguments(method):
    if method in ONE:
        args = [R.choice(ITEMS + [[], set([1]), set(), {}, bytearray(b"a"), (1, [])])]
    elif method in NONE:
        args = []
    elif method in MANY:
        args = [argument(method) for _ in range(R.choice([0, 1, 1, 1, 2]))]
    else:
        args = [argument(method)]
    wrong = R.randrange(25)
    return args + [1] if wrong == 0 else args[:-1] if wrong == 1 else args


def shown(items):
    return sorted(map(repr, items))


def outcome(function, args, kwds):
    try:
        value = function(*args, **kwds)
    except Exception as e:
        # the last line of a RemoteError is what the server raised
        return "raised %s" % ("%s%r" % (type(e).__name__, e.args) if sys.version_info[:2] == (3, 13) else type(e).__name__)
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, shown(value)
    return shown(value) if hasattr(value, "__next__") or hasattr(value, "next") else repr(value)


def check(proxy, own, method, args, kwds):
    before = shown(own)
    expected = outcome(getattr(own, method), args, kwds)
    said = outcome(lambda *args, **kwds: proxy._callmethod(method, args, kwds), args, kwds)
    now = proxy._getvalue()
    label = "%s %s%r %r: %s, expected %s" % (before, method, args, kwds, said, expected)
    assert said == expected, label
    if expected[:6] == "raised":
        assert shown(now) == before, label
        own.clear()
        own.update(now)
    assert shown(now) == shown(own) and len(proxy._callmethod("copy")) == len(own), label
    return expected[:6] == "raised"


def main():
    manager = common.connect(Manager)
    n_failed = 0
    for _ in range(int(os.environ.get("MPMD_SETS", "60"))):
        items = some()
        proxy, own = manager.set(items), set(items)
        for _ in range(10):
            method = R.choice([m for m in METHODS if hasattr(own, m)])
            args, kwds = arguments(method), {"x": 1} if R.randrange(40) == 0 else {}
            if method == "pop" and len(own) > 1 and not args and not kwds:
                continue                                                    # any of them
            if method in ("issuperset", "difference", "isdisjoint") and [1, []] in args and sys.version_info < (3, 11):
                continue                                                    # looked at more, or less, before it answered
            if method == "difference" and not own and sys.version_info < (3, 7):
                continue                                                    # 3.6 does not look at the arguments then
            n_failed += check(proxy, own, method, args, kwds)
    assert n_failed > 30
    a, b = manager.set([1, 2]), manager.set([2, 3])
    assert a._callmethod("__and__", (b,)) == set([2]) == a._callmethod("intersection", (b,))
    assert a._callmethod("__ior__", (b,)) == set([1, 2, 3]) == manager.set(a)._getvalue()
    assert str(manager.set()) == "set()" and str(b) == "{2, 3}"
    print("done")


if __name__ == "__main__":
    main()
