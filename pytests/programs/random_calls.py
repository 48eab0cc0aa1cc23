# Plays programs of one line a step, made by random_programs.py, and says what each step did. Loaded by agent.py; a
# stock server imports it, too, for the classes. One source for CPython 2.7 and 3.x.
import collections
import copy
import gc
import itertools
import re
import sys
import threading
import warnings
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from multiprocessing import managers
from uuid import UUID
import models

PY2 = sys.version_info[0] == 2
if PY2:
    import Queue as queue
    TEXT, NUMBERS = unicode, (bool, int, long, float, complex)    # noqa: F821
else:
    import enum
    import queue
    TEXT, NUMBERS = str, (bool, int, float, complex)

warnings.simplefilter("ignore")      # a compiler's doubts about steps
NAN, INF = float("nan"), float("inf")
LOOP = []
LOOP.append(LOOP)
KNOT = {}
KNOT["self"] = (KNOT, 1)

Pair = namedtuple("Pair", "left right")


class Point(object):
    """Equal and hashed by what it holds."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is Point and (self.x, self.y) == (other.x, other.y)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash((self.x, self.y))


class Plain(object):
    """Equal to itself only."""

    def __init__(self, x):
        self.x = x


if not PY2:
    class Color(enum.Enum):
        RED = 1
        BLUE = "b"

    class Level(enum.IntEnum):
        LOW = 1
        HIGH = 2


# What 3.14 exposes, mpmd to all.
SET = ("__and__ __contains__ __iand__ __ior__ __isub__ __iter__ __ixor__ __len__ __or__ __rand__ __ror__ __rsub__ __rxor__ "
       "__sub__ __xor__ __ge__ __gt__ __le__ __lt__ add clear copy difference difference_update discard intersection "
       "intersection_update isdisjoint issubset issuperset pop remove symmetric_difference symmetric_difference_update "
       "union update").split()
LIST = ("__add__ __contains__ __delitem__ __getitem__ __imul__ __len__ __mul__ __reversed__ __rmul__ __setitem__ append "
        "clear copy count extend index insert pop remove reverse sort __getslice__ __setslice__ __delslice__").split()
DICT = ("__contains__ __delitem__ __getitem__ __ior__ __iter__ __len__ __or__ __reversed__ __ror__ __setitem__ clear copy "
        "fromkeys get items keys pop popitem setdefault update values has_key").split()
QUEUE = "empty full get get_nowait join put put_nowait qsize task_done".split()
DEQUE = ("append appendleft clear copy count extend extendleft index insert pop popleft remove reverse rotate __contains__ "
         "__delitem__ __getitem__ __iter__ __len__ __reversed__ __setitem__").split()
ORDERED = ("__contains__ __delitem__ __eq__ __getitem__ __iter__ __len__ __ne__ __reversed__ __setitem__ clear copy fromkeys "
           "get move_to_end pop popitem setdefault update").split()
COUNTER = "add compare_and_set decrement exchange get increment set".split()
RWLOCK = "acquire_read acquire_write locked release_read release_write".split()
LATCH = "count count_down wait".split()


class SetProxy(managers.MakeProxyType("BaseSetProxy", tuple(SET))):
    pass


for _name in "__iand__ __ior__ __isub__ __ixor__".split():
    def _in_place(self, value, _name=_name):
        self._callmethod(_name, (value,))
        return self
    setattr(SetProxy, _name, _in_place)


def register(manager, with_callables):
    """Types that a SyncManager has or that mpmd hosts, with all their methods, for stock servers and their clients."""
    def add(name, make, exposed, proxytype):
        if with_callables:
            exposed = [method for method in exposed if hasattr(make, method)]
            manager.register(name, make, exposed=tuple(exposed), proxytype=proxytype)
        else:
            manager.register(name, proxytype=proxytype, exposed=None if proxytype else tuple(exposed))

    add("list", list, LIST, managers.ListProxy)
    add("dict", dict, DICT, managers.DictProxy)
    add("set", set, SET, SetProxy)
    for name in ("LifoQueue", "PriorityQueue"):
        add(name, getattr(queue, name), QUEUE, None)
    add("deque", deque, DEQUE, None)
    add("OrderedDict", OrderedDict, ORDERED, None)
    add("Counter", models.Counter, COUNTER, None)
    add("RWLock", models.RWLock, RWLOCK, None)
    add("Latch", models.Latch, LATCH, None)
    if with_callables:
        models.make_proxies_comparable()


def connect(cls, address, key):
    class Manager(cls):
        pass
    register(Manager, False)
    manager = Manager(address=address, authkey=key)
    manager.connect()
    return manager


# What steps may call besides methods.

def nxt(iterator):
    return iterator.next() if PY2 else next(iterator)


def pop_of(s):
    """A set pops what it wants: none is left behind, or the sets would differ."""
    before = s._getvalue()
    item = s.pop()
    result = [item in before, len(before) - len(s), item in s]
    s.clear()
    return result


class Elsewhere(object):
    """A thread, which a server takes for another owner, that lives as long as a program."""

    def __init__(self):
        self.calls, self.results, self.thread = queue.Queue(), queue.Queue(), None

    def __call__(self, function, *args, **kwds):
        if self.thread is None:
            self.thread = threading.Thread(target=self.run)
            self.thread.start()
        self.calls.put((function, args, kwds))
        result, error = self.results.get()
        if error is not None:
            raise error
        return result

    def run(self):
        while True:
            call = self.calls.get()
            if call is None:
                return
            try:
                said = call[0](*call[1], **call[2]), None
            except Exception as e:
                said = None, e
            call = None
            self.results.put(said)
            said = None

    def end(self):
        if self.thread is not None:
            self.calls.put(None)
            self.thread.join()


class Describer(object):
    """A value in words, with the types of all parts; cycles end."""

    def __init__(self, names):
        self.names, self.above = names, []

    def items(self, values):
        return "[%s]" % ", ".join(self(v) for v in values)

    def __call__(self, v):
        kind = type(v).__name__
        if v is None or isinstance(v, (bytes, bytearray, TEXT, type, slice)) or type(v) in NUMBERS:
            return "%s %r" % (kind, v)
        if len(self.above) > 40:
            return "deep"
        if any(v is above for above in self.above):
            return "%s of %d above" % (kind, len(self.above) - [i for i, a in enumerate(self.above) if a is v][0])
        self.above.append(v)
        try:
            return kind + " " + self.parts(v)
        finally:
            self.above.pop()

    def parts(self, v):
        if isinstance(v, managers.BaseProxy):
            # kept, because a stock server gives the ident of an object that is gone to the next
            name, _ = self.names.setdefault(v._token.id, ("object %d" % (len(self.names) + 1), v))
            return "%s %s" % (v._token.typeid, name)
        if isinstance(v, (set, frozenset)):
            return "{%s}" % ", ".join(sorted(self(x) for x in v))
        if isinstance(v, dict):
            pairs = ["%s: %s" % (self(k), self(x)) for k, x in v.items()]
            return "{%s}" % ", ".join(pairs if sys.version_info >= (3, 6) else sorted(pairs))
        if isinstance(v, (list, tuple)):
            return self.items(v)
        if isinstance(v, deque):
            return self.items(v) + " " + self(v.maxlen)
        if isinstance(v, BaseException):
            return self.items(v.args)
        if isinstance(v, array):
            return v.typecode + self.items(v)
        if type(v).__name__ in ("set_iterator", "setiterator"):
            return "[%s]" % ", ".join(sorted(self(x) for x in v))
        if type(v).__name__.endswith("iterator"):
            return self.items(v)
        if type(v) in (Point, Plain, managers.Value, managers.Namespace):
            return "{%s}" % ", ".join("%s: %s" % (k, self(x)) for k, x in sorted(vars(v).items()))
        if callable(v):
            return v.__name__
        return repr(v)


def plain(text):
    return re.sub(r"owner=([1-9][0-9]*|'[^']*')", "owner=N", re.sub(r"0x[0-9a-fA-F]+", "0x", text))


def outcome(text, scope, names):
    """["value", in words], ["done"] or ["raises", type, arguments in words, text]."""
    try:
        try:
            code = compile(text, "<step>", "eval")
        except SyntaxError:
            exec(compile(text, "<step>", "exec"), scope)
            return ["done"]
        return ["value", plain(Describer(names)(eval(code, scope)))]
    except Exception as e:
        kind, args = type(e).__name__, e.args
        try:
            said = str(e)
        except UnicodeError:
            said = repr(e)
        if kind == "RemoteError":
            lines = said.strip("\n-").splitlines()
            kind, args, said = "RemoteError of " + lines[-1].split(":")[0], (), lines[-1]
        return ["raises", kind, plain(Describer(names)(args)), plain(said)]


def text_of(value):
    try:
        return plain(str(value))
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)


def play(manager, steps):
    """steps: [TEXT, the variable to be shown afterwards or ""]. Returns [outcome, its text afterwards] for each."""
    elsewhere = Elsewhere()
    scope = dict(globals(), m=manager, elsewhere=elsewhere)
    names = {}
    results = []
    for text, shown in steps:
        result = outcome(text, scope, names)
        after = text_of(scope[shown]) if shown in scope else ""
        results.append([result, after])
    for name in list(scope):
        if name not in globals():
            del scope[name]
    scope.clear()
    names.clear()
    elsewhere.end()
    if not PY2:
        sys.last_value = None
    else:
        sys.exc_clear()
    gc.collect()
    return results
