"""libmpmd as a client: of mpmd, and of the server of every CPython."""
import re
import subprocess

import pytest

import servers
from drivers import Driver, build_tool

# Lines for tests/client_driver.c and what it is to answer; a pattern when the version decides.
COMMON = [
    ("q = Queue (2,)", "ok"),
    ("q.put ('text',)", "None"),
    ("q.put ({'key': [1, 2.5, None, True]},)", "None"),
    ("q.put (3, False)", "! queue.Full: "),
    ("q.qsize ()", "2"),
    ("q.get ()", "'text'"),
    ("q.get ()", "{'key': [1, 2.5, None, True]}"),
    ("q.get (False,)", re.compile(r"! queue.Empty: ")),
    ("q.task_done (1, 2)", re.compile("! builtins.TypeError: .*task_done.*")),
    ("q.nothing ()", "! multiprocessing.managers.RemoteError: KeyError: 'nothing'"),
    ("l = list ([3, 1, 2],)", "ok"),
    ("l.sort ()", "None"),
    ("l.append (123456789012345678901234567890,)", "None"),
    ("l.__getitem__ (0,)", "1"),
    ("l.__getitem__ (7,)", "! builtins.IndexError: list index out of range"),
    ("l.__str__ ()", re.compile(r"'\[1, 2, 3, 123456789012345678901234567890L?\]'")),
    ("d = dict ({'a': 1},)", "ok"),
    ("d.__setitem__ ((1, 'b'), [2])", "None"),
    ("d.get ((1, 'b'),)", "[2]"),
    ("d.__getitem__ ('none',)", "! builtins.KeyError: 'none'"),
    ("d.copy ()", "{'a': 1, (1, 'b'): [2]}"),
    ("d.__iter__ ()", "? value of another type: __iter__() returned a proxy: use mpm_call_proxy()"),
    ("i = d.__iter__ ()", "ok"),
    ("i.{next} ()", "'a'"),
    ("i.{next} ()", "(1, 'b')"),
    ("i.{next} ()", "! builtins.StopIteration: "),
    ("close i", "ok"),
    ("v = Value ('i', 5)", "ok"),
    ("v.set (6,)", "None"),
    ("v.get ()", "6"),
    ("n = Namespace ()", "ok"),
    ("n.__setattr__ ('x', 'y')", "None"),
    ("n.__getattribute__ ('x',)", "'y'"),
    ("n.__getattribute__ ('z',)", re.compile("! builtins.AttributeError: .*'Namespace' object has no attribute 'z'")),
    ("e = Event ()", "ok"),
    ("e.set ()", "None"),
    ("e.wait (0.01,)", "True"),
    ("k = Lock ()", "ok"),
    ("k.acquire ()", "True"),
    ("k.acquire (False,)", "False"),
    ("k.release ()", "None"),
    ("r = RLock ()", "ok"),
    ("r.acquire ()", re.compile("True|1")),
    ("r.acquire ()", re.compile("True|1")),
    ("r.release ()", "None"),
    ("s = Semaphore (1,)", "ok"),
    ("s.acquire ()", "True"),
    ("s.acquire (False,)", "False"),
    ("c = Condition ()", "ok"),
    ("c.acquire ()", re.compile("True|1")),
    ("c.wait (0.01,)", re.compile("False|None")),
    ("c.notify ()", "None"),
    ("c.release ()", "None"),
    ("x = Nothing ()", "! multiprocessing.managers.RemoteError: KeyError: 'Nothing'"),
    ("x = Semaphore (-1,)", "! multiprocessing.managers.RemoteError: ValueError: semaphore initial value must be >= 0"),
    ("y = list:1234567", re.compile("! multiprocessing.managers.RemoteError: KeyError: '1234567'")),
    ("token l", re.compile("list:[0-9a-f]+@.*")),
    ("start q.put ('first',)", "ok"),
    ("start d.__setitem__ ('k', 1)", "ok"),
    ("start d.__getitem__ ('none',)", "ok"),
    ("start q.get ()", "ok"),
    ("start q.get (True, 0.01)", "ok"),
    ("start d.get ('k',)", "ok"),
    ("start d.__iter__ ()", "ok"),
    ("q.qsize ()", "? invalid argument: qsize(): started calls are to be taken first, by mpm_take()"),
    ("take", "None"),
    ("take", "None"),
    ("take", "! builtins.KeyError: 'none'"),
    ("take", "'first'"),
    ("take", re.compile(r"! queue.Empty: ")),
    ("take", "1"),
    ("take", "? value of another type: a started call returned a proxy: use mpm_call_proxy()"),
    ("take", "? nothing there in time: no call was started"),
    ("q.qsize ()", "0"),
]
# Python 2 names what it is iterated with otherwise, has no barriers, and keeps the object itself in place of a proxy.
ONLY_3 = [
    ("b = Barrier (1,)", "ok"),
    ("b.wait ()", "0"),
    ("l.append @v ValueProxy", "None"),
    ("l.__len__ ()", "5"),
]


@pytest.fixture(scope="module")
def program():
    return build_tool("client_driver")


def begin(program, server):
    return Driver(program, server.text, server.keyfile)


def check(driver, lines, following):
    for line, wanted in lines:
        line = line.replace("{next}", following)
        said = driver.ask(line)
        if isinstance(wanted, str):
            assert said == wanted, line
        else:
            assert wanted.fullmatch(said), "%s: %s" % (line, said)


def test_every_type_of_a_stock_manager(start, python, program, transport):
    driver = begin(program, start(servers.Stock, python, transport=transport))
    assert driver.ask("protocol") == str(python.protocol)
    check(driver, COMMON, "next" if python.protocol == 2 else "__next__")
    if python.version[0] == 3:
        check(driver, ONLY_3, "__next__")
    driver.close()


def test_every_type_of_mpmd(start, program, transport):
    server = start(servers.Mpmd, transport=transport)
    driver = begin(program, server)
    assert driver.ask("protocol") == "4"
    check(driver, COMMON + ONLY_3, "__next__")
    check(driver, [("l.append (b'\\xff',)", "None"), ("l.pop ()", "b'\\xff'")], "__next__")
    token = driver.ask("token v")
    other = begin(program, server)
    assert other.ask("v = " + token) == "ok"
    assert other.ask("v.get ()") == "6"
    driver.close()
    assert other.ask("v.set (7,)") == "None"  # its own reference keeps it
    other.close()
    assert server.number_of_objects() == 0


# A client of the same Python: reads what C stored, by its attributes, and stores the like of it.
PYTHON_SIDE = """
import argparse, datetime, sys
from multiprocessing import current_process
from multiprocessing.managers import ListProxy, RebuildProxy, Token
current_process().authkey = open(sys.argv[1], "rb").read()
address = sys.argv[2] if sys.argv[2].startswith("/") else (sys.argv[2].rsplit(":", 1)[0], int(sys.argv[2].rsplit(":", 1)[1]))
items = RebuildProxy(ListProxy, Token("list", address, sys.argv[3]), "pickle", {})
plain, delta = items[0], items[1]
assert type(plain) is argparse.Namespace, plain
assert plain.__dict__ == {"x": 1, "y": ["a"]}, plain.__dict__
assert delta == datetime.timedelta(1, 2, 3), delta
plain.y = "b"
items[0] = plain
items[1] = delta * 2
items.append(KeyError("k"))
"""


def check_instances(driver, server, interpreter):
    assert driver.ask("l = list ()") == "ok"
    assert driver.ask("l.append %argparse Namespace () | {'x': 1, 'y': ['a']}") == "None"
    assert driver.ask("l.append %datetime timedelta (1, 2, 3)") == "None"
    ident = driver.ask("token l").split(":")[1].split("@")[0]
    subprocess.check_call([interpreter, "-c", PYTHON_SIDE, server.keyfile, server.text, ident])
    text = driver.ask("parts l.__getitem__ (0,)")
    # old pickles have copy_reg._reconstructor(cls, object, None) in place of cls.__new__(cls)
    kind, state = text.split(" | ") if " | " in text else (text, "")
    assert "argparse.Namespace" in kind, text
    assert sorted(state.strip("{}").split(", ")) == ["'x': 1", "'y': 'b'"], text
    assert driver.ask("parts l.__getitem__ (1,)") == "datetime.timedelta (2, 4, 6)"
    assert re.fullmatch(r"(builtins|exceptions)\.KeyError \('k',\)( \| .*)?", driver.ask("parts l.__getitem__ (2,)"))
    assert driver.ask("parts l.__len__ ()") == "no instance"


def test_instances_go_both_ways_over_a_stock_manager(start, python, program):
    server = start(servers.Stock, python)
    driver = begin(program, server)
    check_instances(driver, server, python.path)
    driver.close()


def test_instances_go_both_ways_over_mpmd(start, python, program):
    server = start(servers.Mpmd)
    driver = begin(program, server)
    check_instances(driver, server, python.path)
    driver.close()
