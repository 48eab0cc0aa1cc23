# An RLock: its owner enters again, others stay out until it has left as often, and only the owner may release it.
from __future__ import print_function
import common

WORKERS, TIMES = 5, 4


def nested(lock, ns, depth):
    with lock:
        if depth:
            return nested(lock, ns, depth - 1)
        ns.inside = ns.inside + 1
        assert ns.inside == 1, "%d inside" % ns.inside
        ns.entered = ns.entered + 1
        ns.inside = ns.inside - 1


def work(lock, ns):
    for n in range(TIMES):
        nested(lock, ns, n)


def stranger(lock, ns):
    ns.got = lock.acquire(False)
    ns.text = common.raises(RuntimeError, lock.release)


def taker(lock, ns):
    ns.got = lock.acquire(False)
    lock.release()


def main():
    manager = common.connect()
    lock = manager.RLock()
    ns = manager.Namespace(inside=0, entered=0)
    common.finish([common.start(work, lock, ns) for _ in range(WORKERS)])
    assert ns.entered == WORKERS * TIMES, ns.entered
    print("never two inside, %d times, up to %d deep" % (ns.entered, TIMES))

    for _ in range(3):
        assert lock.acquire() == True           # noqa: E712  2.7 says 1 on re-entry
    for held in (3, 2, 1):
        common.finish([common.start(stranger, lock, ns)])
        assert not ns.got, "a stranger entered with %d levels held" % held
        assert ns.text == "cannot release un-acquired lock", ns.text
        lock.release()
    common.finish([common.start(taker, lock, ns)])
    assert ns.got, "still closed after the last release"
    assert common.raises(RuntimeError, lock.release) == "cannot release un-acquired lock"
    print("left as often as entered, then free")


if __name__ == "__main__":
    main()
