"""Queues: every call compared with CPython's own server (programs/queues.py), many clients of all versions on one
queue, what some versions cannot have. Who dies half-way is in test_death.py."""
import collections
import json

import pytest

import agents
import conftest
import servers
from compared import TEXTS, of_texts_version, same_in_brief, same_in_full, stock_and_mpmd

DIFFERENCES = []
OLD_DIFFERENCES = {}


# --- every call


@pytest.fixture
def answers(start, run_program):
    """{call: (outcome, what is left in the queue)} of stock and mpmd."""
    def run(python, amount, with_mpmd=True):
        def ask(server):
            text = run_program(python, server, "queues", environment={"MPMD_CONFORMANCE": amount})
            said = collections.OrderedDict()
            for call, outcome, left in map(json.loads, text.splitlines()):
                while call in said:
                    call += " again"
                said[call] = (outcome, left)
            return said
        return stock_and_mpmd(start, python, ask, with_mpmd)
    return run


# What 3.13's own server said, kept for the other versions.
said_by_313 = {}


def test_every_call_is_answered_as_by_cpython_313(answers):
    stock, mpmd = answers(of_texts_version(), "all")
    assert list(stock) == list(mpmd) and len(stock) > 4000
    said_by_313.update(stock)
    same_in_full(stock, mpmd, DIFFERENCES)


def test_every_call_is_answered_as_by_this_version_or_313(answers, python):
    if python.version == TEXTS:
        pytest.skip("compared in full")
    if not said_by_313:
        said_by_313.update(answers(of_texts_version(), "all", with_mpmd=False)[0])
    stock, mpmd = answers(python, "some")
    assert list(stock) == list(mpmd) and len(stock) > 1000

    def brief(answer):
        outcome, left = answer
        return [word.replace("L", "") for word in outcome[:2]], left.replace("L", "")

    same_in_brief(stock, mpmd, said_by_313, brief, DIFFERENCES, OLD_DIFFERENCES.get(python.version, []))


# --- many clients

CROWD = """
import threading
def produce(name, k, n):
    for i in range(n):
        if i % 10 == 9:
            queue.put_many([[name, k, i]])
        else:
            queue.put([name, k, i])
def consume(many):
    while True:
        items = queue.pop_many(3) if many else [queue.get()]
        for item in items:
            if item is not None:
                results.put(item)
            queue.task_done()
        if None in items:
            queue.put_many([None] * (items.count(None) - 1))    # they are others'
            return
def work(name, n):
    global consumers
    consumers = [threading.Thread(target=consume, args=(many,)) for many in (False, True)]
    producers = [threading.Thread(target=produce, args=(name, k, n)) for k in range(2)]
    for t in consumers + producers:
        t.start()
    for t in producers:
        t.join()
"""


def test_producers_and_consumers_of_all_versions_share_one_queue(start, agent, request, transport):
    """Each item arrives once; those of one producer are taken in their order, which only one consumer could see."""
    server = start(servers.Mpmd, transport)
    pythons = conftest.chosen(request.config)
    crowd = [agent(python, server) for python in pythons]
    crowd[0].run("queue = m.JoinableQueue(7)")
    crowd[0].run("results = m.Queue()")
    for one in crowd[1:]:
        crowd[0].give("queue", one)
        crowd[0].give("results", one)
    for one in crowd:
        one.run(CROWD)
    for one in crowd:
        one.begin("work(%r, 60)" % one.python.name)
    for one in crowd:
        one.result()
    crowd[0].run("queue.join()")
    crowd[0].run("for _ in range(%d): queue.put(None)" % (2 * len(crowd)))
    for one in crowd:
        one.run("for t in consumers: t.join()")
    got = crowd[-1].run("results.pop_many(10 ** 6)")
    assert sorted(got) == sorted([python.name, k, i] for python in pythons for k in range(2) for i in range(60))
    assert crowd[0].run("[queue.qsize(), results.qsize()]") == [0, 0]
    crowd[0].run("queue.join()")


# --- names and values of other versions

NAMES = """
import sys
if sys.version_info[0] == 2:
    import Queue as module
else:
    import queue as module
def name_of(function, *args):
    try:
        function(*args)
    except module.Empty:
        return "Empty"
    except module.Full:
        return "Full"
"""


def test_empty_and_full_are_those_of_the_clients_own_module(start, agent, python):
    one = agent(python, start(servers.Mpmd))
    one.run("queue = m.Queue(1)")
    one.run(NAMES)
    assert one.run("name_of(queue.get, False)") == "Empty"
    assert one.run("name_of(queue.get_nowait)") == "Empty"
    assert one.run("name_of(queue.get, True, 0.001)") == "Empty"
    one.run("queue.put(1)")
    assert one.run("name_of(queue.put, 2, False)") == "Full"
    assert one.run("name_of(queue.put_nowait, 2)") == "Full"
    assert one.run("name_of(queue.put, 2, True, 0.001)") == "Full"
    assert one.run("name_of(queue.pop_many, 3)") is None
    assert one.run("name_of(queue.pop_many, 3, False)") == "Empty"


def test_an_item_that_only_others_can_have_stays(start, agent, newest, transport):
    old = [i for i in conftest.FOUND if i.version[0] == 2]
    if not old:
        pytest.skip("no Python 2")
    server = start(servers.Mpmd, transport)
    producer, reader = agent(newest, server), agent(old[0], server)
    producer.run("queue = m.Queue()")
    producer.give("queue", reader)
    producer.run("queue.put(ascii)")
    for text in ("queue.get()", "queue.pop_many(2)"):
        with pytest.raises(agents.AgentError, match="Python 2 has no builtins.ascii"):
            reader.run(text)
    assert producer.run("queue.qsize()") == 1
    assert producer.run("queue.get() is ascii") is True
    assert reader.run("queue.qsize()") == 0                 # in step


MORE = """
from multiprocessing.managers import BaseManager
class Manager(BaseManager):
    pass
Manager.register("LifoQueue")
Manager.register("PriorityQueue")
Manager.register("RWLock")
Manager.register("Latch")
more = Manager(address=address, authkey=key)
more.connect()
"""


def test_further_types_are_reached_by_register(start, agent, python):
    server = start(servers.Mpmd)
    one, other = agent(python, server), agent(python, server)
    one.run(MORE)
    one.run("stack = more.LifoQueue(3)")
    one.run("stack.put_many([1, 2, 3])")
    assert one.run("[stack.get(), stack.full(), stack.pop_many(5)]") == [3, False, [2, 1]]
    one.run("heap = more.PriorityQueue()")
    one.run("heap.put_many([(2, 'b'), (1, 'c'), (1, 'a')])")
    assert one.run("[heap.get()[1] for _ in range(3)]") == ["a", "c", "b"]
    one.run("rwlock = more.RWLock()")
    one.give("rwlock", other)
    assert one.run("rwlock.acquire_read()") is True
    assert other.run("rwlock.acquire_read()") is True
    one.run("rwlock.release_read()")
    one.block("rwlock", "rwlock.acquire_write(True, 100)")
    other.run("rwlock.release_read()")
    assert one.result() is True
    one.run("latch = more.Latch(2)")
    one.give("latch", other)
    other.run("latch.count_down()")
    other.block("latch", "latch.wait()")
    one.run("latch.count_down()")
    assert other.result() is True
