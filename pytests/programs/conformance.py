# Every method of every type with odd arguments: prints what each call did, one JSON list a line: the call, the outcome,
# the object as a text afterwards. test_conformance.py compares the lines that two servers get.
# With MPMD_CONFORMANCE=all in the environment: values of every kind in every place, and the objects' texts; else some.
# One source for CPython 2.7 and 3.x.
from __future__ import print_function
import json
import os
import re
import threading
import common

if common.PY2:
    import Queue as queue
else:
    import queue
    long = int

ALL = os.environ.get("MPMD_CONFORMANCE") == "all"
NAN = float("nan")
# In place of an argument of every kind.
VALUES = ("None True False 0 1 -1 -2 0.001 1.5 -0.5 NAN 1e300 -1e300 10**30 -10**30 9223372037 'x' b'y' [] () [1] {} "
          "{1:2} 1+2j set() int")
FEW_VALUES = "None True False 0 1 -1 0.001 -0.5 1e300 'x' []"
OTHER_CALLS = ["()", "(1, 2, 3)", "(1, 2, 3, 4)", "(x=1)", "(self=1)", "(n=1)", "(n=2)", "(1, n=1)", "(blocking=False)",
               "(blocking=0, timeout=-1)", "(1, blocking=1)", "(0, timeout=1)", "(timeout=0, x=1)", "('x', 1)", "('y')"]
# Arguments and keywords that are no tuple and no dict.
SHAPES = ["None, {}", "(), None", "5, {}", "(), 5", "[1], {}", "{1: 2}, {}", "(), {1: 2}"]

# (name of the state, arguments of the constructor, calls that lead to it). "other ": made by another thread.
STATES = {
    "Lock": [("free", "()", []), ("held", "()", ["acquire"]), ("held by another", "()", ["other acquire"])],
    "RLock": [("free", "()", []), ("held", "()", ["acquire"]), ("held twice", "()", ["acquire", "acquire"]),
              ("held by another", "()", ["other acquire"])],
    "Semaphore": [("of 2", "(2)", []), ("of 0", "(0)", []), ("used up", "(1)", ["acquire"])],
    "BoundedSemaphore": [("of 2", "(2)", []), ("one taken", "(2)", ["acquire"]), ("used up", "(1)", ["acquire"])],
    "Event": [("clear", "()", []), ("set", "()", ["set"])],
    "Condition": [("free", "()", []), ("held", "()", ["acquire"]), ("held twice", "()", ["acquire", "acquire"]),
                  ("held by another", "()", ["other acquire"])],
    "Barrier": [("of two", "(2)", []), ("of one", "(1)", []), ("broken", "(2)", ["abort"])],
    "Namespace": [("x=1", "(x=1)", [])],
}
METHODS = {
    "Lock": ["acquire", "release"],
    "RLock": ["acquire", "release"],
    "Semaphore": ["acquire", "release"],
    "BoundedSemaphore": ["acquire", "release"],
    "Event": ["is_set", "set", "clear", "wait"],
    "Condition": ["acquire", "release", "wait", "notify", "notify_all"],
    "Barrier": ["wait", "abort", "reset", "__getattribute__"],
    "Namespace": ["__getattribute__", "__setattr__", "__delattr__"],
}
TAKE_NOTHING = ["is_set", "set", "clear", "notify_all", "abort", "reset"]
# What the object may have and the stock manager does not expose, and what no object has.
NOT_EXPOSED = ["locked", "__enter__", "_is_owned", "isSet", "wait_for", "parties", "__init__", "__class__", "nosuch",
               "", None]
BARRIER_ATTRIBUTES = ["parties", "n_waiting", "broken", "zz", "__class__", "__doc__"]
# Where a call that may wait finds nothing to take, and nobody would come to end that.
WAITS = {"acquire": ["Lock held", "Lock held by another", "RLock held by another", "Condition held by another",
                     "Semaphore of 0", "Semaphore used up", "BoundedSemaphore used up"],
         "wait": ["Event clear", "Condition held", "Condition held twice", "Barrier of two"]}
# Only some versions have them, or pickle them.
NOT_ASKED_OF_NAMESPACE = ["__firstlineno__", "__static_attributes__", "__weakref__"]


def arguments(text):
    """'(1, timeout=2)' as (args, kwds)."""
    return eval("(lambda *args, **kwds: (args, kwds))" + text)


def calls(*forms):
    """Arguments as texts: each form with each value, and some others."""
    for v in (VALUES if ALL else FEW_VALUES).split():
        for form in forms:
            yield form % v
    for text in OTHER_CALLS:
        yield text


def calls_of(method):
    if method in TAKE_NOTHING:
        return calls("(%s)", "(timeout=%s)") if ALL else ["()", "(1)", "(x=1)", "(timeout=1)", "(1, 2, 3)", "(self=1)"]
    return calls("(%s)", "(True, %s)", "(False, %s)", "(timeout=%s)")


def waits_long(typeid, state, method, args, kwds):
    if typeid + " " + state not in WAITS.get(method, ()):
        return False
    first = 1 if method == "acquire" else 0
    timeout = args[first] if len(args) > first else kwds.get("timeout")
    if method == "acquire" and not (args[0] if args else kwds.get("blocking", True)):
        return False
    # NaN: loops of CPython's threading.py that ask `remaining <= 0` never end. 2.7 knows no largest timeout.
    if timeout is None or timeout != timeout or timeout in (True, 1.5, -1):
        return True
    return common.PY2 and type(timeout) in (int, long, float) and timeout > 1


class Other(threading.Thread):
    """Another thread of the client, which is another owner to the server."""

    def __init__(self):
        threading.Thread.__init__(self, name="other")
        self.daemon = True
        self.tasks, self.results = queue.Queue(), queue.Queue()
        self.start()

    def run(self):
        while True:
            proxy, method = self.tasks.get()
            self.results.put(proxy._callmethod(method))

    def call(self, proxy, method):
        self.tasks.put((proxy, method))
        return self.results.get()


def plain(text):
    """Without what differs from run to run: addresses, owners, the order of a set."""
    text = re.sub(r"0x[0-9a-fA-F]+", "0x", text)
    text = re.sub(r"owner=[1-9][0-9]*", "owner=N", text)
    return re.sub(r"exposed=(\{|set\(\[)([^]}]*)", lambda m: "exposed=%s" % sorted(m.group(2).split(", ")), text)


def shape(value):
    """A value whose repr says what it is."""
    if callable(value):
        return type(value).__name__
    if type(value).__name__ == "Namespace":
        return sorted(vars(value).items())
    return value


def outcome(function, *args):
    """["returned", repr] or ["raised", type, repr of the arguments, text]."""
    try:
        return ["returned", plain(repr(shape(function(*args))))]
    except Exception as e:
        name, arguments, text = type(e).__name__, repr(e.args), str(e)
        if name == "RemoteError":
            # A traceback: what matters is the kind of message and the exception.
            lines = text.strip("\n-").splitlines()
            name, arguments = "RemoteError of " + lines[-1].split(":")[0], ""
            text = "%s: ... %s" % (lines[0].split(":")[0], lines[-1])
        return ["raised", name, plain(arguments), plain(text)]


class Asker(object):
    def __init__(self):
        self.manager = common.connect()
        self.other = Other()

    def make(self, typeid, text):
        """A proxy without a reference: that costs one connection, not four, and the server is ended soon."""
        args, kwds = arguments(text)
        token, exposed = self.manager._create(typeid, *args, **kwds)
        proxytype = self.manager._registry[typeid][3]
        more = {} if isinstance(proxytype, type) else {"exposed": exposed}
        return proxytype(token, "pickle", manager=self.manager, authkey=common.options.key, incref=False, **more)

    def prepared(self, typeid, text, steps):
        proxy = self.make(typeid, text)
        for step in steps:
            if step.startswith("other "):
                self.other.call(proxy, step[len("other "):])
            else:
                proxy._callmethod(step)
        return proxy

    def methods(self, typeid):
        for state, made_with, steps in STATES[typeid]:
            proxy = None
            for method in METHODS[typeid]:
                for text in calls_of(method):
                    args, kwds = arguments(text)
                    if waits_long(typeid, state, method, args, kwds):
                        continue
                    if proxy is None:
                        proxy = self.prepared(typeid, made_with, steps)
                        before = self.text(proxy)
                    result = outcome(proxy._callmethod, method, args, kwds)
                    after = self.text(proxy)
                    yield "%s %s: %s%s" % (typeid, state, method, text), result, after
                    # What looks as before can be asked again.
                    if after != before or (not ALL and result[:2] != ["raised", "TypeError"]):
                        proxy = None

    def text(self, proxy):
        """Not for old versions: their texts tell less, and are not compared."""
        return str(proxy) if ALL else ""

    def constructors(self, typeid):
        for text in calls("(%s)", "(True, %s)", "(timeout=%s)") if ALL else calls("(%s)"):
            made = []
            result = outcome(lambda: made.append(self.make(typeid, text)))
            yield typeid + text, result, str(made[0]) if made else ""

    def other_requests(self, typeid):
        for state, made_with, steps in STATES[typeid]:
            proxy = self.prepared(typeid, made_with, steps)
            before = str(proxy)
            yield "%s %s: #GETVALUE()" % (typeid, state), outcome(proxy._getvalue), before
            for method in ("__str__", "__repr__"):
                text = proxy._callmethod(method)
                yield "%s %s: %s()" % (typeid, state, method), outcome(type, text), text
            for method in ("__str__", "__repr__", "#GETVALUE"):
                for text in ("((1,), {})", "((1, 2), {})", "((), {'x': 1})", "(None, {})", "((), 5)"):
                    yield ("%s %s: %s of %s" % (typeid, state, method, text),
                           outcome(proxy._callmethod, method, *eval(text)), "")
            for method in NOT_EXPOSED:
                yield "%s %s: %s()" % (typeid, state, method), outcome(proxy._callmethod, method), ""
            for text in SHAPES if ALL else ():
                for method in METHODS[typeid][:2]:
                    args, kwds = eval(text)
                    if waits_long(typeid, state, method, (), {}):
                        continue
                    yield ("%s %s: %s of %s" % (typeid, state, method, text),
                           outcome(proxy._callmethod, method, args, kwds), self.text(proxy))
                    proxy = self.prepared(typeid, made_with, steps)

    def namespace(self):
        names = set(dir(self.make("Namespace", "()")._getvalue())) - set(NOT_ASKED_OF_NAMESPACE)
        for name in sorted(names | set(["x", "zz", "__name__", ""])):
            proxy = self.make("Namespace", "(x=1)")
            for method, args in (("__getattribute__", (name,)), ("__delattr__", (name,)), ("__setattr__", (name, 5))):
                yield "Namespace: %s%r" % (method, args), outcome(proxy._callmethod, method, args), self.text(proxy)

    def barrier(self):
        for state, made_with, steps in STATES["Barrier"]:
            proxy = self.prepared("Barrier", made_with, steps)
            for name in BARRIER_ATTRIBUTES:
                yield "Barrier %s: %s" % (state, name), outcome(proxy._callmethod, "__getattribute__", (name,)), ""

    def everything(self):
        for typeid in sorted(STATES):
            if typeid == "Barrier" and common.PY2:
                continue
            for part in (self.methods, self.constructors, self.other_requests):
                for line in part(typeid):
                    yield line
        for line in self.namespace():
            yield line
        if not common.PY2:
            for line in self.barrier():
                yield line


def main():
    for label, result, text in Asker().everything():
        print(json.dumps([label, result, plain(text)]))


if __name__ == "__main__":
    main()
