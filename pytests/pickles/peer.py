"""Writes and reads sample pickles for test_pickle_differential.py; runs under each Python, 2.7 and 3.

peer.py write SEED COUNT: makes COUNT values and writes each with every protocol, inside a request whose other parts
share objects with it: one record (protocol, flags, description, description for the other Python, pickle) each.
peer.py read: reads records (flags, pickle) from standard input, answers with the description of each loaded value.
Flag 1: for the other Python; flag 2: the pickle is a whole request.

A description is a text that is equal for equal values of equal types with equal identity structure: each container,
instance and string gets a number where it is first met, "#n" stands for it where it is met again. What CPython's
unpickler does not keep is left out: order of sets, identity of numbers, of one-character strings, of attribute names.
The description for the other Python ("loose") leaves out what cannot survive there: str against unicode, int against
long, order of dicts.
"""
import array
import collections
import datetime
import decimal
import fractions
import functools
import io
import pickle
import random
import struct
import sys
import types
import warnings

import sample_types as T

PY2 = sys.version_info[0] == 2
if PY2:
    import cPickle
    import Queue as queue
    INTS, TEXT, NATIVE = (int, long), unicode, str  # noqa: F821
    unichr = unichr  # noqa: F821
    RANGE = xrange  # noqa: F821
else:
    import queue
    INTS, TEXT, NATIVE = (int,), str, None
    unichr = chr
    RANGE = range
ELLIPSIS, NOT_IMPLEMENTED = Ellipsis, NotImplemented
METHOD = type([].append)
RENAMED = {"long": "int", "unicode": "str", "xrange": "range", "izip": "zip", "imap": "map", "ifilter": "filter",
           "unichr": "chr"}


# --- description -----------------------------------------------------------------------------------------------------

def units(text):
    """A text as UTF-16 code units, which narrow and wide builds agree on."""
    out = []
    for c in text:
        n = ord(c)
        out.extend([n] if n < 0x10000 else [0xd800 + (n - 0x10000 >> 10), 0xdc00 + (n - 0x10000 & 0x3ff)])
    if all(32 < n < 127 for n in out):
        return "".join(chr(n) for n in out)
    return ",".join("%x" % n for n in out)


def flat(data):
    return "".join("%02x" % c for c in bytearray(data))


class Describer(object):
    def __init__(self, loose):
        self.loose = loose
        self.seen = {}
        self.keep = []
        self.out = []

    def string(self, x):
        """Kind and text of any string."""
        if isinstance(x, TEXT):
            return "s", units(x)
        if self.loose and all(c < 128 for c in bytearray(x)):
            return "s", units(x.decode("ascii"))
        return ("n" if PY2 and not self.loose else "b"), flat(x)

    def key(self, x):
        """Something to sort by that does not depend on identity."""
        if x is None or isinstance(x, bool):
            return ("0", repr(x))
        if isinstance(x, INTS):
            return ("1", "%d" % x)
        if isinstance(x, float):
            return ("2", flat(struct.pack(">d", x)) if x == x else "nan")
        if isinstance(x, (TEXT, bytes)):
            return ("3",) + self.string(x)
        if isinstance(x, (tuple, frozenset)):
            parts = [self.key(y) for y in x]
            return ("4" if isinstance(x, tuple) else "5", repr(parts if isinstance(x, tuple) else sorted(parts)))
        tag = getattr(x, "tag", None)
        return ("6", "%s" % tag if isinstance(tag, INTS) else type(x).__name__)

    def children(self, name, items):
        self.out.append(name + "(")
        for x in items:
            self.walk(x)
        self.out.append(")")

    def pairs(self, name, d):
        self.out.append(name + "{")
        items = list(d.items())
        if not self.loose and not PY2:
            self.out.append(repr([self.key(k) for k, v in items]))
        for k, v in sorted(items, key=lambda kv: self.key(kv[0])):
            self.walk(k)
            self.walk(v)
        self.out.append("}")

    def attributes(self, d):
        """Names without identity: unpicklers intern them."""
        self.out.append("[")
        for k in sorted(d, key=self.key):
            self.out.append("%s=" % (self.string(k)[1]))
            self.walk(d[k])
        self.out.append("]")

    def class_name(self, c):
        if isinstance(c, type) and issubclass(c, EnvironmentError) and self.loose:
            return "OSError"
        name = getattr(c, "__qualname__", None) or getattr(c, "__name__", None) or repr(c)
        if isinstance(c, type) and getattr(T, "Outer", None) is not None and name.startswith("Inner"):
            name = {"Inner": "Outer.Inner", "Innermost": "Outer.Inner.Innermost"}.get(name, name)
        name = "function" if name == "Outer.function" else name
        return RENAMED.get(name, name) if self.loose else name

    def walk(self, x):
        t = type(x)
        if x is None or x is ELLIPSIS or x is NOT_IMPLEMENTED or isinstance(x, bool):
            self.out.append(repr(x))
            return
        if t in INTS:
            self.out.append(("%d" if self.loose or not PY2 or t is int else "%dL") % x)
            return
        if t is float:
            self.out.append("nan" if x != x else flat(struct.pack(">d", x)))
            return
        if t is complex:
            self.out.append("complex")
            self.walk(x.real)
            self.walk(x.imag)
            return
        if isinstance(x, type) or isinstance(x, (types.FunctionType, types.BuiltinFunctionType)) and \
                not (getattr(x, "__self__", None) is not None and not isinstance(x.__self__, types.ModuleType)):
            self.out.append("class " + self.class_name(x))
            return
        if PY2 and isinstance(x, types.ClassType):
            self.out.append("class " + x.__name__)
            return
        if t in (TEXT, bytes) and len(x) < 2 or t in (tuple, frozenset) and len(x) == 0:
            self.out.append(":".join(self.string(x)) if t in (TEXT, bytes) else t.__name__ + "()")
            return
        if isinstance(x, (METHOD, types.MethodType)):
            self.out.append("method " + x.__name__)
            self.walk(x.__self__)
            return
        if id(x) in self.seen:
            self.out.append("#%d" % self.seen[id(x)])
            return
        self.seen[id(x)] = len(self.seen)
        self.keep.append(x)
        self.out.append("&%d" % (len(self.seen) - 1))
        self.identified(x, t)

    def identified(self, x, t):
        name = x.__class__.__name__ if PY2 and t is getattr(types, "InstanceType", None) else self.class_name(t)
        if t in (TEXT, bytes):
            self.out.append(":".join(self.string(x)))
        elif t is bytearray:
            self.out.append("bytearray:" + flat(x))
        elif t in (list, tuple):
            self.children(name, x)
        elif t is dict:
            self.pairs(name, x)
        elif t in (set, frozenset):
            self.children(name, sorted(x, key=self.key))
        elif t is slice:
            self.children(name, [x.start, x.stop, x.step])
        elif t is RANGE:
            self.children("range", list(x))
        elif t is datetime.timedelta:
            self.children(name, [x.days, x.seconds, x.microseconds])
        elif isinstance(x, (datetime.datetime, datetime.time)):
            zone = x.tzinfo
            self.out.append(name + " " + x.replace(tzinfo=None).isoformat())
            self.out.append("" if self.loose else " fold=%d" % getattr(x, "fold", 0))
            self.walk(zone)
        elif isinstance(x, datetime.date):
            self.out.append(name + " " + x.isoformat())
        elif isinstance(x, (decimal.Decimal, fractions.Fraction)):
            self.out.append(name + " " + str(x))
        elif isinstance(x, collections.deque):
            self.children(name, list(x) + [x.maxlen])
        elif isinstance(x, collections.defaultdict):
            self.walk(x.default_factory)
            self.pairs(name, x)
        elif isinstance(x, collections.OrderedDict):
            self.children(name, [part for pair in x.items() for part in pair])
        elif isinstance(x, functools.partial):
            self.children(name, [x.func, x.args])
            self.attributes(x.keywords or {})
        elif isinstance(x, array.array):
            self.children(name + " " + x.typecode, x.tolist())
        elif isinstance(x, BaseException):
            self.children(name, x.args)
            self.attributes(dict((k, v) for k, v in vars(x).items() if k not in ("name", "obj", "path")))
        elif not PY2 and getattr(t, "__module__", "") == "datetime":
            self.out.append("timezone")
            self.walk(x.utcoffset(None))
        elif T.enum is not None and isinstance(x, T.enum.Enum):
            self.out.append(repr(x).split(":")[0])
        else:
            self.out.append(name)
            if isinstance(x, TEXT):
                self.out.append(units(x))
            elif isinstance(x, INTS):
                self.out.append("%d" % x)
            elif isinstance(x, dict):
                self.pairs("", x)
            elif isinstance(x, (list, tuple)):
                self.children("", list(x))
            elif isinstance(x, (set, frozenset)):
                self.children("", sorted(x, key=self.key))
            for slot in ("one", "two"):
                if isinstance(x, T.Slots) and hasattr(x, slot):
                    self.out.append(slot)
                    self.walk(getattr(x, slot))
            if not hasattr(x, "_fields"):  # 2.7 makes a __dict__ for each namedtuple
                self.attributes(getattr(x, "__dict__", {}))


def describe(value, loose):
    d = Describer(loose)
    d.walk(value)
    return " ".join(d.out)


# --- values ----------------------------------------------------------------------------------------------------------

class Generator(object):
    """Random values. `only_3` is set when one was made that Python 2 does not have, `no_way_2` as well when that can be
    told from the pickle."""

    def __init__(self, seed, protocol_min):
        self.random = random.Random(seed)
        self.pool = []
        self.only_3 = False
        self.no_way_2 = False
        self.protocol_min = protocol_min
        self.n_tags = 0
        self.budget = self.random.choice((3, 10, 30, 60))
        self.leaves = [self.integer, self.integer, self.floating, self.text, self.text, self.data, self.constant,
                       self.name, self.number, self.calendar, self.byte_array, self.range_or_slice]
        self.branches = [self.list, self.list, self.dict, self.dict, self.tuple, self.tuple, self.set, self.frozenset,
                         self.instance, self.instance, self.instance, self.exception, self.library, self.subclass,
                         self.cycle]

    def value(self, depth=0):
        r = self.random
        if self.pool and r.random() < 0.2:
            return r.choice(self.pool)
        self.budget -= 1
        leaf = depth > 5 or self.budget < 0 or r.random() < 0.4
        v = r.choice(self.leaves if leaf else self.branches)(depth + 1)
        if r.random() < 0.5:
            self.pool.append(v)
        return v

    def several(self, depth, most=4):
        return [self.value(depth) for _ in range(self.random.randrange(most + 1))]

    def tagged(self, x):
        """A number to sort instances in sets by."""
        self.n_tags += 1
        x.tag = self.n_tags
        return x

    # leaves

    def integer(self, depth):
        r = self.random
        bits = r.choice((0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 62, 63, 64, 65, 127, 128, 500, 2040, 2050))
        return r.choice((-1, 1)) * ((1 << bits) + r.choice((-1, 0, 1)))

    def floating(self, depth):
        return self.random.choice((0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, float("nan"), float("inf"), -float("inf"),
                                   self.random.random()))

    def text(self, depth):
        r = self.random
        kind = r.randrange(7)
        alphabet = (u"abc XYZ\n\\'\"\x00", u"\xe4\xff\x80", u"\u0416\u20ac\uffff", u"\U0001f600\U0010ffff",
                    u"\ud800\udfff\udc00x", u"ab\u20ac\U0001f600\ud900\r\n\x1a", u"abcdef")[kind]
        if PY2 and kind == 6:
            return str("".join(chr(r.randrange(97, 103)) for _ in range(r.choice((0, 1, 2, 9, 300)))))
        return u"".join(r.choice(list(alphabet)) for _ in range(r.choice((0, 1, 2, 3, 9, 40, 300))))

    def data(self, depth):
        r = self.random
        n = r.choice((0, 1, 2, 8, 255, 256, 300))
        top = r.choice((128, 256))
        return bytes(bytearray(r.randrange(top) for _ in range(n)))

    def byte_array(self, depth):
        return bytearray(self.data(depth))

    def constant(self, depth):
        r = self.random
        if not PY2 and r.random() < 0.2:
            return r.choice((ELLIPSIS, NOT_IMPLEMENTED))
        return r.choice((None, True, False))

    def name(self, depth):
        r = self.random
        names = [int, TEXT, list, dict, object, len, set, T.function, T.Plain, datetime.datetime, ValueError, KeyError,
                 queue.Full, collections.OrderedDict, max, range
                 if not PY2 else RANGE, IOError]
        if not PY2 and self.protocol_min >= 2:
            names += [T.Outer.Inner, T.Outer.Inner.Innermost, type(None), map, zip, filter, chr]
        if not PY2 and r.random() < 0.1:
            self.no_way_2 = self.only_3 = True
            return r.choice((ascii, getattr(datetime, "timezone")))  # noqa: F821
        return r.choice(names)

    def number(self, depth):
        r = self.random
        return r.choice((complex(r.random(), -0.0), decimal.Decimal("1.50"), decimal.Decimal("-Infinity"),
                         fractions.Fraction(1, r.randrange(1, 99))))

    def calendar(self, depth):
        r = self.random
        year = r.choice((1, 1999, 2024, 2048, 2049, 8000))
        month, day, hour = r.randrange(1, 13), r.randrange(1, 29), r.randrange(24)
        zone = r.choice((None, None, T.Zone(r.randrange(600))))
        extra = {}
        if not PY2:
            extra["fold"] = r.randrange(2)
            if r.random() < 0.2:
                zone = datetime.timezone(datetime.timedelta(minutes=r.randrange(1, 600)))
                self.only_3 = self.no_way_2 = True
        kind = r.randrange(4)
        if kind == 0:
            return datetime.datetime(year, month, day, hour, 5, 7, r.choice((0, 65, 999999)), zone, **extra)
        if kind == 1:
            return datetime.time(hour, 59, 1, r.choice((0, 65, 999999)), zone, **extra)
        if kind == 2:
            return datetime.date(year, month, day)
        return datetime.timedelta(r.randrange(-99, 99), hour, 3)

    def range_or_slice(self, depth):
        r = self.random
        if r.random() < 0.5:
            return RANGE(0, r.randrange(1, 9), 2)
        if PY2:
            return None
        return slice(self.integer(depth) if r.random() < 0.5 else None, r.randrange(5), None)

    # containers

    def list(self, depth):
        made = []
        self.pool.append(made)
        made.extend(self.several(depth))
        if self.random.random() < 0.02:
            made.extend(range(self.random.choice((999, 1000, 1001, 2500))))
        return made

    def dict(self, depth):
        made = {}
        self.pool.append(made)
        for v in self.several(depth):
            made[self.hashable(depth)] = v
        if self.random.random() < 0.01:
            made.update((i, None) for i in range(2001))
        return made

    def tuple(self, depth):
        return tuple(self.several(depth, 5))

    def hashable(self, depth):
        """Something whose equality does not depend on the Python: no bytes that equal text there."""
        r = self.random
        kind = r.randrange(8)
        if kind == 0:
            return tuple(self.hashable(depth + 1) for _ in range(r.randrange(4))) if depth < 6 else ()
        if kind == 1:
            return b"\xff" + self.data(depth)
        if kind == 2:
            return self.tagged(T.Plain())
        if kind == 3:
            return frozenset(self.hashable(depth + 1) for _ in range(r.randrange(3))) if depth < 6 else None
        return self.text(depth) if kind < 6 else self.integer(depth)

    def set(self, depth):
        r = self.random
        made = set(self.hashable(depth) for _ in range(r.choice((0, 1, 2, 5))))
        if r.random() < 0.05:
            made.update(range(r.choice((999, 1000, 1001, 2500))))
        self.pool.append(made)
        for i in range(r.choice((0, 0, 0, 1, 2))):
            member = self.tagged(T.Plain())
            made.add(member)
            member.one = made if r.random() < 0.5 else self.value(depth)
        return made

    def frozenset(self, depth):
        r = self.random
        members = [self.tagged(T.Plain()) for _ in range(r.choice((0, 0, 1, 2)))]
        made = frozenset(members + [self.hashable(depth) for _ in range(r.choice((0, 1, 3)))])
        self.pool.append(made)
        for member in members:
            member.one = made if r.random() < 0.5 else self.value(depth)
        return made

    # instances

    def fill(self, x, depth):
        self.pool.append(x)
        for name in self.random.sample(["one", "two", "three"], self.random.randrange(4)):
            setattr(x, name, self.value(depth))
        return x

    def instance(self, depth):
        r = self.random
        kinds = ["plain", "state", "made", "bare", "registered", "data", "point"]
        if PY2:
            kinds += ["old", "getinitargs"]
        if self.protocol_min >= 2:
            kinds += ["slots", "slots and dict", "newargs"]
            if not PY2:
                kinds += ["newargs ex", "nested", "setter"]
        kind = r.choice(kinds)
        if kind == "plain":
            return self.fill(self.tagged(T.Plain()), depth)
        if kind == "old":
            return self.fill(T.Old(), depth)
        if kind == "getinitargs":
            return T.OldArgs(*self.several(depth))
        if kind == "state":
            return self.fill(T.State(), depth)
        if kind == "made":
            made = T.Made(*self.several(depth))
            self.pool.append(made)
            made.items = self.several(depth)
            made.pairs = [(self.hashable(depth), v) for v in self.several(depth)]
            if r.random() < 0.5:
                made.other = self.value(depth)
            return made
        if kind == "bare":
            return T.Bare(*self.several(depth))
        if kind == "registered":
            return T.Registered(self.value(depth), self.value(depth))
        if kind == "newargs":
            return T.NewArgs(self.value(depth), self.value(depth))
        if kind == "newargs ex":
            return T.NewArgsEx(self.value(depth), self.value(depth))
        if kind == "data":
            return T.Data(self.value(depth), self.value(depth))
        if kind == "point":
            return T.Point(self.value(depth), self.value(depth))
        if kind == "nested":
            return self.fill(r.choice((T.Outer.Inner, T.Outer.Inner.Innermost))(), depth)
        if kind == "setter":
            if sys.version_info < (3, 8):
                return None
            return self.fill(T.Setter(), depth)
        slots = T.Slots() if kind == "slots" else T.SlotsAndDict()
        self.pool.append(slots)
        slots.one = self.value(depth)
        if kind != "slots":
            slots.three = self.value(depth)
        return slots

    def exception(self, depth):
        r = self.random
        kind = r.randrange(7)
        if kind == 0:
            return KeyError(self.value(depth))
        if kind == 1:
            return OSError(2, u"no such file")
        if kind == 2:
            return T.Error(self.value(depth), self.value(depth))
        if kind == 3:
            return UnicodeDecodeError("ascii", r.choice((b"ab", b"a\xff")), 0, 1, "because")
        if kind == 4:
            return UnicodeEncodeError("ascii", u"a\xe4", 1, 2, "because")
        if kind == 5:
            e = ValueError(*self.several(depth))
            e.extra = self.value(depth)
            return e
        return queue.Full(u"text") if PY2 else RuntimeError()

    def library(self, depth):
        r = self.random
        kind = r.randrange(6)
        if kind == 0:
            return collections.OrderedDict((self.hashable(depth), v) for v in self.several(depth))
        if kind == 1:
            d = collections.defaultdict(list)
            d[self.hashable(depth)] = self.value(depth)
            return d
        if kind == 2:
            return collections.deque(self.several(depth), r.choice((None, 9)))
        if kind == 3:
            return functools.partial(T.make, *self.several(depth), one=self.value(depth))
        if kind == 4 and not PY2:
            self.only_3 = True
            if r.random() < 0.5:
                self.no_way_2 = self.protocol_min >= 3
                return array.array("i", [1, -2, 3])
            return r.choice((T.Color.RED, T.Color.GREEN, T.Number.ONE, T.Flags.B))
        if kind == 5 and not PY2:
            return self.list(depth).append
        return None

    def subclass(self, depth):
        r = self.random
        kind = r.randrange(6)
        if kind == 0:
            return self.fill(T.List(self.several(depth)), depth)
        if kind == 1:
            made = T.Dict()
            made[self.hashable(depth)] = self.value(depth)
            return self.fill(made, depth)
        if kind == 2:
            return self.fill(T.Set([self.hashable(depth)]), depth)
        if kind == 3:
            return T.Tuple(self.several(depth))
        if kind == 4:
            return self.fill(T.Text(u"text"), depth)
        return T.Int(r.randrange(99))

    def cycle(self, depth):
        """A recursive tuple, list, dict or instance, with things on the way."""
        r = self.random
        hub = r.choice(([], {}, T.Plain()))
        link = hub
        for _ in range(r.randrange(4)):
            kind = r.randrange(4)
            if kind == 0:
                link = tuple([self.value(depth) for _ in range(r.choice((0, 1, 2, 3, 5)))] + [link])
            elif kind == 1:
                link = [link, self.value(depth)]
            elif kind == 2:
                link = {u"link": link}
            else:
                x = self.tagged(T.Plain())
                x.link = link
                link = x
        if isinstance(hub, list):
            hub.append(link)
        elif isinstance(hub, dict):
            hub[u"cycle"] = link
        else:
            self.tagged(hub)
            hub.cycle = link
        return r.choice((hub, link))


def share(generator, value):
    """The other parts of the request: some share objects with the value, some contain it."""
    r = generator.random
    parts = [r.choice(generator.pool) if generator.pool and r.random() < 0.7 else u"ident" for _ in range(3)]
    if r.random() < 0.1:
        parts[r.randrange(3)] = [value, value]
    return parts


# --- the program -----------------------------------------------------------------------------------------------------

def dumps(value, protocol, pure):
    if PY2:
        return (pickle if pure else cPickle).dumps(value, protocol)
    return (pickle._dumps if pure else pickle.dumps)(value, protocol)


def loads(data, pure):
    if PY2:
        return (pickle if pure else cPickle).loads(data)
    return (pickle._loads if pure else pickle.loads)(data)


def put(out, *parts):
    for part in parts:
        if not isinstance(part, bytes):
            part = part.encode("ascii")
        out.write(struct.pack("<I", len(part)) + part)


def write(seed, count, out):
    skipped = changed = total = 0
    for n in range(count):
        for protocol_min, protocols in ((0, (0, 1)), (2, tuple(range(2, pickle.HIGHEST_PROTOCOL + 1)))):
            g = Generator("%d/%d/%d" % (seed, n, protocol_min), protocol_min)
            value = g.value()
            before, between, after = share(g, value)
            request = (before, between, value, after)
            flags = (1 if g.only_3 else 0) | (2 if g.no_way_2 else 0)
            exact, loose = describe(value, False), describe(value, True)
            for protocol in protocols:
                pure = g.random.random() < 0.25
                try:
                    data = dumps(request, protocol, pure)
                    again = describe(loads(data, False)[2], False)
                except Exception:
                    skipped += 1  # what this Python cannot do itself is not what is tested here
                    continue
                total += 1
                changed += again != exact
                if again != exact:
                    # not kept by CPython's own pickler either: compare with what it makes of it
                    loaded = loads(data, False)[2]
                    now, now_loose = again, describe(loaded, True)
                else:
                    now, now_loose = exact, loose
                put(out, struct.pack("<BBB", protocol, flags, again != exact), now, now_loose, data)
    sys.stderr.write("%d written, %d not kept by CPython itself, %d impossible\n" % (total, changed, skipped))


def ascii_of(e):
    return "".join(c if 31 < ord(c) < 127 else "?" for c in repr(e.args))


def read(source, out):
    while True:
        head = source.read(5)
        if len(head) < 5:
            return
        length, flags = struct.unpack("<IB", head)
        data = source.read(length)
        try:
            value = loads(data, False)
            text = describe(value[2] if flags & 2 else value, flags & 1 == 1)
        except Exception as e:
            text = "ERROR %s %s" % (type(e).__name__, ascii_of(e))
        put(out, text)


def main():
    sys.setrecursionlimit(20000)
    warnings.simplefilter("ignore")
    out = getattr(sys.stdout, "buffer", sys.stdout)
    source = getattr(sys.stdin, "buffer", sys.stdin)
    room = io.BytesIO()
    if sys.argv[1] == "write":
        write(int(sys.argv[2]), int(sys.argv[3]), room)
    else:
        read(source, room)
    out.write(room.getvalue())
    out.flush()


if __name__ == "__main__":
    main()
