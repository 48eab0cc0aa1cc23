# The queues with every kind of argument: prints what each call did, one JSON list a line: the call, then what
# conformance.outcome() makes of it, then what was in the queue afterwards. test_queue.py compares the lines that two
# servers get. With MPMD_CONFORMANCE=all in the environment: all of them. One source for CPython 2.7 and 3.x.
from __future__ import print_function
import json
import numbers
import random
from multiprocessing.managers import SyncManager

import common
import conformance
from conformance import ALL, NAN, arguments, outcome                        # noqa: F401: in the texts

# (arguments of the constructor, items put into it)
STATES = [("()", []), ("()", [3, 1, 2]), ("(2)", []), ("(2)", [5, 4]), ("(maxsize=1.5)", [1]), ("('x')", [])]
SIZES = "0 -1 1 True False 2.5 0.1 NAN 1e300 -1e300 10**30 None 'x' b'x' [] () {} set() 1+2j int".split()
FORMS = {"get": ["(%s)", "(True, %s)", "(False, %s)", "(timeout=%s)", "(block=%s)"],
         "put": ["(%s)", "(7, %s)", "(7, True, %s)", "(7, False, %s)", "(7, timeout=%s)", "(item=7, block=%s)"]}
ODD = ["()", "(1)", "(1, 2)", "(1, 2, 3, 4)", "(x=1)", "(self=1)", "(item=1)", "(1, item=1)", "(block=False)",
       "(timeout=0)"]


class Queues(conformance.Asker):
    def __init__(self):
        class Manager(SyncManager):
            pass
        for name in ("LifoQueue", "PriorityQueue"):
            Manager.register(name)
        conformance.Asker.__init__(self)
        self.manager = common.connect(Manager)

    def drained(self, proxy):
        items = []
        while not proxy._callmethod("empty"):
            items.append(proxy._callmethod("get_nowait"))
        return items

    def waits(self, method, text, maxsize, items):
        """Whether it could wait long, which takes time, or for ever. NaN: CPython's loop then never ends."""
        args, kwds = arguments(text)
        if method == "put":
            waits = 0 < len(items) and maxsize != "()"
            names = ["item", "block", "timeout"]
        else:
            waits = not items
            names = ["block", "timeout"]
        kwds = dict(zip(names, args), **kwds) if len(args) <= len(names) else {"block": False}
        timeout = kwds.get("timeout")
        if not waits or not kwds.get("block", True):
            return False
        if timeout is None or timeout != timeout or timeout in (True, 1.5, 2):
            return True
        return common.PY2 and (not isinstance(timeout, numbers.Real) or timeout > 1)

    def calls(self, typeid):
        for maxsize, items in STATES:
            proxy = self.make(typeid, maxsize)
            for item in items:
                proxy._callmethod("put", (item,))
            for method in ("get", "put", "get_nowait", "put_nowait", "qsize", "empty", "full", "task_done", "join"):
                values = (conformance.VALUES if ALL else conformance.FEW_VALUES).split()
                forms = FORMS.get(method, [])
                if typeid == "PriorityQueue" and method == "put" and items:
                    forms = forms[1:]                       # not what has no order: of that CPython loses some
                texts = [form % value for form in forms for value in values] + ODD
                for text in texts:
                    if method in FORMS and self.waits(method, text, maxsize, items):
                        continue
                    if method == "join" and text == "()":
                        continue
                    result = outcome(proxy._callmethod, method, *arguments(text))
                    left = self.drained(proxy)
                    yield "%s%s with %s: %s%s" % (typeid, maxsize, items, method, text), result, left
                    for item in items:
                        proxy._callmethod("put", (item,))

    def made(self, typeid):
        for size in SIZES:
            if common.PY2 and size == "1+2j":               # 2.7's full() keeps its mutex when that raises
                continue
            made = []
            yield "%s(%s)" % (typeid, size), outcome(lambda: made.append(self.make(typeid, "(%s)" % size))), []
            if not made:
                continue
            steps = "full put_nowait full put_nowait put_nowait full qsize get_nowait get_nowait"
            for i, method in enumerate(steps.split()):
                args = (i,) if method == "put_nowait" else ()
                yield "%s(%s): step %d" % (typeid, size, i), outcome(made[0]._callmethod, method, args), []
        for text in ("(1, 2)", "(x=1)", "(1, maxsize=1)"):
            yield typeid + text, outcome(self.make, typeid, text)[:1], []

    def counted(self, typeid):
        proxy = self.make(typeid, "()")
        for i, step in enumerate("join task_done put put get task_done qsize task_done join task_done".split()):
            args = (i,) if step == "put" else ()
            yield "%s: count %d, %s" % (typeid, i, step), outcome(proxy._callmethod, step, args), []

    def shut_down(self, typeid):
        for immediate in ("()", "(False)", "(True)", "(immediate=1)", "('')", "(1, 2)", "(x=1)"):
            proxy = self.make(typeid, "(3)")
            for i in range(2):
                proxy._callmethod("put", (i,))
            result = outcome(proxy._callmethod, "shutdown", *arguments(immediate))
            yield "%s: shutdown%s" % (typeid, immediate), result, [proxy._callmethod("qsize")]
            for step in ("put(1)", "put(1, True, -1)", "put_nowait(1)", "get()", "get(True, 'x')", "get_nowait()",
                         "qsize()", "get(False)", "get(timeout='x')", "task_done()", "task_done()", "task_done()",
                         "task_done()", "shutdown()"):
                name, _, text = step.partition("(")
                if step == "get()" and immediate in ("(1, 2)", "(x=1)"):
                    continue
                yield ("%s: shutdown%s, then %s" % (typeid, immediate, step),
                       outcome(proxy._callmethod, name, *arguments("(" + text)), [])

    def priorities(self):
        """What is equal comes out in the order of CPython's heapq."""
        chance = random.Random(7)
        # equal, and still told from each other
        for name, items in (("numbers", [0, False, 0.0, 1, True, 1.0, -1, -1.0, 2, 2.0, 10**30, 1e30]),
                            ("tuples", [(a, b) for a in (0, False, 1, 1.0) for b in (0, True, 1)]),
                            ("texts", ["a", "b", "aa", "", "B"])):
            proxy = self.make("PriorityQueue", "()")
            for i in range(150):
                if chance.random() < 0.6:
                    proxy._callmethod("put", (chance.choice(items),))
                else:
                    yield "PriorityQueue: %s, %d" % (name, i), outcome(proxy._callmethod, "get_nowait"), []
            yield "PriorityQueue: %s, left" % name, [repr(self.drained(proxy))], []

    def everything(self):
        for typeid in TYPEIDS:
            parts = [self.calls(typeid), self.made(typeid), self.counted(typeid)]
            if ALL and typeid == "Queue":                   # 3.13 has it
                parts.append(self.shut_down(typeid))
            for part in parts:
                for line in part:
                    yield line
        if "PriorityQueue" in TYPEIDS:
            for line in self.priorities():
                yield line


TYPEIDS = ["Queue", "JoinableQueue", "LifoQueue", "PriorityQueue"]


def main():
    for label, result, left in Queues().everything():
        print(json.dumps([label, result, repr(left)]))


if __name__ == "__main__":
    main()
