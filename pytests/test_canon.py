"""==, hash() and < in C against those of each CPython found, and list.sort() against 3.13's: see canon_values.py."""
import os
import pickle
import random
import struct
import subprocess

import pytest

from drivers import build_tool, records

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def ask():
    """A function: what, list of pickles -> list of answers."""
    driver = build_tool("canon_driver")

    def run(what, pickles):
        data = b"".join(struct.pack("<I", len(p)) + p for p in pickles)
        return list(records(subprocess.run([driver, what], input=data, stdout=subprocess.PIPE, check=True).stdout))
    return run


def made(python, what, seed, n):
    out = subprocess.run([python.path, os.path.join(HERE, "canon_values.py"), what, str(seed), str(n)],
                         stdout=subprocess.PIPE, check=True, env=dict(os.environ, PYTHONHASHSEED="0")).stdout
    parts = list(records(out))
    return parts[::2], parts[1::2]


def test_equal_values_have_equal_bytes(python, ask):
    pickles, expected = made(python, "canon", 1, 500)
    bytes_of, class_of = {}, {}
    for p, e, got in zip(pickles, expected, ask("canon", pickles)):
        number, unhashable = e.split(b"\n")
        head, form = got.split(b"\n", 1)
        assert head[:1] == b"=", p
        assert bytes_of.setdefault(number, form) == form, p
        if python.version < (3,):  # a Decimal equals no Fraction, and more
            assert (head[1:] == b"") == (unhashable == b""), p
            class_of[form] = number
            continue
        assert class_of.setdefault(form, number) == number, p
        assert head[1:] == unhashable, p
    assert len(class_of) > 200


def test_less(python, ask):
    if python.version[0] < 3:
        pytest.skip("orders everything")
    pickles, expected = made(python, "less", 2, 3000)
    for p, e, got in zip(pickles, expected, ask("less", pickles)):
        if python.version < (3, 13) and e[:1] == b"t":
            e, got = e[:1], got[:1]  # other words
        assert got == e, (p, pickle.loads(p))


def test_sort(python, ask):
    """Also what is left of a list when a comparison fails: 3.13 and later."""
    if python.version < (3, 13):
        pytest.skip("sorts in another way")
    pickles, expected = made(python, "sort", 3, 1000)
    n_failed = 0
    for p, e, got in zip(pickles, expected, ask("sort", pickles)):
        assert got == e, len(pickle.loads(p)[0])
        n_failed += e[:1] == b"t"
    assert n_failed > 200


def test_numbers_across_types(ask):
    """Dense neighbourhoods: what is almost equal is not."""
    import decimal
    import fractions
    r = random.Random(4)
    values = []
    for _ in range(300):
        n = r.choice([2**53, 2**63, 2**64, 10**17, 10**25, 5**40, 2**200, r.getrandbits(100)]) + r.randrange(-2, 3)
        values += [n, decimal.Decimal(n), fractions.Fraction(n), decimal.Decimal(n) * 10, fractions.Fraction(n, 10**30)]
        try:
            values += [float(n), float(n) / 3, fractions.Fraction(float(n) / 3), decimal.Decimal(float(n) / 3)]
        except OverflowError:
            pass
    r.shuffle(values)
    pairs = [(a, b) for a, b in zip(values, values[1:])] + [(a, b) for a in values[:60] for b in values[:60]]
    assert ask("less", [pickle.dumps(p) for p in pairs]) == [b"%d" % (a < b) for a, b in pairs]
    forms = [a.split(b"\n", 1)[1] for a in ask("canon", [pickle.dumps(v) for v in values])]
    for (a, x), (b, y) in zip(zip(values, forms), sorted(zip(values, forms), key=lambda p: p[0])):
        assert (a == b) == (x == y)
