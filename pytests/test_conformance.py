"""What each method does with arguments of every kind, compared with CPython's own server: programs/conformance.py.

Under CPython 3.13, whose texts mpmd has: results, exceptions, their texts, and str() of the object after each call.
Under the others: results and the types of exceptions; either that version's or 3.13's will do, see doc/types.md.
What is meant to differ stands in DIFFERENCES, and nothing there may be without use.
"""
import collections
import json

import pytest

import servers
from compared import TEXTS, Difference, of_texts_version, same_in_brief, same_in_full, stock_and_mpmd

DIFFERENCES = [
    Difference(r".* of \{1: 2\}, \{\}", r".*", r"raised TypeError .* argument after \* must be an iterable, not dict.*",
               "the arguments of a request are a tuple, a list or a set; a dict is taken for a mistake"),
    Difference(r"(R?Lock|Condition) .*: locked\(\)", r"raised RemoteError of KeyError.*", r"returned (True|False).*",
               "3.14 exposes locked, mpmd to all"),
    Difference(r".*: None\(\)", r"raised .* method None of .*", r"raised .* method None of .*",
               "CPython shows the exposed names as a set"),
    Difference(r"(Bounded)?Semaphore .*: release\((1\.5|NAN)\)", r"returned None.*|raised ValueError.*",
               r"raised TypeError n must be a whole number.*", "a number of units is whole"),
    Difference(r"Semaphore .*: release\((1e300|10\*\*30)\)", r"returned None.*|raised TypeError.*",
               r"raised OverflowError .*|returned None -> .*=9223372036854775807>", "units are counted in 64 bits"),
    Difference(r"(Bounded)?Semaphore\((0\.001|1\.5|NAN)\)", r"returned None.*",
               r"raised RemoteError of TypeError .* must be a whole number, .*", "a number of units is whole"),
    Difference(r"(Bounded)?Semaphore\((True|False)\)", r"returned .*(True|False)>", r"returned .*[01]>",
               "a number is shown as one"),
    Difference(r"((Bounded)?Semaphore|Barrier)\((1e300|10\*\*30)\)", r"returned .*", r"returned .*9223372036854775807>",
               "units and parties are counted in 64 bits"),
    Difference(r"Barrier\(True(, None)?\)", r"returned .*/True>", r"returned .*/1>", "a number is shown as one"),
    Difference(r"Barrier\((1\.5|NAN)\)", r"returned .*", r"raised .* TypeError: parties must be a whole number.*",
               "a number of parties is whole"),
    Difference(r"Barrier\((True, .*|1, 2, 3)\)", r"returned .*", r"raised .* NotImplementedError: Barrier\(action=.*",
               "an action would run Python in the server"),
    Difference(r"Barrier .*: __doc__", r"returned .*", r"raised AttributeError .*", "no documentation is hosted"),
]
# Under these versions, in addition.
OLD_DIFFERENCES = {
    (2, 7): [Difference(r"Namespace: __getattribute__\('__(init|repr)__',\)", r"raised RemoteError of PicklingError.*",
                        r"returned 'instancemethod'", "methods arrive as methods of a copy, as in 3")],
}


def ask(run_program, python, server, amount):
    """{call: (outcome, text)} in the order of the calls."""
    lines = [json.loads(line) for line in run_program(python, server, "conformance",
                                                      environment={"MPMD_CONFORMANCE": amount}).splitlines()]
    answers = collections.OrderedDict((call, (outcome, text)) for call, outcome, text in lines)
    assert len(answers) == len(lines), "a call is made twice"
    return answers


@pytest.fixture
def ask_both(start, run_program):
    def run(python, amount):
        stock, mpmd = stock_and_mpmd(start, python, lambda server: ask(run_program, python, server, amount))
        assert list(stock) == list(mpmd)
        return stock, mpmd
    return run


# What 3.13's own server said, kept for the other versions.
said_by_313 = {}


def test_every_call_is_answered_as_by_cpython_313(ask_both):
    stock, mpmd = ask_both(of_texts_version(), "all")
    assert len(stock) > 7000
    said_by_313.update(stock)
    same_in_full(stock, mpmd, DIFFERENCES)


def test_every_call_is_answered_as_by_this_version_or_313(ask_both, run_program, start, python):
    if python.version == TEXTS:
        pytest.skip("compared in full")
    if not said_by_313:
        newest = of_texts_version()
        said_by_313.update(ask(run_program, newest, start(servers.Stock, newest), "all"))
    stock, mpmd = ask_both(python, "some")
    assert len(stock) > 1500

    def brief(answer):
        return answer[0][:2]

    same_in_brief(stock, mpmd, said_by_313, brief, DIFFERENCES, OLD_DIFFERENCES.get(python.version, []))
