# list: prints what each call did, one JSON list a line: the call, then what conformance.outcome() makes of it and the list behind
# it. test_list.py compares the lines that two servers get. With MPMD_CONFORMANCE=all in the environment: all of them.
# One source for CPython 2.7 and 3.x.
from __future__ import print_function
import array                                                                # noqa: F401: in the texts
import collections                                                          # noqa: F401: in the texts
import datetime                                                             # noqa: F401: in the texts
import decimal                                                              # noqa: F401: in the texts
import itertools
import json
import random

import common
import conformance
from conformance import ALL

ITEMS = ["[]", "[0]", "['a', 1, None, (1, 2), 1.5, [3]]", "[0, 1, 2, 3, 4, 5]"] if ALL else ["[]", "[0, 1, 2, 3, 4, 5]"]
INDICES = ["None", "True", "0", "-1", "5", "6", "-6", "-7", "10**30", "-10**30", "'x'", "1.5", "()", "2**63", "-2**63"]
BOUNDS = ["None", "-9", "-2", "0", "1", "3", "9", "10**30"] if ALL else ["None", "-2", "3"]
STEPS = ["None", "1", "2", "-1", "-3", "7", "0"] if ALL else ["None", "2", "-1", "0"]
ODD_SLICES = ["slice('x')", "slice(1.5, 2)", "slice(10**30, -10**30, -1)", "slice(True, None, True)",
              "slice(None, None, -10**30)", "slice(0, 'x', 'y')", "slice([], 2, 0)"]
ASSIGNED = ["[]", "[7]", "(7, 8, 9)", "'ab'", "range(3)", "{1: 2}", "5", "None"] if ALL else ["[]", "(7, 8, 9)", "5"]
ITERABLES = [
    "()", "(1, 2)", "[1, 'a', None, 2.5]", "{1}", "frozenset([3])", "{'a': [1]}", "u'h\\xe9\\u20ac'", "u''", "b'ab\\xff'", "b''",
    "bytearray(b'xyz')", "bytearray()", "range(5)", "range(10, 0, -3)", "range(0)", "range(2**40, 2**40 + 2)",
    "{'a': 1}.keys()", "{'a': 1}.values()", "{'a': 1}.items()", "collections.deque([1, 2, 3], 2)", "collections.deque()",
    "collections.OrderedDict([(1, 2), (3, 4)])", "collections.Counter('aa')", "collections.defaultdict(list, {1: [2]})",
    "array.array('i', [1, -2])", "array.array('d', [1.5])", "array.array('B')", "[[1]] * 3", "(lambda x: [x, (x, x), x])([1])",
    "5", "None", "1.5", "True", "1+2j", "int", "datetime.date(2020, 1, 1)", "decimal.Decimal(1)", "ValueError(1)", "slice(1)",
]
# Python 2 cannot pickle them.
ITERATORS = [
    "iter([1, 2, 3])", "gone_on(iter([1, 2, 3]), 1)", "gone_on(iter([1, 2]), 9)", "gone_on(iter((1, 2, 3)), 2)",
    "gone_on(iter('abc'), 1)", "gone_on(iter(b'abc'), 1)", "gone_on(iter(bytearray(b'abc')), 2)", "gone_on(iter(range(9)), 4)",
    "gone_on(iter({1, 2, 3}), 1)", "gone_on(iter({'a': 1, 'b': 2}.items()), 1)", "gone_on(iter(collections.deque([1, 2])), 1)",
    "reversed([1, 2, 3])", "gone_on(reversed([1, 2, 3]), 1)", "gone_on(reversed([1]), 5)", "reversed((1, 2))",
    "gone_on(reversed('abc'), 1)", "reversed(range(3))", "gone_on(reversed(collections.deque([1, 2, 3])), 1)",
    "enumerate('abc')", "gone_on(enumerate([1, 2], 5), 1)", "zip([1, 2, 3], 'abc')", "gone_on(zip([1, 2], 'ab', (9, 8)), 1)",
    "zip()", "zip(zip([1], [2]), 'a')", "gone_on(iter(array.array('i', [1, 2])), 1)",
]
NUMBERS = ["0", "1", "3", "-1", "True", "2.5", "'a'", "None", "10**30", "-10**30"]
ADDED = ["[]", "[7]", "(7,)", "'a'", "5", "None", "{}", "collections.deque([1])"]
SORTED = ["[3, 1, 2]", "['b', 'a']", "[1, 'a', 2]", "[2.5, True, 10**30, -1]", "[(2, 'a'), (1, 'b')]", "[[2], [1, 5]]", "[None, 1]",
          "[{1}, {1, 2}]", "[b'b', b'a']", "[5]", "[]", "[3, 2, 1, 'x', 0]"]
SORTS = ["sort()", "sort(reverse=True)", "sort(key=None, reverse=0)", "sort(reverse='x')", "sort(1)", "sort(x=1)"]
NAMES = ["append", "count", "extend", "index", "insert", "pop", "remove", "reverse", "__add__", "__contains__", "__delitem__",
         "__getitem__", "__len__", "__reversed__", "__setitem__", "__iter__", "nosuch"]


def gone_on(iterator, n):
    for _ in range(n):
        next(iterator, None)
    return iterator


def arguments(text):
    return eval("(lambda *args, **kwds: (args, kwds))" + text)


def shown(value):
    return (type(value).__name__, list(value)) if hasattr(value, "__next__") else value


class Lists(conformance.Asker):
    def __init__(self):
        super(Lists, self).__init__()
        self.proxy = self.make("list", "()")
        self.now = "[]"

    def ask(self, before, text):
        """One list for all calls; it is put right when it changed."""
        if self.now != before:
            self.proxy._callmethod("__setitem__", (slice(None), eval(before)))
        name, _, rest = text.partition("(")
        args, kwds = arguments("(" + rest)
        outcome = conformance.outcome(lambda: shown(self.proxy._callmethod(name, args, kwds)))
        after = conformance.plain(str(self.proxy))
        self.now = before if after == before else None
        return "%s.%s" % (before, text), outcome + [after]

    def making(self):
        iterators = [] if common.PY2 else ITERATORS
        for text in ITERABLES + iterators:
            yield "list(%s)" % text, conformance.outcome(lambda: str(self.make("list", "(%s)" % text)))
            yield self.ask("[0]", "extend(%s)" % text)
            yield self.ask("[0, 1, 2]", "__setitem__(slice(1, 2), %s)" % text)
        for text in "()", "([1], [2])", "(iterable=[1])":
            yield "list" + text, conformance.outcome(lambda: str(self.make("list", text)))

    def places(self):
        for items in ITEMS:
            for i in INDICES + ODD_SLICES:
                for call in "__getitem__(%s)", "__delitem__(%s)", "__setitem__(%s, 'new')", "insert(%s, 'new')", "pop(%s)":
                    yield self.ask(items, call % i)
            for bounds in itertools.product(BOUNDS, BOUNDS, STEPS):
                text = "slice(%s, %s, %s)" % bounds
                yield self.ask(items, "__getitem__(%s)" % text)
                yield self.ask(items, "__delitem__(%s)" % text)
                if items == ITEMS[-1]:
                    for value in ASSIGNED:
                        yield self.ask(items, "__setitem__(%s, %s)" % (text, value))

    def values(self):
        for items in ITEMS:
            for value in "0", "1", "2.0", "True", "'a'", "None", "(1, 2.0)", "[3]", "1+0j", "b'a'", "float('nan')", "{}":
                for call in "index(%s)", "count(%s)", "remove(%s)", "__contains__(%s)", "append(%s)":
                    yield self.ask(items, call % value)
            for i, j in itertools.product(INDICES, repeat=2):
                yield self.ask(items, "index(1, %s, %s)" % (i, j))

    def others(self):
        for items in "[]", "[1, [2]]":
            for n in NUMBERS:
                for name in "__mul__", "__rmul__", "__imul__":
                    yield self.ask(items, "%s(%s)" % (name, n))
            for value in ADDED:
                yield self.ask(items, "__add__(%s)" % value)
            for name in NAMES:
                for text in "()", "(0)", "(0, 1)", "(0, 1, 2)", "(0, 1, 2, 3)", "(x=1)":
                    yield self.ask(items, name + text)
        yield self.ask("[]", "__mul__(2**62)")
        for items, call in itertools.product(SORTED, SORTS):
            yield self.ask(items, call)

    def python2(self):
        for i, j in itertools.product(["0", "1", "3", "9", "2**63-1", "'x'", "None"], repeat=2):
            for call in "__getslice__(%s, %s)", "__delslice__(%s, %s)", "__setslice__(%s, %s, 'ab')", "__setslice__(%s, %s, 5)":
                yield self.ask("[0, 1, 2]", call % (i, j))

    def at_random(self):
        """What is done to one list, step after step."""
        chance = random.Random(20)

        def place():
            return chance.choice(["%d" % chance.randint(-9, 9)] * 6 + ["None"] * 2 + ["True", "2**63", "-2**70"])

        proxy = self.make("list", "([1, 'a', 2.5])")
        for i in range(4000 if ALL else 500):
            bounds = "slice(%s, %s, %s)" % (place(), place(), chance.choice(["None", "1", "-1", "2", "-3"]))
            items = repr([chance.choice([None, "x", 1, 2.5, (3,)]) for _ in range(chance.randint(0, 5))])
            text = chance.choice(["append('%d')" % i, "insert(%s, %d)" % (place(), i), "pop(%s)" % place(), "extend(%s)" % items,
                                  "__setitem__(%s, %d)" % (place(), i), "__setitem__(%s, %s)" % (bounds, items), "reverse()",
                                  "__delitem__(%s)" % bounds, "__getitem__(%s)" % bounds, "remove('x')", "index(1, %s)" % place()])
            name, _, rest = text.partition("(")
            args, kwds = arguments("(" + rest)
            outcome = conformance.outcome(proxy._callmethod, name, args, kwds)
            yield "step %d: %s" % (i, text), outcome + [conformance.plain(str(proxy))]

    def every_call(self):
        parts = [self.making(), self.places(), self.values(), self.others(), self.at_random()]
        return itertools.chain(*(parts + ([self.python2()] if common.PY2 else [])))


def main():
    said = set()
    for label, result in Lists().every_call():
        if label not in said:
            print(json.dumps([label, result]))
        said.add(label)


if __name__ == "__main__":
    main()
