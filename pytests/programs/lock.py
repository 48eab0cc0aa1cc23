# Ten workers share a lock and hold it a short random while: never are two inside.
from __future__ import print_function
import random
import time
import common

WORKERS, TIMES = 10, 4


def work(lock, ns):
    for _ in range(TIMES):
        lock.acquire()
        try:
            ns.inside = ns.inside + 1
            assert ns.inside == 1, "%d inside" % ns.inside
            time.sleep(random.random() / 500)
            assert ns.inside == 1, "%d inside" % ns.inside
            ns.inside = ns.inside - 1
            ns.entered = ns.entered + 1
        finally:
            lock.release()


def work_with(lock, ns):
    for _ in range(TIMES):
        with lock:
            ns.entered = ns.entered + 1


def hand_over(lock, ns):
    ns.released_by = "another"
    lock.release()


def main():
    manager = common.connect()
    lock = manager.Lock()
    ns = manager.Namespace(inside=0, entered=0)
    common.finish([common.start(work, lock, ns) for _ in range(WORKERS)])
    assert ns.entered == WORKERS * TIMES, ns.entered
    work_with(lock, ns)
    assert ns.entered == (WORKERS + 1) * TIMES, ns.entered
    print("never two inside, %d times" % ns.entered)

    assert lock.acquire() is True
    assert lock.acquire(False) is False
    # A Lock may be released by somebody else.
    common.finish([common.start(hand_over, lock, ns)])
    assert ns.released_by == "another"
    assert lock.acquire(False) is True
    lock.release()
    common.raises(Exception if common.PY2 else RuntimeError, lock.release)
    if not common.PY2:
        with lock:
            assert lock.acquire(True, 0.001) is False
            assert lock.acquire(timeout=0) is False
        assert lock.acquire(timeout=100) is True
        lock.release()
        assert "timeout" in common.raises(ValueError, lock.acquire, False, 1)
        common.raises(ValueError, lock.acquire, True, -2)
        common.raises(OverflowError, lock.acquire, True, 1e100)
    print("tried, released by another, released twice")


if __name__ == "__main__":
    main()
