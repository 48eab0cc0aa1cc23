# A Condition: a producer and consumers, wait_for, and waiting with all levels of the lock given up.
from __future__ import print_function
import sys
import common

ITEMS, CONSUMERS = 12, 3
STOP = "stop"


def consume(ready, ns, number):
    taken = []
    while True:
        with ready:
            while not ns.items:
                ready.wait()
            items = ns.items
            item = items.pop(0)
            ns.items = items
            if item == STOP:
                setattr(ns, "taken_%d" % number, taken)
                return
        taken.append(item)


def produce(ready, ns):
    for item in list(range(ITEMS)) + [STOP] * CONSUMERS:
        with ready:
            ns.items = ns.items + [item]
            ready.notify()


def counted(step, ns, number):
    """Workers take turns: number n goes after n steps."""
    with step:
        if sys.version_info[0] == 2:
            while ns.step != number:
                step.wait()
        else:
            assert step.wait_for(lambda: ns.step == number) is True
        ns.order = ns.order + [number]
        ns.step = number + 1
        step.notify_all()


def wake(condition, ns):
    with condition:
        ns.woken = True
        condition.notify()


def producer_and_consumers(ready, ns):
    ns.items = []
    workers = [common.start(consume, ready, ns, number) for number in range(CONSUMERS)]
    workers.append(common.start(produce, ready, ns))
    common.finish(workers)
    taken = [getattr(ns, "taken_%d" % number) for number in range(CONSUMERS)]
    assert sorted(sum(taken, [])) == list(range(ITEMS)), taken
    for items in taken:
        assert items == sorted(items), "out of order: %s" % items
    print("every item taken once:", taken)


def main():
    manager = common.connect()
    condition = manager.Condition()
    ns = manager.Namespace()
    producer_and_consumers(condition, ns)

    ns.step, ns.order = 0, []
    common.finish([common.start(counted, condition, ns, number) for number in (3, 1, 4, 0, 2)])
    assert ns.order == [0, 1, 2, 3, 4], ns.order
    print("everybody in turn")

    # The default lock is an RLock: wait() gives up all its levels and takes them again.
    ns.woken = False
    with condition:
        with condition:
            waker = common.start(wake, condition, ns)
            while not ns.woken:
                answer = condition.wait()
                assert answer is (None if common.PY2 else True), answer
        common.finish([waker])
    assert common.raises(RuntimeError, condition.wait) == "cannot wait on un-acquired lock"
    assert common.raises(RuntimeError, condition.notify) == "cannot notify on un-acquired lock"
    assert common.raises(RuntimeError, condition.notify_all) == "cannot notify on un-acquired lock"
    common.raises(RuntimeError, condition.release)
    with condition:
        assert not condition.wait(0.001)
        assert not condition.wait(0)
        condition.notify()                      # nobody waits: nothing happens
        if not common.PY2:
            assert condition.wait_for(lambda: False, 0.01) is False
        if sys.version_info >= (3, 7):
            condition.notify(2)
    print("woken with its levels, misused, waited for in vain")


if __name__ == "__main__":
    main()
