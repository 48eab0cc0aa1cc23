# A BoundedSemaphore(3) as the seats of a room: never four inside, and more cannot leave than came.
from __future__ import print_function
import random
import time
import common

WORKERS = 6


def visit(seats, guard, ns):
    for _ in range(3):
        with seats:
            with guard:
                ns.inside = ns.inside + 1
                assert ns.inside <= 3, "%d inside" % ns.inside
            time.sleep(random.random() / 500)
            with guard:
                ns.inside = ns.inside - 1
                ns.visits = ns.visits + 1


def main():
    manager = common.connect()
    seats = manager.BoundedSemaphore(3)
    guard = manager.Lock()
    ns = manager.Namespace(inside=0, visits=0)
    common.finish([common.start(visit, seats, guard, ns) for _ in range(WORKERS)])
    assert (ns.inside, ns.visits) == (0, 3 * WORKERS), (ns.inside, ns.visits)
    print("never four inside in %d visits" % ns.visits)

    assert common.raises(ValueError, seats.release) == "Semaphore released too many times"
    assert [seats.acquire(False) for _ in range(4)] == [True, True, True, False]
    for _ in range(3):
        seats.release()
    common.raises(ValueError, seats.release)
    assert seats.acquire(False) is True
    seats.release()
    print("one release too many is refused and changes nothing")


if __name__ == "__main__":
    main()
