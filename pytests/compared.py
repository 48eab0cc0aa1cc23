"""What the tests share that make many calls on CPython's own server and on mpmd and compare what both say.

A call is a text, an answer is what the test's program printed for it. Only differences with a reason are let pass, and
reasons that explain nothing are failures, too.
"""
import collections
import json
import multiprocessing.pool
import re

import pytest

import conftest
import servers

# The version whose texts mpmd has.
TEXTS = (3, 13)

Difference = collections.namedtuple("Difference", "calls stock mpmd reason")
# `calls`, `stock` and `mpmd` are patterns for the whole call and for what the servers say to it: "returned VALUE" or
# "raised TYPE TEXT", then " -> " and the object as a text.


def of_texts_version():
    found = [i for i in conftest.FOUND if i.version == TEXTS and i.implementation == "CPython"]
    return found[0] if found else pytest.skip("no CPython %d.%d" % TEXTS)


def stock_and_mpmd(start, python, ask, with_mpmd=True):
    """What ask(server) gives for a stock server of this Python and for mpmd; both are asked at once."""
    pair = [start(servers.Stock, python)]
    if with_mpmd:
        pair.append(start(servers.Mpmd, options=["--log-level", "error"]))

    def careful(server):
        try:
            return ask(server)
        except pytest.fail.Exception as e:    # which would end the pool's thread
            return e

    pool = multiprocessing.pool.ThreadPool(2)
    all_said = pool.map(careful, pair, 1)
    pool.close()
    pool.join()
    for said in all_said:
        if isinstance(said, pytest.fail.Exception):
            raise said
    return all_said


def in_words(answer):
    outcome, text = answer
    said = "returned " + outcome[1] if outcome[0] == "returned" else "raised %s %s" % (outcome[1], outcome[3])
    return said + (" -> " + text if text else "")


def flat_as_pair(answer):
    """An answer that is one list, as in_words() wants it."""
    n = 2 if answer[0] == "returned" else 4
    return answer[:n], " ".join(map(str, answer[n:]))


def flat_brief(answer):
    """Such an answer without what Python 2 writes otherwise, and without texts of exceptions."""
    texts = answer[2:] if answer[0] == "returned" else answer[4:]
    said = json.dumps(answer[:2] + [text for text in texts if isinstance(text, str)])
    return re.sub(r"(\d)L\b", r"\1", re.sub(r"\bu'", "'", said))


def unexplained(differing, differences):
    """Complaints: calls that no difference explains, and differences that explain nothing."""
    used = set()
    complaints = []
    for call, stock, mpmd in differing:
        fitting = [d for d in differences if re.fullmatch(d.calls, call) and
                   re.fullmatch(d.stock, in_words(stock), re.S) and re.fullmatch(d.mpmd, in_words(mpmd), re.S)]
        used.update(fitting)
        if not fitting:
            complaints.append("%s\n    stock: %s\n    mpmd:  %s" % (call, in_words(stock), in_words(mpmd)))
    return complaints, [d for d in differences if d not in used]


def complain(complaints):
    if complaints:
        pytest.fail("%d calls\n%s" % (len(complaints), "\n".join(complaints[:50])), pytrace=False)


def same_in_full(stock, mpmd, differences, as_pair=tuple):
    """All answers are equal, but for the differences, each of which is met."""
    differing = [(call, as_pair(stock[call]), as_pair(mpmd[call])) for call in stock if stock[call] != mpmd[call]]
    complaints, useless = unexplained(differing, differences)
    complain(complaints)
    assert not useless, "nothing differs like this any more"


def same_in_brief(stock, mpmd, by_313, brief, differences, own, as_pair=tuple):
    """All answers are in brief this version's or 3.13's, but for the differences; each of its `own` is met."""
    differing = [(call, as_pair(stock[call]), as_pair(mpmd[call])) for call in stock
                 if brief(mpmd[call]) not in (brief(stock[call]), brief(by_313.get(call, stock[call])))]
    complaints, useless = unexplained(differing, differences + own)
    complain(complaints)
    assert not set(useless) & set(own), "nothing differs like this any more"
