# A Semaphore(2) given to a pool over ten tasks: never are three inside, and it does let two in.
from __future__ import print_function
import random
import time
import common


def task(semaphore, guard, ns, number):
    semaphore.acquire()
    try:
        with guard:
            ns.inside = ns.inside + 1
            ns.most = max(ns.most, ns.inside)
            assert ns.inside <= 2, "%d inside" % ns.inside
        time.sleep(random.random() / 200)
        with guard:
            assert ns.inside <= 2, "%d inside" % ns.inside
            ns.inside = ns.inside - 1
    finally:
        semaphore.release()
    return number * number


def unpacked(args):
    return task(*args)


def main():
    manager = common.connect()
    semaphore = manager.Semaphore(2)
    guard = manager.Lock()
    ns = manager.Namespace(inside=0, most=0)
    pool = common.pool(5)
    tasks = [(semaphore, guard, ns, number) for number in range(10)]
    results = pool.map(unpacked, tasks, 1) if common.PY2 else pool.starmap(task, tasks, 1)
    pool.close()
    pool.join()
    assert results == [number * number for number in range(10)], results
    assert ns.inside == 0 and 1 <= ns.most <= 2, (ns.inside, ns.most)
    print("never more than %d of 2 inside" % ns.most)

    assert semaphore.acquire(False) is True
    assert semaphore.acquire(False) is True
    assert semaphore.acquire(False) is False
    if not common.PY2:
        assert semaphore.acquire(True, 0.001) is False
        assert semaphore.acquire(True, -1) is False
        assert "timeout" in common.raises(ValueError, semaphore.acquire, False, 1)
    for _ in range(4):
        semaphore.release()                     # it may rise above its start
    for _ in range(4):
        assert semaphore.acquire(False) is True
    assert semaphore.acquire(False) is False
    none_free = manager.Semaphore(0)
    assert none_free.acquire(False) is False
    one = manager.Semaphore()
    assert one.acquire(False) is True and one.acquire(False) is False
    assert "semaphore initial value must be >= 0" in common.raises(Exception, manager.Semaphore, -1)
    print("counts down to nothing and up again")


if __name__ == "__main__":
    main()
