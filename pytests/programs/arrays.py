# Array and Value: prints what each call did, one JSON list a line: the call, then what conformance.outcome() makes of it.
# test_arrays.py compares the lines that two servers get. With MPMD_CONFORMANCE=all in the environment: all of them.
# One source for CPython 2.7 and 3.x.
from __future__ import print_function
import array
import itertools
import json
import warnings

import common
import conformance
from conformance import ALL, NAN                                            # noqa: F401: in the texts

TYPECODES = "bBuhHiIlLqQfd" if ALL else "bHiLdu"
VALUES = ("None True False 0 1 -1 1.5 NAN 1e300 'x' 'xy' '' u'\\xe9' b'x' [] () {} 1+2j set() int 127 128 -128 -129 255 256 32767 "
          "32768 -32768 -32769 65535 65536 2**31-1 2**31 -2**31 -2**31-1 2**32-1 2**32 2**53+1 2**63-1 2**63 -2**63 "
          "-2**63-1 2**64-1 2**64 10**30 -10**30 10**400").split()
SEQUENCES = ["[]", "()", "[1]", "(1, 2)", "[1, 'x']", "[1, 1.5]", "range(5)", "range(5, 0, -2)", "range(300)", "{1: 2}",
             "frozenset([3])", "b''", "b'abcdefgh'", "b'abc'", "bytearray(8)", "bytearray(b'\\xff\\x00' * 8)",
             "u''", "u'ab\\xe9'", "5", "None", "1.5", "[None]", "[[1]]", "int", "array.array('i', [1, 2])",
             "array.array('d', [1, 2])", "array.array('d', [1.5])", "array.array('B', [1, 200])", "array.array('u', u'ab')",
             "array.array('L', [2**63])", "array.array('i')", "{}.keys()", "iter([1, 2])"]
INDICES = ["None", "True", "0", "-1", "5", "6", "-6", "-7", "10**30", "-10**30", "'x'", "1.5", "()", "2**63"]
BOUNDS = ["None", "-9", "-2", "0", "1", "3", "9"] if ALL else ["None", "-2", "3"]
STEPS = ["None", "1", "2", "-1", "-3", "7", "0"] if ALL else ["None", "2", "-1", "0"]
ODD_SLICES = ["slice('x')", "slice(1.5, 2)", "slice(0, 10**30, 10**30)", "slice(10**30, -10**30, -1)", "slice(True, None, True)",
              "slice(None, None, -10**30)", "slice(0, 'x', 'y')", "slice([], 2, 0)"]
ASSIGNED = ["array.array('i', [])", "array.array('i', [7])", "array.array('i', [7, 8, 9])", "array.array('l', [1])",
            "array.array('d', [])", "[7]", "[]", "None", "5", "'x'", "b'abcd'"]
OTHERS = ["__len__(1)", "__len__(x=1)", "__getitem__()", "__getitem__(1, 2)", "__getitem__(x=1)", "__setitem__(1)",
          "__setitem__(1, 2, 3)", "__setitem__(0, value=1)", "__delitem__(0)", "nosuch()", "__class__()", "typecode()"]
MAKING = ["()", "('i')", "('i', [1], True)", "('i', [1], False, 4)", "(typecode='i', sequence=[1])", "('i', [1], lock=None)",
          "('i', [1], foo=1)", "('i', typecode='i')", "('x', [])", "('x', 5)", "('x', u'a')", "('ii', [])", "('', [])", "(1, [])",
          "(None, [])", "('i', sequence=[2**40])"]
OF_VALUE = ["get()", "get(1)", "get(x=1)", "set()", "set(1)", "set(1, 2)", "set(value=[1])", "set(x=1)", "value()", "__init__()"]
MAKING_VALUES = ["()", "('i')", "('i', 1)", "('i', 1, 2)", "('i', 1, 2, 3)", "(1, 2)", "(None, None, lock=False)",
                 "('i', value=2)", "(typecode=1, value=2, lock=3)", "('i', 1, foo=1)", "('i', 1, value=1)"]


def arguments(text):
    return eval("(lambda *args, **kwds: (args, kwds))" + text)


def named(value):
    """What an array is, as this Python shows it; the reply's own bytes are compared by loading them."""
    return [value.typecode, value.itemsize, value.tolist()] if isinstance(value, array.array) else value


class Arrays(conformance.Asker):
    def call(self, proxy, text):
        """'get()'"""
        name, _, rest = text.partition("(")
        args, kwds = arguments("(" + rest)
        return conformance.outcome(lambda: named(proxy._callmethod(name, args, kwds)))

    def made(self, typeid, text):
        return conformance.outcome(lambda: str(self.make(typeid, text)))

    def items(self):
        for code in TYPECODES if not common.PY2 else TYPECODES.replace("qQ", ""):
            zeros = self.make("Array", "('%s', %s)" % (code, "u'abc'" if code == "u" else "[0, 0, 0]"))
            for value in VALUES:
                yield "Array('%s', [%s])" % (code, value), self.made("Array", "('%s', [%s])" % (code, value))
                yield "Array('%s'): [1] = %s" % (code, value), self.call(zeros, "__setitem__(1, %s)" % value)
                yield "Array('%s'): [1], of %s" % (code, value), self.call(zeros, "__getitem__(1)")
                yield "Array('%s'): str, with %s" % (code, value), conformance.outcome(lambda: str(zeros))
            yield "Array('%s'): slice" % code, self.call(zeros, "__getitem__(slice(0, 2))")
            yield "Array('%s'): copy" % code, conformance.outcome(lambda: named(zeros._getvalue()))
            for sequence in SEQUENCES:
                text = "('%s', %s)" % (code, sequence)
                if "iter(" not in sequence or not common.PY2:       # which cannot pickle it
                    yield "Array of " + text, self.made("Array", text)

    def slices(self):
        texts = ["slice(%s, %s, %s)" % bounds for bounds in itertools.product(BOUNDS, BOUNDS, STEPS)]
        proxy = self.make("Array", "('i', [0, 1, 2, 3, 4, 5])")
        for text in INDICES + texts + ODD_SLICES:
            yield "Array: [%s]" % text, self.call(proxy, "__getitem__(%s)" % text)
            if text.endswith((" -3)", " 7)")) and not text.startswith("slice(None"):
                continue
            for value in ASSIGNED:
                outcome = self.call(proxy, "__setitem__(%s, %s)" % (text, value))
                after = str(proxy)
                yield "Array: [%s] = %s" % (text, value), outcome + [after]
                if after != "array('i', [0, 1, 2, 3, 4, 5])":
                    proxy = self.make("Array", "('i', [0, 1, 2, 3, 4, 5])")

    def others(self):
        for text in MAKING:
            yield "Array of " + text, self.made("Array", text)
        for text in MAKING_VALUES:
            yield "Value of " + text, self.made("Value", text)
        proxy = self.make("Array", "('i', [0, 1])")
        for text in OTHERS:
            yield "Array: " + text, self.call(proxy, text)
        for value in VALUES:
            proxy = self.make("Value", "('i', %s)" % value)
            yield "Value('i', %s)" % value, conformance.outcome(lambda: (proxy.value, str(proxy)))
            for text in OF_VALUE:
                yield "Value %s: %s" % (value, text), self.call(proxy, text) + [conformance.outcome(lambda: str(proxy))]
            yield "Value %s: copy" % value, conformance.outcome(lambda: sorted(vars(proxy._getvalue()).items()))

    def python2(self):
        """What only its proxies ask for, and typecode c."""
        for code, sequence in ("i", "[1, 2, 3]"), ("c", "'abc'"):
            proxy = self.make("Array", "('%s', %s)" % (code, sequence))
            other = "array.array('%s', %s)" % (code, sequence)
            for i, j in itertools.product(["-1", "0", "1", "3", "9", "2**63-1", "'x'", "None"], repeat=2):
                yield "Array %s: [%s:%s]" % (code, i, j), self.call(proxy, "__getslice__(%s, %s)" % (i, j))
            for value in other, "[1]", "'x'":
                yield "Array %s: [1:2] = %s" % (code, value), self.call(proxy, "__setslice__(1, 2, %s)" % value) + [str(proxy)]
            for value in "'x'", "'xy'", "1", "None", "''":
                yield "Array %s: [0] = %s" % (code, value), self.call(proxy, "__setitem__(0, %s)" % value) + [str(proxy)]

    def every_call(self):
        parts = [self.items(), self.slices(), self.others()] + ([self.python2()] if common.PY2 else [])
        return itertools.chain(*parts)


def main():
    warnings.simplefilter("ignore")                                         # 'u' is deprecated
    for label, result in Arrays().every_call():
        print(json.dumps([label, result]))


if __name__ == "__main__":
    main()
