# -*- coding: utf-8 -*-
# Values of every kind, stored in a Namespace and read back, by this interpreter or by another.
#
#   values.py ... round    stores each, reads it back: equal, of the same type, with the same sharing inside
#   values.py ... write    stores all in the Namespace that the server calls get_board
#   values.py ... read     reads those that another version wrote and compares them with its own
#
# One source for CPython 2.7 and 3.x.
from __future__ import print_function
import array
import collections
import datetime
import decimal
import fractions
import math
import sys
import uuid
from multiprocessing.managers import BaseManager, NamespaceProxy
import common
import shapes

PY2 = sys.version_info[0] == 2
if not PY2:
    unicode, long, unichr = str, int, chr


class Named(BaseManager):
    pass


Named.register("get_board", proxytype=NamespaceProxy)


def u(text):
    """Text with \\u escapes as str in 3.x and unicode in 2.7."""
    return text.encode("ascii").decode("unicode_escape") if PY2 else text.encode("ascii").decode("unicode_escape")


def surrogate(code):
    return unichr(code)


def with_attributes(instance, **attributes):
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


def build():
    """(name, value) pairs of all values that this version has."""
    v = collections.OrderedDict()
    v["none"], v["true"], v["false"] = None, True, False
    for bits in (0, 1, 7, 8, 15, 16, 31, 32, 62, 63, 64, 127, 128, 2039, 2040, 2041, 20000):
        for add in (-1, 0, 1):
            v["int_%d_%d" % (bits, add + 1)] = 2 ** bits + add
            v["int_minus_%d_%d" % (bits, add + 1)] = -2 ** bits + add
    for n, f in enumerate([0.0, -0.0, 1.5, -1e308, 5e-324, float("inf"), float("-inf"), float("nan"), math.pi]):
        v["float_%d" % n] = f
    v["complex"] = complex(1.5, -0.0)
    v["complex_nan"] = complex(float("nan"), float("-inf"))

    v["text_empty"], v["text_ascii"] = u(""), u("abc")
    v["text_latin"], v["text_bmp"], v["text_astral"] = u("\\xe4\\xff"), u("\\u20ac\\ufffd"), u("\\U0001f600x")
    v["text_surrogate"] = u("a") + surrogate(0xd800) + u("b") + surrogate(0xdfff)
    v["text_control"] = u("\\x00\\n\\r\\\\ \\x7f\\x80")
    for n in (255, 256, 65535, 65536, 70000):
        v["text_%d" % n] = u("x") * n
        v["text_wide_%d" % n] = u("\\u20ac") * n
        v["bytes_%d" % n] = b"\xfe" * n
    v["bytes_empty"], v["bytes_all"] = b"", bytes(bytearray(range(256)))
    v["bytes_ascii"] = b"abc"
    v["bytearray"], v["bytearray_empty"] = bytearray(b"\x00\xffabc"), bytearray()
    v["bytearray_70000"] = bytearray(b"\xfd" * 70000)
    v["str_native"] = "native"

    for n in range(6):
        v["tuple_%d" % n] = tuple(range(n))
    v["tuple_1000"] = tuple(range(1000))
    for n in (0, 1, 2, 999, 1000, 1001, 2500):
        v["list_%d" % n] = list(range(n))
        v["dict_%d" % n] = dict((i, -i) for i in range(n))
        v["set_%d" % n] = set(range(n))
        v["frozenset_%d" % n] = frozenset(range(n))
    v["dict_mixed"] = {1: u("int"), u("s"): None, (1, (2,)): [3], 1.5: {}, None: (), frozenset([1]): 0}
    v["nested"] = [1, [2, [3, (4, {u("k"): [5, set([6]), frozenset([7])]})]]]
    deep = []
    for _ in range(120):
        deep = [deep, {u("d"): (deep[:1],)}] if _ % 10 == 0 else [deep]
    v["deep"] = deep
    v["list_of_dicts"] = [{u("id"): i, u("name"): u("n%d") % i, u("tags"): [u("a"), u("b")]} for i in range(1000)]

    shared = [1, 2]
    v["shared"] = [shared, shared, (shared, {u("s"): shared})]
    text = u("not interned, used twice")
    v["shared_text"] = [text, [text], {text: text}]
    many = [[i] for i in range(400)]
    v["shared_many"] = many + many[::-1]
    cycle = []
    cycle.append(cycle)
    v["cycle_list"] = cycle
    cycle = {}
    cycle[u("self")] = cycle
    v["cycle_dict"] = cycle
    inner = []
    cycle = (inner, 1)
    inner.append(cycle)
    v["cycle_tuple"] = cycle
    inner = []
    cycle = (inner,)
    inner.extend([cycle, cycle])
    v["cycle_tuple_1"] = cycle
    plain = shapes.Plain(a=1)
    plain.me = plain
    v["cycle_instance"] = plain
    a, b = shapes.Plain(), shapes.Plain()
    a.b, b.a, a.all = b, a, [a, b]
    v["cycle_two"] = [a, b]
    holder = shapes.Plain()
    holder.items = shapes.ListLike([holder, 1])
    v["cycle_subclass"] = holder

    v["instance"] = shapes.Plain(x=1, y=[u("two")], z=shapes.Plain())
    v["instance_empty"] = shapes.Plain()
    v["instance_old"] = shapes.Old([1])
    v["slots"] = with_attributes(shapes.Slots(), a=1, b=[2])
    v["slots_and_dict"] = with_attributes(shapes.SlotsAndDict(), a=1)
    v["getstate"] = shapes.State(7)
    v["reduce"] = shapes.Reduced(1, [2])
    v["reduce_state"] = with_attributes(shapes.ReducedWithState(1), later=[3])
    v["reduce_name"] = shapes.THE_ONE
    v["list_subclass"] = with_attributes(shapes.ListLike([1, [2], 3]), note=u("n"))
    v["dict_subclass"] = with_attributes(shapes.DictLike({u("k"): 1, 2: [3]}), note=u("n"))
    v["set_subclass"] = shapes.SetLike([1, 2])
    v["tuple_subclass"] = shapes.TupleLike([1, 2])
    v["int_subclass"] = shapes.IntLike(5)
    v["str_subclass"] = shapes.StrLike("s")
    v["newargs"] = shapes.NewArguments([1])
    v["copyreg"] = shapes.Registered([1])
    v["namedtuple"] = shapes.Pair(1, [2])
    v["function"], v["class"], v["builtin"] = shapes.function, shapes.Plain, len
    v["type_int"], v["type_dict"], v["class_exception"] = int, dict, KeyError
    v["exception"] = ValueError(u("bad"), 5)
    v["exception_empty"] = KeyError()
    v["exception_os"] = OSError(2, "no such thing")
    v["exception_file"] = IOError(2, "no such thing", "/nowhere")
    v["exception_own"] = shapes.Failure(u("x"))
    v["exception_attributes"] = shapes.FailureWithAttributes(u("x"))
    v["exception_unicode"] = UnicodeDecodeError("ascii", b"\xff", 0, 1, "why")

    v["date"], v["time"] = datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999)
    v["datetime"] = datetime.datetime(2024, 2, 29, 12, 30, 1, 5)
    v["timedelta"] = datetime.timedelta(-1, 5, 7)
    v["decimal"], v["decimal_nan"] = decimal.Decimal("1.50"), decimal.Decimal("-Infinity")
    v["fraction"] = fractions.Fraction(-3, 7)
    v["deque"] = collections.deque([1, [2]], 5)
    v["ordered"] = collections.OrderedDict([(u("z"), 1), (u("a"), [2])])
    v["defaultdict"] = collections.defaultdict(list, {1: [2]})
    v["counter"] = collections.Counter(u("abca"))
    v["array"] = array.array("d", [1.5, -0.0])
    v["slice"] = slice(1, None, -1)
    if not PY2 or sys.maxunicode > 0xffff:
        v["text_mixed"] = u("a\\xe4\\u20ac\\U0001f600")
    if PY2:
        v["long_small"] = long(5)
        v["bytes_high_in_list"] = [b"\xff", "ascii", u("\\xe4")]
        v["xrange"] = xrange(1, 10, 3)                                      # noqa: F821
    else:
        v["range"] = range(1, 10, 3)
        v["ellipsis"], v["not_implemented"] = Ellipsis, NotImplemented
        v["newargs_ex"] = shapes.NewKeywords([1], key="word")
        v["qualified"] = shapes.Outer.Inner
        v["enum"], v["enum_flag"] = shapes.Color.BLUE, shapes.Bits.ONE | shapes.Bits.TWO
        v["datetime_utc"] = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        v["datetime_fold"] = datetime.datetime(2024, 10, 27, 2, 30, fold=1)
        v["timezone"] = datetime.timezone(datetime.timedelta(hours=5), "X")
        v["uuid"] = uuid.UUID(int=5)
        v["method_descriptor"] = str.upper
        v["bound_method"] = u("abc").upper
        v["exception_group_of_old"] = FileNotFoundError(2, "x")
        v["memo_many_then_type"] = [[u("%d") % i for i in range(300)], {1}, frozenset([2]), b"x"]
    if sys.version_info >= (3, 7):
        v["dataclass"] = shapes.Point(1, [2])
    if sys.version_info >= (3, 11):
        error = ValueError("with notes")
        error.add_note("a note")
        v["exception_notes"] = error
        v["exception_group"] = ExceptionGroup("several", [ValueError(1), KeyError("k")])
    return v


# What 2.7 has not got of what 3.x writes: reading it is an error.
NOT_IN_2 = set(["enum", "enum_flag", "timezone", "datetime_utc", "dataclass", "exception_group"])
# What 2.7 has in another form: it is read or refused, as may be.
PERHAPS_IN_2 = set(["ellipsis", "not_implemented", "newargs_ex", "qualified", "method_descriptor",
                    "exception_unicode",    # wants a str where 3.x has a unicode
                    "instance_old"])        # a new-style class in 3.x
# Read without an error but not compared: the two versions mean different things.
NOT_ALIKE = set([
    "exception_file", "exception_os",       # one class in 3.x, two in 2.7
    "type_int",                             # int of 3.x is long in 2.7
    "builtin", "array", "uuid", "bound_method", "exception_notes", "exception_group_of_old",
    "datetime_fold",                        # 2.7 has no fold
])


class Different(Exception):
    pass


def kind(value, foreign):
    """The type, or what stands for it in both worlds when 2.7 and 3.x exchange values."""
    t = type(value)
    if foreign:
        if t in (int, long):
            return "int"
        if t.__name__ in ("classobj", "instance"):
            return "old"
        return t.__module__.replace("__builtin__", "builtins").replace("exceptions", "builtins"), t.__name__
    return t


def compare(a, b, path, seen, foreign):
    """Raises Different unless b is what a is: type, content, and which parts are the same object."""
    def check(condition, what):
        if not condition:
            raise Different("at %s: %s: %.200r and %.200r" % (path, what, a, b))

    if foreign and isinstance(a, (bytes, unicode)) and isinstance(b, (bytes, unicode)):
        # 2.7's str is text in 3.x when it is ASCII, else bytes; 3.x's bytes is 2.7's str.
        def as_text(s):
            if isinstance(s, unicode):
                return s
            try:
                return s.decode("ascii")
            except UnicodeDecodeError:
                return s
        check(as_text(a) == as_text(b), "different text")
        return
    check(kind(a, foreign) == kind(b, foreign), "type %r is not %r" % (kind(a, foreign), kind(b, foreign)))
    if isinstance(a, type(len)) and getattr(a, "__self__", None) == u("abc"):
        check(b.__self__ == a.__self__ and b.__name__ == a.__name__, "different bound method")
        return
    if a is None or isinstance(a, (bool, type, type(Ellipsis), type(len), type(shapes.function))):
        check(a is b, "not the same object")
        return
    if isinstance(a, float):
        check(repr(a) == repr(b), "different number")
        return
    if isinstance(a, complex):
        check(repr(a) == repr(b), "different number")
        return
    if type(a) in (int, long, bytes, unicode):
        check(a == b, "different value")
        return
    if ("a", id(a)) in seen:
        check(seen["a", id(a)] is b, "it was another object before")
        return
    # An empty tuple and the like may be one object or many.
    if not (isinstance(a, (tuple, frozenset)) and len(a) == 0):
        if not isinstance(a, (datetime.date, decimal.Decimal)):
            check(("b", id(b)) not in seen, "one object where there were two")
    # Both stay alive meanwhile, so that an id means one object.
    seen["a", id(a)], seen["b", id(b)] = b, a

    def go(x, y, where):
        compare(x, y, path + where, seen, foreign)

    if isinstance(a, (list, tuple, collections.deque)):
        check(len(a) == len(b), "different length")
        for i, (x, y) in enumerate(zip(a, b)):
            go(x, y, "[%d]" % i)
        check(getattr(a, "maxlen", 0) == getattr(b, "maxlen", 0), "different maxlen")
    elif isinstance(a, dict):
        check(len(a) == len(b), "different length")
        if isinstance(a, collections.OrderedDict) or (sys.version_info >= (3, 7) and not foreign):
            check([str(k) for k in a] == [str(k) for k in b], "different order")
        partner = dict((k, k) for k in b)
        for k in a:
            check(k in b, "key %r is missing" % (k,))
            go(k, partner[k], "[key %r]" % (k,))
            go(a[k], b[k], "[%r]" % (k,))
        if isinstance(a, collections.defaultdict):
            check(a.default_factory is b.default_factory, "different default")
    elif isinstance(a, (set, frozenset)):
        check(a == b, "different members")
    elif isinstance(a, BaseException):
        go(a.args, b.args, ".args")
    elif a.__class__.__module__ != "shapes" or isinstance(a, (int, str)):
        check(a == b or repr(a) == repr(b), "different value")
    else:
        for name in ("a", "b", "c", "n", "x", "y", "later", "kwds"):
            check(hasattr(a, name) == hasattr(b, name), "attribute %s" % name)
            if hasattr(a, name) and not isinstance(a, tuple):
                go(getattr(a, name), getattr(b, name), "." + name)
    attributes = getattr(a, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(a, tuple) and \
            a.__class__.__module__ in ("shapes", "builtins"):
        theirs = dict((str(k), w) for k, w in b.__dict__.items())
        mine = dict((str(k), w) for k, w in attributes.items())
        check(set(mine) == set(theirs), "attributes %s and %s" % (sorted(mine), sorted(theirs)))
        for name in sorted(mine):
            go(mine[name], theirs[name], "." + name)


def report(problems, n):
    for name, text in problems:
        print("%s: %s" % (name, text))
    assert not problems, "%d of %d values" % (len(problems), n)


def round_trip():
    manager = common.connect()
    ns = manager.Namespace()
    values = build()
    connection = None
    problems = []
    for name, value in values.items():
        try:
            setattr(ns, name, value)
            compare(value, getattr(ns, name), "", {}, False)
            if connection is None:
                connection = ns._tls.connection
            assert ns._tls.connection is connection, "the connection was replaced"
        except Exception as e:
            problems.append((name, "%s: %.600s" % (type(e).__name__, e)))
    # Once more: what lies stored beside it must not matter, nor what was read before.
    for name, value in values.items():
        try:
            compare(value, getattr(ns, name), "", {}, False)
        except Exception as e:
            problems.append((name, "read again: %s: %.600s" % (type(e).__name__, e)))
    report(problems, len(values))
    print("%d values came back equal" % len(values))


def write():
    board = common.connect(Named).get_board()
    values = build()
    for name, value in values.items():
        setattr(board, name, value)
    board.names = u(" ").join(u("%s") % name for name in values)
    board.writer = u("2") if PY2 else u("3")
    print("%d values written" % len(values))


def read():
    board = common.connect(Named).get_board()
    mine = build()
    foreign = (board.writer == u("2")) != PY2
    connection = board._tls.connection
    problems, refused, compared = [], 0, 0
    for name in board.names.split():
        try:
            value = getattr(board, str(name))
            if foreign and PY2 and name in NOT_IN_2:
                problems.append((name, "read as %.200r, but this version has no such type" % (value,)))
            elif name in mine and not (foreign and name in NOT_ALIKE | PERHAPS_IN_2):
                compare(mine[name], value, "", {}, foreign)
                compared += 1
        except Different as e:
            problems.append((name, "%.600s" % e))
        except Exception as e:
            expected = name not in mine or (foreign and PY2 and name in NOT_IN_2 | PERHAPS_IN_2)
            if not expected or not str(e):
                problems.append((name, "%s: %.600s" % (type(e).__name__, e)))
            else:
                refused += 1
        # Whatever became of it, the connection lives on.
        if board._tls.connection is not connection or board.none is not None:
            problems.append((name, "the connection did not survive"))
    report(problems, len(mine))
    print("%d values alike, %d refused" % (compared, refused))


def large():
    """64 MiB of bytes there and back."""
    manager = common.connect()
    ns = manager.Namespace()
    big = bytes(bytearray(range(256))) * (1 << 18)
    assert len(big) == 64 << 20
    ns.big = big
    assert ns.big == big
    ns.text = u("small")
    assert ns.text == u("small")
    ns.big = None
    assert ns.big is None
    print("64 MiB came back equal")


if __name__ == "__main__":
    what = sys.argv.pop()
    {"round": round_trip, "write": write, "read": read, "large": large}[what]()
