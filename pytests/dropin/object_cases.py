"""What mpmd.objects promises, one function each: object_cases.py NAME... or NAME ADDRESS AUTHKEY-FILE. Prints "done"."""
import collections
import multiprocessing
import multiprocessing.managers
import sys

import mpmd
from mpmd import objects


def raises(kind, function, *args):
    try:
        function(*args)
    except kind as e:
        return str(e)
    raise AssertionError("no %s" % kind.__name__)


def use_extra_methods(m):
    v = m.Value("i", 3)
    assert (v.increment(), v.increment(5), v.decrement(2), v.exchange(20)) == (4, 9, 7, 7)
    assert v.compare_and_set(20, 21) and not v.compare_and_set(20, 22) and v.update_if(21, 22) and v.value == 22
    assert "int" in raises(TypeError, v.increment, "x")
    d = m.dict()
    assert (d.increment("a"), d.increment("a", 2), d.increment("b", 0.5)) == (1, 3, 0.5)
    assert d.compare_and_set("a", 3, 4) and not d.update_if("a", 3, 5) and d.copy() == {"a": 4, "b": 0.5}
    items = m.list([1, 2])
    assert items.update_if([1, 2], (3, 4)) and not items.update_if([1, 2], []) and items.copy() == [3, 4]
    items.clear()
    assert len(items) == 0
    lock, rlock = m.Lock(), m.RLock()
    lock.acquire()
    assert lock.locked() and not rlock.locked() and not m.Condition(rlock).locked()
    q = m.Queue()
    q.put_many("ab")
    number, deliveries, item = q.lease()
    q.nack(number)
    assert (deliveries, item) == (1, "a") and q.lease()[1:] == (2, "a") and q.pop_many(5) == ["b"]


def extra_methods():
    with mpmd.Manager() as m:
        use_extra_methods(m)


def installed():
    """Run by `python -m mpmd`: the managers of multiprocessing have the methods, and no others."""
    with multiprocessing.Manager() as m:
        use_extra_methods(m)
        assert not hasattr(m, "Counter")


def count(value, d, times):
    for _ in range(times):
        value.increment()
        d.increment("n", 2)


def no_change_is_lost():
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with mpmd.Manager(ctx=context) as m:
            v, d = m.Value("i", 0), m.dict()
            workers = [context.Process(target=count, args=(v, d, 100)) for _ in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert (v.value, d["n"]) == (300, 600)


def use_types(m):
    c = m.Counter(5)
    c.value = 7
    assert (c.increment(), c.decrement(3), c.exchange(2 ** 70), c.get(), c.value) == (8, 5, 5, 2 ** 70, 2 ** 70)
    assert c.compare_and_set(2 ** 70, 1) and not c.compare_and_set(3, 1)
    rw = m.RWLock()
    with rw.reading():
        assert rw.locked() and raises(RuntimeError, rw.acquire_write)
    with rw.writing():
        with rw.reading():
            assert rw.locked()
    assert not rw.locked()
    latch = m.Latch(2)
    latch.count_down()
    assert latch.count() == 1 and not latch.wait(0)
    latch.count_down()
    assert latch.wait()
    q = m.deque([1, 2, 3], 3)
    q.append(4)
    assert list(q) == [2, 3, 4] and list(reversed(q)) == [4, 3, 2] and 4 in q and q[0] == 2 and len(q) == 3
    assert q.copy() == collections.deque([2, 3, 4], 3) and (q.pop(), q.popleft(), q.count(3), q.index(3)) == (4, 2, 1, 0)
    q.extend([5, 6])
    q.rotate()
    q[0] = 7
    del q[1]
    assert list(q) == [7, 5]
    o = m.OrderedDict([("a", 1), ("b", 2)])
    o.move_to_end("a")
    assert list(o) == ["b", "a"] and list(reversed(o)) == ["a", "b"] and o == {"a": 1, "b": 2} and not o != o.copy()
    assert o.popitem(last=False) == ("b", 2) and o.increment("a") == 2
    s = same = m.set([1, 2])
    s |= {3}
    s -= {1}
    assert s is same and sorted(s) == [2, 3] and s | {9} == {2, 3, 9} and s & {3} == {3} and s >= {2} and 2 in s
    lifo, smallest = m.LifoQueue(), m.PriorityQueue()
    lifo.put_many([1, 2])
    smallest.put_many([(2, "b"), (1, "a")])
    assert lifo.get() == 2 and smallest.get() == (1, "a")
    return c, rw, latch, q, o


def use_in_child(proxies, names, done):
    assert [type(p).__name__ for p in proxies] == names
    proxies[0].increment()
    with proxies[1].writing():
        done.count_down()


def types():
    with mpmd.Manager() as m:
        proxies = use_types(m)
        names = ["CounterProxy", "RWLockProxy", "LatchProxy", "DequeProxy", "OrderedDictProxy"]
        assert [type(p).__name__ for p in proxies] == names
        for method in ("fork", "spawn"):
            done = m.Latch(1)
            child = multiprocessing.get_context(method).Process(target=use_in_child, args=(proxies, names, done))
            child.start()
            child.join()
            assert child.exitcode == 0 and done.wait()
        assert proxies[0].get() == 3
        held = m.dict(c=proxies[0])
        assert held["c"].increment() == 4 and isinstance(held["c"], objects.CounterProxy)


class Mine:
    def increment(self):
        return "mine"


class OwnManager(mpmd.SyncManager):
    pass


OwnManager.register("Counter", Mine)


def own_classes():
    """What the program registers goes before what mpmd has."""
    with OwnManager() as m:
        assert m.Counter().increment() == "mine" and m.Latch(3).count() == 3
    multiprocessing.managers.SyncManager.register("RWLock", Mine)
    with mpmd.Manager() as m:
        assert m.RWLock().increment() == "mine"


def plain():
    with mpmd.Manager(plain=True) as m:
        v = m.Value("i", 3)
        assert not hasattr(v, "increment") and not hasattr(m.dict(), "increment")
        assert raises(AttributeError, lambda: v.increment) == (
            "Value.increment() is a method of mpmd: it is switched off, with all speed-ups (plain)")
        assert v._callmethod("increment") == 4 and m.Counter(1).increment() == 2


def stock_server():
    """A server of CPython's own says clearly that it cannot."""
    stock = multiprocessing.Manager()
    assert not hasattr(stock.Value("i", 1), "increment") and not hasattr(stock.list(), "update_if")
    m = mpmd.SyncManager(stock.address, stock._authkey)
    m.connect()
    v = m.Value("i", 3)
    assert raises(AttributeError, lambda: v.increment) == (
        "Value.increment() is a method of mpmd: this object is in a server of CPython's own")
    assert raises(NotImplementedError, m.Counter) == "Counter() needs mpmd: this manager's server is CPython's own"
    assert m.dict(a=1)["a"] == 1 and m.Lock().acquire()
    stock.shutdown()
    with mpmd.SyncManager(serializer="xmlrpclib") as m:
        assert len(m.list([1, 2])) == 2 and not hasattr(m.Value("i", 3), "increment")
        assert "CPython's own" in raises(NotImplementedError, m.Counter)


def another_server(address, keyfile):
    """One that this package did not start."""
    with open(keyfile, "rb") as f:
        m = mpmd.SyncManager(address, f.read())
    m.connect()
    use_extra_methods(m)
    use_types(m)


if __name__ == "__main__":
    if sys.argv[1] == "another_server":
        another_server(*sys.argv[2:])
    else:
        for case in sys.argv[1:]:
            globals()[case]()
    print("done")
