# Programs of several versions share a queue, a dict, a list, a lock and a Value: `make` fills them, `use` works with what
# it finds and leaves it as it was but for a count, `check N` finds the work of N users. The server was started with
# get_queue=Queue(3), get_dict=dict, get_list=list, get_lock=Lock, get_value=Value('i', 0).
from __future__ import print_function
import sys
import threading
from multiprocessing.managers import AcquirerProxy, BaseManager, DictProxy, ListProxy, ValueProxy
import common

try:
    from queue import Empty, Full
except ImportError:
    from Queue import Empty, Full

ITEM = (u"text \u00e9", 1, -2.5, None, True, 10 ** 30, (u"in", [u"side"]), {u"key": 1})
REFUSED = threading.ThreadError if common.PY2 else RuntimeError


class Names(BaseManager):
    pass


Names.register("get_queue")
Names.register("get_dict", proxytype=DictProxy)
Names.register("get_list", proxytype=ListProxy)
Names.register("get_lock", proxytype=AcquirerProxy)
Names.register("get_value", proxytype=ValueProxy)


def make(queue, d, items, lock, value):
    queue.put(ITEM)
    d[u"item"] = ITEM
    d.update({u"b": 2, u"a": 1})
    items.extend([3, 1, 2])
    value.value = 0
    assert lock.acquire() is True
    lock.release()


def use(queue, d, items, lock, value):
    assert queue.get() == ITEM and queue.empty()
    common.raises(Empty, queue.get, False)
    common.raises(Empty, queue.get, True, 0.01)
    for i in range(3):
        queue.put(i)
    common.raises(Full, queue.put, 4, False)
    assert [queue.get() for _ in range(3)] == [0, 1, 2]
    queue.put(ITEM)

    assert d[u"item"] == ITEM and len(d) == 3 and u"a" in d
    assert sorted(d.keys()) == [u"a", u"b", u"item"]
    common.raises(KeyError, d.__getitem__, u"missing")
    assert d.setdefault(u"mine", []) == [] and d.pop(u"mine") == []
    assert d.get(u"mine") is None and d.copy() == {u"item": ITEM, u"a": 1, u"b": 2}

    assert items[:] == [3, 1, 2] and items[1:] == [1, 2] and items[-1] == 2
    items.sort()
    assert items[:] == [1, 2, 3]
    common.raises(IndexError, items.__getitem__, 99)
    common.raises(ValueError, items.index, 99)
    items.append(u"mine")
    assert items.pop() == u"mine" and items.count(3) == 1
    items[:] = [3, 1, 2]

    assert lock.acquire() is True and not lock.acquire(False)
    value.value += 1
    lock.release()
    common.raises(REFUSED, lock.release)


def main():
    arguments = sys.argv[1 + sys.argv.index("--"):]
    del sys.argv[sys.argv.index("--"):]
    manager = common.connect(Names)
    objects = [manager.get_queue(), manager.get_dict(), manager.get_list(), manager.get_lock(), manager.get_value()]
    if arguments[0] == "check":
        assert objects[4].value == int(arguments[1]), objects[4].value
        assert objects[0].qsize() == 1 and objects[0].get() == ITEM
    else:
        {"make": make, "use": use}[arguments[0]](*objects)


if __name__ == "__main__":
    main()
