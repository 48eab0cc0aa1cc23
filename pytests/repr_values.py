"""Run by test_repr.py under each interpreter: writes random values to standard output, each as its pickle and its
repr(), either behind its length in 4 bytes. Arguments: seed, number of values for each protocol. Also good Python 2."""
import array
import collections
import datetime
import decimal
import fractions
import io
import math
import multiprocessing.managers  # noqa: F401: has arrays pickled in a way of its own
import pickle
import random
import struct
import sys
import uuid
try:
    from multiprocessing.reduction import ForkingPickler
except ImportError:
    from multiprocessing.forking import ForkingPickler

PYTHON2 = sys.version_info[0] == 2
R = random.Random(int(sys.argv[1]))
N = int(sys.argv[2])
PROTOCOL = 0
# In every version's Unicode tables: plain, to be escaped, and in between.
CHARACTERS = "aZ09 ~!%s%s%s\0\1\x1f\x7f\t\n\r" % ("'", '"', "\\")
if not PYTHON2:
    CHARACTERS += "\x80\x9f\xa0\xa1\xad\xff\u0100\u0378\u0660\u200b\u2028\u20ac\ud800\udfff\ue000\ufeff\uffff" \
                  "\U0001f600\U0001f600\U000e0001\U0010ffff"


def number():
    kind = R.randrange(8)
    if kind == 0:
        return R.choice([0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -2**31])
    if kind == 1 and not PYTHON2:
        return R.choice([1, -1]) * R.getrandbits(R.randrange(1, 3000))
    if kind == 2 and not PYTHON2:
        return R.choice([1, -1]) * 10 ** R.randrange(0, 400) + R.randrange(-1, 2)
    if kind == 3:
        return struct.unpack("<d", struct.pack("<Q", R.getrandbits(64)))[0]
    if kind == 4:
        return R.choice([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e16, 1e-5, 123456789.125])
    if kind == 5:
        return complex(R.choice([0.0, -0.0, 1.5, float("nan")]), R.choice([0.0, -0.0, -2.0, 1e300, float("-inf")]))
    return R.randrange(-1000, 1000)


def text():
    return "".join(R.choice(CHARACTERS) for _ in range(R.randrange(8)))


def raw():
    return bytes(bytearray(R.choice([R.randrange(256), 39, 34, 92, 65]) for _ in range(R.randrange(8))))


def when():
    zone = datetime.timezone
    tz = R.choice([None, zone.utc, zone(datetime.timedelta(hours=R.randrange(-9, 10))),
                   zone(datetime.timedelta(minutes=90), text())])
    clock = (R.randrange(24), R.randrange(60), R.choice([0, 1, 59]), R.choice([0, 1, 999999]), tz)
    day = (R.randrange(1, 10000), R.randrange(1, 13), R.randrange(1, 29))
    kind = R.randrange(4)
    fold = R.randrange(2) if PROTOCOL > 3 else 0  # below, fold is not pickled
    if kind == 0:
        return datetime.date(*day)
    if kind == 1:
        return datetime.datetime(*(day + clock), fold=fold)
    if kind == 2:
        return datetime.time(*clock, fold=fold)
    return datetime.timedelta(R.randrange(-2, 3), R.choice([0, 5]), R.choice([0, 7]))


def path():
    import pathlib
    kind = R.choice([pathlib.PurePosixPath, pathlib.PosixPath])
    segments = ["", "/", "//", "a", "b/c", "/x//y", "./z", ".", "..", "///q", "'"]
    return kind(*[R.choice(segments) for _ in range(R.randrange(4))])


class Foreign(object):
    """Loads as an array of a machine with another byte order or other sizes, or of this one."""
    def __init__(self, code, number, data):
        self.code, self.number, self.data = code, number, data

    def __reduce__(self):
        return array._array_reconstructor, (array.array, self.code, self.number, self.data)

    def __repr__(self):
        return repr(pickle.loads(pickle.dumps(self)))


def an_array():
    """What 2.7 shows as 3 does."""
    code = R.choice("bBhHifdc" if PYTHON2 else "bBhHiIlLqQfdu")
    if code == "c":
        return array.array(code, "".join(R.choice("ab'") for _ in range(R.randrange(4))))
    if not PYTHON2 and R.randrange(3) == 0:
        number = R.randrange(22)
        if number < 14:
            data = raw()[:8] * 8
        elif number < 18:
            code = R.choice("fd")
            data = struct.pack((">" if number % 2 else "<") + ("2f" if number < 16 else "2d"), 0.1, 3)
        else:
            coding = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"][number - 18]
            code, data = "u", u"a\u20ac\U0001f600\U0001f600".encode(coding)    # CPython wants an even number of items
        return Foreign(code, number, data)
    if code == "u":
        return array.array(code, text())
    if code in "fd":
        some = [0.1, -0.0, 1e300, 3, float("inf"), R.random()]
        return array.array(code, [R.choice(some) for _ in range(R.randrange(4))])
    made = array.array(code)
    bits = 8 * made.itemsize
    low, high = (0, 2 ** bits - 1) if code.isupper() else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    made.extend(R.choice([low, high, 1, R.randrange(high)]) for _ in range(R.randrange(4)))
    return made


def other():
    """What stock Python 3 pickles as an instance, and whose text is known; the text is that of the newest version, so
    kinds whose repr() was another in old ones are left out there."""
    kind = R.randrange(16)
    if sys.version_info < (3, 7) and kind in (0, 10, 11):
        return bytearray(raw())
    small = [value(9) for _ in range(R.randrange(4))]
    if kind == 0:
        return when()
    if kind == 1:
        return decimal.Decimal(R.choice(["1.50", "-0", "NaN", "sNaN", "Infinity", "1E+30", "12345678901234567890.1"]))
    if kind == 2:
        return fractions.Fraction(R.randrange(-50, 50), R.randrange(1, 60))
    if kind == 3:
        return uuid.UUID(int=R.getrandbits(R.choice([8, 127, 128])))
    if kind == 4:
        return path()
    if kind == 5:
        return collections.deque(small, R.choice([None, 2, 10]))
    if kind == 6:
        return collections.Counter(text())
    if kind == 7:
        return collections.defaultdict(R.choice([None, int, list, len]), {text(): v for v in small})
    if kind == 8:
        return range(R.randrange(9), R.randrange(9), R.choice([1, 2, -1]))
    if kind == 9:
        return slice(*[R.choice([None, 1, -1, value(9)]) for _ in range(3)])
    if kind == 10:
        return R.choice([KeyError, ValueError, StopIteration, OSError, Exception])(*small[:2])
    if kind == 11 and PROTOCOL >= 3:  # below: OSError, which turns into this when it is made
        return FileNotFoundError(2, "text", "name")
    if kind == 12:
        return R.choice([int, str, dict, type(None), len, Ellipsis, NotImplemented, datetime.date, collections.deque,
                         KeyError])
    if kind == 13 and sys.version_info >= (3, 12):
        return collections.OrderedDict((text(), v) for v in small)
    return bytearray(raw())


def value(depth=0):
    kind = R.randrange(15 if depth < 4 else 8)
    n = R.randrange(4)
    if kind < 3:
        return number()
    if kind == 3:
        return R.choice([None, True, False])
    if kind < 6:
        return text()
    if kind == 6:
        return bytearray(raw()) if PYTHON2 else raw()
    if kind == 7 and not PYTHON2:
        return other() if depth < 9 else 5
    if kind == 8:
        return tuple(value(depth + 1) for _ in range(n))
    if kind == 9:
        return {R.choice([text(), R.randrange(99)]): value(depth + 1) for _ in range(n)}
    if kind == 10 and not PYTHON2:
        return R.choice([set, frozenset])(R.choice([text(), R.randrange(99)]) for _ in range(n))
    if kind == 11:
        shared = [value(depth + 1) for _ in range(n)]
        return [shared, (shared, shared)]
    if kind == 12:
        l = [value(depth + 1) for _ in range(n)]
        l.insert(R.randrange(len(l) + 1), R.choice([l, (l,), {1: l}]))
        return l
    if kind == 13:
        return an_array()
    return [value(depth + 1) for _ in range(n)]


def fixed():
    if PYTHON2:
        return []
    d, t = {}, ([],)
    d["self"] = d
    t[0].append(t)
    q = collections.deque([1])
    q.append(q)
    return [d, t, q, [], (), {}, set(), frozenset(), b"", "", bytearray(), 10**4299, -10**4299, math.pi,
            collections.defaultdict(list), collections.Counter(), collections.deque()]


def as_sent(v, protocol):
    """As clients of managers send it."""
    out = io.BytesIO()
    ForkingPickler(out, protocol).dump(v)
    return out.getvalue()


def write(out):
    for v in fixed() + [value() for _ in range(N)]:
        try:
            p = R.choice([pickle.dumps, as_sent])(v, PROTOCOL)
        except UnicodeEncodeError:  # protocols 0 and 1 of old versions and surrogates
            continue
        r = repr(v)
        r = r.encode("utf-8", "surrogatepass") if not PYTHON2 else r
        out.write(struct.pack("<I", len(p)) + p + struct.pack("<I", len(r)) + r)


def main():
    global PROTOCOL
    for PROTOCOL in range(pickle.HIGHEST_PROTOCOL + 1):
        write(getattr(sys.stdout, "buffer", sys.stdout))


main()
