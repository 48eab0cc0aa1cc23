"""What dict, OrderedDict and Iterator say to some 700 calls, compared with CPython's: programs/dict_calls.py.

Under CPython 3.13 all is the same but for DIFFERENT. Under the others results and the types of exceptions are those of
that version or of 3.13. The dict of 2.7 has no order: texts are compared by their letters.
"""
import json
import re

import pytest

import conftest
import servers

NEWEST = (3, 13)
# Calls that mpmd answers otherwise on purpose: a pattern, and why.
DIFFERENT = [
    (r".* (update|__ior__)\(\[\('q', 1\), \(\[\], 2\)\],\).*", "CPython updates as far as it gets, mpmd not at all"),
    (r".*OrderedDict.* (move_to_end|pop)\((\(1, 'x'\), 2|None,)\).*",
     "CPython spreads a key that is a tuple, and drops None"),
    (r".*Iterator.*", "2.7 exposes next, too; 2.7 and 3.6 assert where 3.7 raises ValueError"),
]


def ask(run_program, python, server):
    lines = [json.loads(line) for line in run_program(python, server, "dict_calls").splitlines()]
    return {call: (outcome, after) for call, outcome, after in lines}


def kind(answer):
    outcome, _ = answer
    return outcome[:2] if outcome[0] == "raised" else sorted(outcome[1])


def text(answer):
    return re.sub(r"0x[0-9a-f]+", "0x", repr(answer))


def stock_answers(start, run_program, python):
    return ask(run_program, python, start(servers.Stock, python, register=()))


def test_dicts_answer_as_cpythons(start, run_program, python):
    stock = stock_answers(start, run_program, python)
    mpmd = ask(run_program, python, start(servers.Mpmd, options=["--log-level", "error"]))
    assert list(stock) == list(mpmd) and len(stock) > (450 if python.version[0] == 3 else 300)
    if python.version == NEWEST:
        wrong = [c for c in stock if text(stock[c]) != text(mpmd[c])]
    else:
        wrong = [c for c in stock if kind(stock[c]) != kind(mpmd[c])]
    if wrong and python.version != NEWEST:
        newest = [i for i in conftest.FOUND if i.version == NEWEST and i.implementation == "CPython"]
        if newest:
            latest = stock_answers(start, run_program, newest[0])
            wrong = [c for c in wrong if c not in latest or kind(latest[c]) != kind(mpmd[c])]
    wrong = [c for c in wrong if not any(re.fullmatch(pattern, c) for pattern, _ in DIFFERENT)]
    if wrong:
        pytest.fail("%d calls\n%s" % (len(wrong), "\n".join("%s\n  stock: %s\n  mpmd:  %s" % (c, stock[c], mpmd[c])
                                                         for c in wrong[:30])), pytrace=False)
