"""Classes of every kind that a pickle can carry; the same source for Python 2.7 and 3."""
import collections
import functools

try:
    import copy_reg as copyreg
except ImportError:
    import copyreg
try:
    import enum
except ImportError:
    enum = None
try:
    import dataclasses
except ImportError:
    dataclasses = None
import datetime


class Plain(object):
    """Its state is its __dict__. Equal and hashed by identity."""


class Old:
    """Old-style in Python 2."""


class OldArgs:
    def __init__(self, *args):
        self.got = list(args)

    def __getinitargs__(self):
        return tuple(self.got)


class State(object):
    def __getstate__(self):
        return ("state", self.__dict__.copy())

    def __setstate__(self, state):
        assert state[0] == "state"
        self.__dict__.update(state[1])


class Slots(object):
    __slots__ = ("tag", "one", "two")


class SlotsAndDict(Slots):
    pass


class Made(object):
    """Every item that __reduce__ may give."""

    def __init__(self, *args):
        self.args = list(args)
        self.items = []
        self.pairs = []

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.pairs.append((key, value))

    def __reduce__(self):
        state = dict((k, v) for k, v in self.__dict__.items() if k not in ("args", "items", "pairs"))
        return make, tuple(self.args), state or None, iter(self.items), iter(self.pairs)


def make(*args):
    return Made(*args)


class Bare(object):
    def __init__(self, *args):
        self.args = list(args)

    def __reduce__(self):
        return Bare, tuple(self.args)


class Registered(object):
    def __init__(self, one, two):
        self.one, self.two = one, two


copyreg.pickle(Registered, lambda r: (Registered, (r.one, r.two)))


class Setter(object):
    """State given by a function of its own: the sixth item, since 3.8."""

    def __reduce__(self):
        return Setter, (), self.__dict__, None, None, set_state


def set_state(obj, state):
    obj.__dict__.update(state)


class NewArgs(object):
    def __new__(cls, one=None, two=None):
        self = object.__new__(cls)
        self.one, self.two = one, two
        return self

    def __getnewargs__(self):
        return self.one, self.two

    def __getstate__(self):
        return None


class NewArgsEx(NewArgs):
    def __getnewargs_ex__(self):
        return (self.one,), {"two": self.two}


class List(list):
    pass


class Dict(dict):
    pass


class Set(set):
    pass


class Tuple(tuple):
    pass


class Text(type(u"")):
    pass


class Int(int):
    pass


class Outer(object):
    class Inner(object):
        class Innermost(object):
            pass

    @staticmethod
    def function():
        pass


class Error(Exception):
    def __init__(self, one, two):
        Exception.__init__(self, one, two)
        self.two = two


class Zone(datetime.tzinfo):
    def __init__(self, minutes=0):
        self.minutes = minutes

    def utcoffset(self, when):
        return datetime.timedelta(minutes=self.minutes)

    def dst(self, when):
        return datetime.timedelta(0)

    def tzname(self, when):
        return "Z%d" % self.minutes


Point = collections.namedtuple("Point", "x y")

if dataclasses is not None:
    Data = dataclasses.make_dataclass("Data", ["one", "two"])
    Data.__module__ = __name__
else:
    class Data(object):
        def __init__(self, one, two):
            self.one, self.two = one, two

if enum is not None:
    class Color(enum.Enum):
        RED = 1
        GREEN = "green"

    class Number(enum.IntEnum):
        ONE = 1

    class Flags(enum.Flag):
        A = 1
        B = 2


def function():
    pass


partial = functools.partial
