"""repr() in C against repr() of each CPython found, over random values in every protocol: see repr_values.py."""
import math
import os
import pickle
import random
import struct
import subprocess
import sys

import pytest

from drivers import build_tool, records

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)


@pytest.fixture(scope="module")
def texts():
    """A function: list of pickles -> list of texts (bytes)."""
    driver = build_tool("repr_driver")

    def run(pickles):
        data = b"".join(struct.pack("<I", len(p)) + p for p in pickles)
        out = subprocess.run([driver], input=data, stdout=subprocess.PIPE, check=True).stdout
        return list(records(out))
    return run


def test_random_values(python, texts):
    made = subprocess.run([python.path, os.path.join(HERE, "repr_values.py"), "1", "300"], stdout=subprocess.PIPE,
                          check=True, env=dict(os.environ, PYTHONHASHSEED="0")).stdout
    parts = list(records(made))
    assert len(parts) >= 2 * 3 * 200
    for p, expected, got in zip(parts[::2], parts[1::2], texts(parts[::2])):
        assert got == expected, p


EVERY = """
import struct, sys, unicodedata
out = [unicodedata.unidata_version]
out += [repr("".join(map(chr, range(c, c + 4096)))) for c in range(0, sys.maxunicode + 1, 4096)]
for text in out:
    data = text.encode("utf-8", "surrogatepass")
    sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)
"""


def test_every_code_point(python, texts):
    if python.version[0] < 3:
        pytest.skip("no such repr()")
    with open(os.path.join(TOP, "src", "value", "printable.inc")) as f:
        ours = f.readline().split()[2].rstrip(",")
    version, *expected = records(subprocess.run([python.path, "-c", EVERY], stdout=subprocess.PIPE, check=True).stdout)
    if version.decode() != ours:
        pytest.skip("this Python has Unicode %s, the table %s" % (version.decode(), ours))
    chunks = ["".join(map(chr, range(c, c + 4096))) for c in range(0, sys.maxunicode + 1, 4096)]
    assert texts([pickle.dumps(c, 4) for c in chunks]) == expected


def test_floats(texts):
    r = random.Random(5)
    v = [s * 2.0 ** e * m for e in range(-1074, 1024) for s in (1, -1)
         for m in (1, 1.5, 1 + 2.0 ** -52, 1 - 2.0 ** -53)]
    v += [float("%se%d" % (m, e)) for e in range(-330, 310) for m in (1, 2, 5, 9.5, 1.234567890123456, 2**53 + 1)]
    v += [struct.unpack("<d", struct.pack("<Q", r.getrandbits(64)))[0] for _ in range(60000)]
    v += [struct.unpack("<d", struct.pack("<Q", r.getrandbits(52) >> r.randrange(52)))[0] for _ in range(10000)]
    v += [round(r.uniform(-1e6, 1e6), r.randrange(10)) for _ in range(20000)]
    v += [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
    got, = texts([pickle.dumps(v, 4)])
    for x, text in zip(v, got.decode()[1:-1].split(", ")):
        assert text == repr(x)


def test_limits(texts):
    laughs = ["x" * 100]
    for _ in range(12):
        laughs = [laughs] * 10
    as_pickle = lambda v: b"\x80\x02" + v + b"."                             # noqa: E731
    deep = as_pickle(b"]" * 1500 + b"a" * 1499)
    got = texts([pickle.dumps(laughs, 4), deep, pickle.dumps(1 << 15000, 4), as_pickle(b"I" + b"9" * 4301 + b"\n"),
                 pickle.dumps([1], 4)])
    assert got == [b"\0-9", b"\0-9", b"\0-8", b"\0-8", b"[1]"]
