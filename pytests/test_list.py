"""list with every kind of call and argument, compared with CPython's own server: programs/lists.py.

Under CPython 3.13, whose texts mpmd has, everything is compared; under the others results and the types of exceptions, of which
that version's or 3.13's will do. What is meant to differ stands in DIFFERENCES, and nothing there may be without use.
"""
import collections
import json

import pytest

from compared import (TEXTS, Difference, flat_as_pair, flat_brief, of_texts_version, same_in_brief, same_in_full,
                      stock_and_mpmd)

DIFFERENCES = []
OLD_DIFFERENCES = {
    (2, 7): [
        Difference(r".*\.sort\(.*\)", r"returned .*|raised .*an integer is required.*", r"raised TypeError.*|returned .*",
                   "what has no order in Python 3 is not sorted; any value is true or false"),
        Difference(r".*(u'h|b'ab\\).*", r"returned .*(u'|\\).*", r"returned .*", "texts of values are Python 3's"),
        Difference(r".*__reversed__\(\)", r"raised .*can't pickle listreverseiterator objects.*", r"returned .*",
                   "2.7 can read what it cannot write"),
    ],
}


@pytest.fixture
def answers(start, run_program):
    """{call: outcome} of stock and mpmd."""
    def run(python, amount, with_mpmd=True):
        def ask(server):
            lines = [json.loads(line) for line in run_program(python, server, "lists",
                                                              environment={"MPMD_CONFORMANCE": amount}).splitlines()]
            return collections.OrderedDict((call, outcome) for call, outcome in lines)
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
    assert list(stock) == list(mpmd) and len(stock) > 1000
    own = OLD_DIFFERENCES.get(python.version, [])
    same_in_brief(stock, mpmd, said_by_313, flat_brief, DIFFERENCES, own, flat_as_pair)
