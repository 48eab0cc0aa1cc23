"""Array and Value with every kind of argument, compared with CPython's own server: programs/arrays.py.

Under CPython 3.13, whose texts mpmd has, everything is compared; under the others results and the types of exceptions, of which that
version's or 3.13's will do. What is meant to differ stands in DIFFERENCES, and nothing there may be without use.
"""
import collections
import json

import pytest

from compared import (TEXTS, Difference, flat_as_pair, flat_brief, of_texts_version, same_in_brief, same_in_full,
                      stock_and_mpmd)

DIFFERENCES = [
    Difference(r"Array of \('u', (b'abcdefgh'|bytearray.*)\)", r"returned .* failed>.*|returned .*\\U.*", r"returned .*",
               "bytes that are no characters are shown as such"),
]
OLD_DIFFERENCES = {
    (2, 7): [
        Difference(r".*", r".*(u'.*xe9|set\(\[|<type).*", r".*(xe9|xc3|\xc3|set\(\)|<class).*", "texts are Python 3's"),
        Difference(r"Array of \('u', bytearray.*\)", r"raised .*must be unicode character", r"returned .*",
                   "as in 3, a bytearray is bytes for 'u', too"),
    ],
}


@pytest.fixture
def answers(start, run_program):
    """{call: (outcome, the object as a text)} of stock and mpmd."""
    def run(python, amount, with_mpmd=True):
        def ask(server):
            lines = [json.loads(line) for line in run_program(python, server, "arrays",
                                                              environment={"MPMD_CONFORMANCE": amount}).splitlines()]
            said = collections.OrderedDict((call, outcome) for call, outcome in lines)
            assert len(said) == len(lines), "a call is made twice"
            return said
        return stock_and_mpmd(start, python, ask, with_mpmd)
    return run


# What 3.13's own server said, kept for the other versions.
said_by_313 = {}


def test_every_call_is_answered_as_by_cpython_313(answers):
    stock, mpmd = answers(of_texts_version(), "all")
    assert list(stock) == list(mpmd) and len(stock) > 6000
    said_by_313.update(stock)
    same_in_full(stock, mpmd, DIFFERENCES, flat_as_pair)


def test_every_call_is_answered_as_by_this_version_or_313(answers, python):
    if python.version == TEXTS:
        pytest.skip("compared in full")
    if not said_by_313:
        said_by_313.update(answers(of_texts_version(), "all", with_mpmd=False)[0])
    stock, mpmd = answers(python, "some")
    assert list(stock) == list(mpmd) and len(stock) > 1500
    own = OLD_DIFFERENCES.get(python.version, [])
    same_in_brief(stock, mpmd, said_by_313, flat_brief, DIFFERENCES, own, flat_as_pair)


def test_nobody_loses_what_others_count(mpmd, run_program, python):
    run_program(python, mpmd, "counting")
