"""Proxies inside of values, for Python 2.7: its clients read copies, as from their own server (programs/copies.py); those of
Python 3 read proxies, and what they stored stays one for all."""
import json
import re

import pytest

import conftest
import servers
from compared import complain, stock_and_mpmd



def of_2_7():
    found = [p for p in conftest.FOUND if p.version == (2, 7) and p.implementation == "CPython"]
    return found[0] if found else pytest.skip("no CPython 2.7 here")


def without_2(text):
    """Python 3's way of writing what Python 2 writes."""
    return re.sub(r"[uL]", "", text)


def test_every_read_gives_what_the_server_of_2_7_gives(start, run_program):
    def ask(server):
        return [json.loads(line) for line in run_program(of_2_7(), server, "copies").splitlines()]

    stock, mpmd = stock_and_mpmd(start, of_2_7(), ask)
    assert [call for call, _ in stock] == [call for call, _ in mpmd] and len(stock) > 1500
    complaints = []
    for (call, theirs), (_, ours) in zip(stock, mpmd):
        # A plain list, that is no object, comes twice when it is met twice by way of others.
        n = 2 if call.startswith("random") or ".items()" in call or ".values()" in call else 3
        if theirs[:n] != ours[:n] and not (theirs[0] == ours[0] == "text" and
                                   sorted(without_2(theirs[1])) == sorted(without_2(ours[1]))):
            complaints.append("%s\n    stock: %s\n    mpmd:  %s" % (call, theirs, ours))
    complain(complaints)


def test_who_stores_and_who_reads_decides(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    old, new = agent(of_2_7(), server), agent(newest, server)
    kind = "type({}).__name__"
    new.run("inner = m.list([1])")
    new.run("outer = m.list()")
    new.give("inner", old)
    new.give("outer", old)
    new.run("outer.append(inner)")
    old.run("outer.append(inner)")
    old.run("outer.append({'k': inner})")
    assert [new.run(kind.format(x)) for x in ("outer[0]", "outer[1]", "outer[2]['k']")] == ["ListProxy"] * 3
    assert [old.run(kind.format(x)) for x in ("outer[0]", "outer[1]", "outer[2]['k']")] == ["ListProxy", "list", "list"]
    old.run("outer[0].append(2)")           # a proxy of the same object
    old.run("outer[1].append(3)")           # a copy
    new.run("outer[1].append(4)")
    assert new.run("inner[:]") == [1, 2, 4] == old.run("outer[1]")
    new.run("del inner, outer")


def test_what_2_7_cannot_pickle_stays_a_proxy_that_works(start, agent, transport):
    old = agent(of_2_7(), start(servers.Mpmd, transport))
    old.run("a = m.list([m.Lock(), m.Queue(), m.Event(), m.list([5])])")
    assert old.run("[type(x).__name__.split('[')[0] for x in a[:]]") == ["AcquirerProxy", "AutoProxy", "EventProxy", "list"]
    old.run("a[1].put(3)")
    assert old.run("a[1].get(False)") == 3
    assert old.run("(a[0].acquire(False), a[0].acquire(False))") == [True, False]
    # many at once, of a class that is written once
    old.run("b = m.list()")
    old.run("b.append([m.list([i]) for i in range(200)] + [a[0]] + [m.dict(i=i) for i in range(200)])")
    assert old.run("b[0][:200] == [[i] for i in range(200)] and b[0][201:] == [{'i': i} for i in range(200)]") is True
    assert old.run("type(b[0][200]).__name__") == "AcquirerProxy"
