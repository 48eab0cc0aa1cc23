"""Run by test_canon.py under each interpreter: random values, and what this Python thinks of them. Also good Python 2.
Arguments: what, seed, number. Writes to standard output, each part behind its length in 4 bytes:
  canon  for each protocol and value: the pickle, then b"<index of the class of equal values>\\n<type that is unhashable>"
  less   a pickled pair, then the answer as tests/canon_driver.c words it
  sort   a pickled (list, reverse), then the answer"""
import collections
import datetime
import decimal
import fractions
import pickle
import random
import struct
import sys
import uuid

PYTHON2 = sys.version_info[0] == 2
WHAT = sys.argv[1]
R = random.Random(int(sys.argv[2]))
N = int(sys.argv[3])


def number():
    kind = R.randrange(9)
    n = R.choice([0, 1, -1, 2, 5, 10, 25, 255, 256, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -2**63, 2**64, 10**19, 10**25,
                  5**30, 2**100, 3**70, R.getrandbits(90)]) * R.choice([1, 1, -1])
    if kind == 0:
        return n
    if kind == 1:
        return R.choice([True, False])
    if kind == 2:
        return float(n)
    if kind == 3:
        return R.choice([0.5, 0.1, 0.25, -0.0, 1.5, 1e300, 5e-324, float("inf"), float("-inf"), 1 / 3.0])
    if kind == 4:
        return decimal.Decimal(n).scaleb(R.choice([0, 0, -1, -2, 3]), decimal.Context(prec=200))
    if kind == 5:
        return decimal.Decimal(R.choice(["0.5", "0.10", "1E+25", "-1.50", "Infinity", "-Infinity", "0E+7", "1E-400", "3e400"]))
    if kind == 6:
        return fractions.Fraction(n, R.choice([1, 2, 3, 4, 10, 7**9, 10**20]))
    if kind == 7:
        return fractions.Fraction(R.choice([0.5, 0.1, 0.25, 1.5, 5e-324, 1 / 3.0]))
    return R.choice([1, 2, 3])


def text():
    return R.choice([u"", u"a", u"b", u"ab", u"\xe9", u"\u20ac", u"aa", u"zz" * 200])


def when():
    day = R.choice([(2000, 1, 1), (2000, 1, 2), (1999, 12, 31), (1, 1, 1), (9999, 12, 31)])
    clock = R.choice([(0, 0, 0, 0), (0, 0, 0, 1), (23, 0, 0, 0), (1, 0, 0, 0), (12, 30, 59, 999999)])
    kind = R.randrange(5)
    if kind == 0:
        return datetime.date(*day)
    if kind == 1:
        return datetime.timedelta(R.randrange(-1, 2), R.choice([0, 5]), R.choice([0, 7]))
    tz = None
    if not PYTHON2:
        tz = R.choice([None, None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=1)),
                       datetime.timezone(datetime.timedelta(hours=-1), "x")])
    if kind == 2:
        return datetime.time(*(clock + (tz,)))
    return datetime.datetime(*(day + clock + (tz,)))


def key(depth):
    while True:
        v = value(depth + 1)
        try:
            hash(v)
            return v
        except TypeError:
            pass


def other(depth):
    kind = R.randrange(13)
    if kind == 0:
        return uuid.UUID(int=R.choice([0, 1, 2**127, 2**128 - 1]))
    if kind == 1:
        return collections.deque([value(depth + 1) for _ in range(R.randrange(3))], R.choice([None, 5]))
    if kind == 2:
        return collections.defaultdict(R.choice([None, int]), {key(depth): value(depth + 1)})
    if kind == 3:
        return collections.OrderedDict([(key(depth), value(depth + 1))])  # of one item: == is transitive
    if kind == 4 and not PYTHON2:
        return range(R.randrange(3), R.randrange(9), R.choice([1, 2, -1]))
    if kind == 5:
        return collections.Counter({text(): R.randrange(1, 3)})
    if kind == 6:
        return complex(R.choice([1, 2, 0, 0.5]), R.choice([0, 1, -0.0]))
    if kind == 7:
        return R.choice([int, str, dict, KeyError, datetime.date, len, collections.deque])
    if kind == 8:
        return None
    if kind == 9:
        return bytearray(R.choice([b"", b"a", b"ab", b"\xff"]))
    return when()


def value(depth=0):
    kind = R.randrange(16 if depth < 3 else 8)
    n = R.randrange(3)
    if kind < 3:
        return number()
    if kind < 5:
        return text()
    if kind == 5:
        return bytearray(b"a") if PYTHON2 else R.choice([b"", b"a", b"ab", b"\xff"])
    if kind < 8:
        return other(9) if depth >= 3 else other(depth)
    if kind < 10:
        return tuple(value(depth + 1) for _ in range(n))
    if kind < 12:
        return [value(depth + 1) for _ in range(n)]
    if kind == 12:
        shared = [value(depth + 1)]
        return [shared, (shared, shared)]
    if kind == 13:
        return R.choice([set, frozenset])(key(depth) for _ in range(n))
    d = {}
    for _ in range(n):
        d[key(depth)] = value(depth + 1)
    return d


def out(*parts):
    stream = getattr(sys.stdout, "buffer", sys.stdout)
    for p in parts:
        stream.write(struct.pack("<I", len(p)) + p)


def write_canon():
    values = [value() for _ in range(N)] + [float(0), 0, "", [], (), {}, set(), None]
    classes = []
    for v in values:
        for i, c in enumerate(classes):
            if v == c:
                break
        else:
            i = len(classes)
            classes.append(v)
        try:
            hash(v)
            refused = ""
        except TypeError as e:
            refused = str(e).split("'")[1]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            out(pickle.dumps(v, protocol), ("%d\n%s" % (i, refused)).encode())


def write_less():
    for _ in range(N):
        a = R.choice([value, number, when, lambda: [number(), number()], lambda: (text(), number(), value())])()
        b = R.choice([value(), a]) if R.randrange(2) else (number() if isinstance(a, (int, float)) else type(a)(a)
                                                            if isinstance(a, (list, tuple)) else when())
        if R.randrange(3) == 0 and isinstance(a, (tuple, list)):
            b = type(a)(list(a[:1]) + [value()])
        try:
            answer = b"1" if a < b else b"0"
        except TypeError as e:
            answer = ("t" + str(e)).encode()
        out(pickle.dumps((a, b), R.randrange(pickle.HIGHEST_PROTOCOL + 1)), answer)


def write_sort():
    for i in range(N):
        n = R.choice([0, 1, 2, 3, 10, 33, 64, 65, 100, 200, 1000]) if i % 50 else 20000
        top = R.choice([2, 5, 100, 10**6])
        kind = R.randrange(7)
        if kind == 0:
            v = [R.randrange(top) for _ in range(n)]
        elif kind == 1:
            v = sorted(R.randrange(top) for _ in range(n))
        elif kind == 2:
            v = sorted((R.randrange(top) for _ in range(n)), reverse=True)
        elif kind == 3:
            v = [R.choice([R.randrange(top), float(R.randrange(top)), R.random() * top, 2**70, True]) for _ in range(n)]
        elif kind == 4:
            v = ["%x" % R.randrange(top) for _ in range(n)]
        elif kind == 5:
            v = [(R.randrange(3), "%d" % R.randrange(top), None) for _ in range(n)]
        else:
            v = [j // 3 * R.choice([1, 1, 1, -1]) for j in range(n)] + [R.randrange(top) for _ in range(n // 3)]
        for _ in range(R.choice([0, 0, 1, 3])):
            if v:
                v.insert(R.randrange(len(v)), R.choice(["x", None, 5, (1, 5), float("nan")]))
        if v and R.randrange(3) == 0:
            at = R.randrange(len(v))
            v[at:at] = sorted(w for w in v[:200] if type(w) is int)
        reverse = R.choice([True, False])
        p = pickle.dumps((v, reverse), R.choice([2, 4]))
        try:
            v.sort(reverse=reverse)
            answer = "s"
        except TypeError as e:
            answer = "t" + str(e)
        out(p, "\n".join([answer] + [repr(w) for w in v]).encode())


{"canon": write_canon, "less": write_less, "sort": write_sort}[WHAT]()
