# A Barrier: workers go through phases together; then it is broken and mended. Not in Python 2.7.
from __future__ import print_function
import threading
import common

WORKERS, PHASES = 4, 5


def work(barrier, ns, number):
    for phase in range(PHASES):
        setattr(ns, "phase_%d" % number, phase)
        index = barrier.wait()
        setattr(ns, "index_%d" % number, index)
        phases = [getattr(ns, "phase_%d" % n) for n in range(WORKERS)]
        assert phases == [phase] * WORKERS, phases
        barrier.wait()
        if index == 0:
            indices = sorted(getattr(ns, "index_%d" % n) for n in range(WORKERS))
            assert indices == list(range(WORKERS)), indices
            ns.checked = ns.checked + 1
        barrier.wait()


def wait_broken(barrier, ns, number):
    common.raises(threading.BrokenBarrierError, barrier.wait)
    setattr(ns, "broken_%d" % number, True)


def main():
    manager = common.connect()
    barrier = manager.Barrier(WORKERS)
    ns = manager.Namespace(checked=0)
    common.finish([common.start(work, barrier, ns, number) for number in range(WORKERS)])
    assert ns.checked == PHASES, ns.checked
    print("%d workers went through %d phases together" % (WORKERS, PHASES))

    assert (barrier.parties, barrier.n_waiting, barrier.broken) == (WORKERS, 0, False)
    waiting = [common.start(wait_broken, barrier, ns, number) for number in range(2)]
    while barrier.n_waiting < 2:
        pass
    barrier.abort()
    common.finish(waiting)
    assert ns.broken_0 and ns.broken_1 and barrier.broken is True
    common.raises(threading.BrokenBarrierError, barrier.wait)
    barrier.reset()
    assert barrier.broken is False
    common.raises(threading.BrokenBarrierError, barrier.wait, 0.001)     # a time-out breaks it
    assert barrier.broken is True
    barrier.reset()
    waiting = [common.start(wait_broken, barrier, ns, number) for number in range(2)]
    while barrier.n_waiting < 2:
        pass
    barrier.reset()                             # those who wait are told, the barrier is whole again
    common.finish(waiting)
    assert barrier.broken is False and barrier.n_waiting == 0
    assert manager.Barrier(1).wait() == 0
    print("broken by abort, by time and by reset")


if __name__ == "__main__":
    main()
