# Classes of which the values are made; imported by both who write and who read. One source for 2.7 and 3.x.
import collections
import sys

PY2 = sys.version_info[0] == 2
if PY2:
    import copy_reg as copyreg
else:
    import copyreg


class Plain(object):
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Old:
    """An old-style class in 2.7."""
    def __init__(self, x):
        self.x = x


class Slots(object):
    __slots__ = ("a", "b")


class SlotsAndDict(Slots):
    def __init__(self):
        self.c = "in the dict"


class State(object):
    """__getstate__ and __setstate__ with a state that is not a dict."""
    def __init__(self, n=0):
        self.n = n

    def __getstate__(self):
        return ("state", self.n)

    def __setstate__(self, state):
        assert state[0] == "state"
        self.n = state[1]


class Reduced(object):
    """The short form of __reduce__: callable and arguments."""
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __reduce__(self):
        return (Reduced, (self.a, self.b))


class ReducedWithState(object):
    def __init__(self, a):
        self.a = a

    def __reduce__(self):
        return (ReducedWithState, (self.a,), {"later": self.later})


class ReducedToName(object):
    def __reduce__(self):
        return "THE_ONE"


THE_ONE = ReducedToName()


class ListLike(list):
    """List items in the reduce tuple, and attributes."""


class DictLike(dict):
    pass


class SetLike(set):
    pass


class TupleLike(tuple):
    pass


class IntLike(int):
    pass


class StrLike(str):
    pass


class NewArguments(object):
    """NEWOBJ with arguments."""
    def __new__(cls, a=None):
        self = object.__new__(cls)
        self.a = a
        return self

    def __getnewargs__(self):
        return (self.a,)


class NewKeywords(object):
    """NEWOBJ_EX: keyword arguments for __new__."""
    def __new__(cls, a, **kwds):
        self = object.__new__(cls)
        self.a = a
        self.kwds = kwds
        return self

    def __getnewargs_ex__(self):
        return (self.a,), {"key": "word"}


class Registered(object):
    """Pickled by a function given to copyreg."""
    def __init__(self, a):
        self.a = a


def make_registered(a):
    return Registered(a)


copyreg.pickle(Registered, lambda r: (make_registered, (r.a,)))


class Failure(Exception):
    pass


class FailureWithAttributes(Exception):
    def __init__(self, text):
        Exception.__init__(self, text)
        self.detail = {"code": 5}


Pair = collections.namedtuple("Pair", "left right")


def function(x):
    return x


class Outer(object):
    class Inner(object):
        pass


if not PY2:
    import enum

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

    class Bits(enum.IntFlag):
        ONE = 1
        TWO = 2

if sys.version_info >= (3, 7):
    import dataclasses

    # Not with annotations, which 2.7 cannot even read.
    Point = dataclasses.make_dataclass("Point", ["x", ("y", list, None)])
    Point.__module__ = __name__
