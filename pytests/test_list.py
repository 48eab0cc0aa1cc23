"""list with every kind of call and argument, compared with CPython's own server: programs/lists.py.

Under CPython 3.13, whose texts mpmd has, everything is compared; under the others results and the types of exceptions, of which
that version's or 3.13's will do. What is meant to differ stands in DIFFERENCES, and nothing there may be without use.
"""
import collections
import json
import multiprocessing.pool
import re

import pytest

import servers
from test_conformance import TEXTS, Difference, complain, of_texts_version, unexplained

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
        pair = [start(servers.Stock, python)]
        if with_mpmd:
            pair.append(start(servers.Mpmd, options=["--log-level", "error"]))

        def ask(server):
            try:
                lines = [json.loads(line) for line in run_program(python, server, "lists",
                                                                  environment={"MPMD_CONFORMANCE": amount}).splitlines()]
            except pytest.fail.Exception as e:    # which would end the pool's thread
                return e
            return collections.OrderedDict((call, outcome) for call, outcome in lines)

        pool = multiprocessing.pool.ThreadPool(2)
        all_said = pool.map(ask, pair, 1)
        pool.close()
        pool.join()
        for said in all_said:
            if isinstance(said, pytest.fail.Exception):
                raise said
        return all_said
    return run


# What 3.13's own server said, kept for the other versions.
said_by_313 = {}


def as_pair(answer):
    """What unexplained() shows."""
    n = 2 if answer[0] == "returned" else 4
    return answer[:n], " ".join(map(str, answer[n:]))


def test_every_call_is_answered_as_by_cpython_313(answers):
    stock, mpmd = answers(of_texts_version(), "all")
    assert list(stock) == list(mpmd) and len(stock) > 6000
    said_by_313.update(stock)
    differing = [(call, as_pair(stock[call]), as_pair(mpmd[call])) for call in stock if stock[call] != mpmd[call]]
    complaints, useless = unexplained(differing, DIFFERENCES)
    complain(complaints)
    assert not useless, "nothing differs like this any more"


def test_every_call_is_answered_as_by_this_version_or_313(answers, python):
    if python.version == TEXTS:
        pytest.skip("compared in full")
    if not said_by_313:
        said_by_313.update(answers(of_texts_version(), "all", with_mpmd=False)[0])
    stock, mpmd = answers(python, "some")
    assert list(stock) == list(mpmd) and len(stock) > 1000

    def brief(answer):
        """Without what Python 2 writes otherwise, and without texts of exceptions."""
        texts = answer[2:] if answer[0] == "returned" else answer[4:]
        said = json.dumps(answer[:2] + [text for text in texts if isinstance(text, str)])
        return re.sub(r"(\d)L\b", r"\1", re.sub(r"\bu'", "'", said))

    differing = [(call, as_pair(stock[call]), as_pair(mpmd[call])) for call in stock
                 if brief(mpmd[call]) not in (brief(stock[call]), brief(said_by_313.get(call, stock[call])))]
    own = OLD_DIFFERENCES.get(python.version, [])
    complaints, useless = unexplained(differing, DIFFERENCES + own)
    complain(complaints)
    assert not set(useless) & set(own), "nothing differs like this any more"
