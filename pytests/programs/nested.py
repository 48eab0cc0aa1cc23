# Proxies inside values: who stores one may drop his own; who reads it, here or in another process, gets one that works.
from __future__ import print_function
import gc
import common


def use(ns):
    """A worker finds all that it needs in the Namespace."""
    with ns.shared["lock"]:
        ns.board.n = ns.board.n + 1
    ns.shared["events"][0].set()


def main():
    manager = common.connect()
    ns = manager.Namespace(board=manager.Namespace(n=0))
    # long enough to be stored as it came
    filler = ["item %d" % i for i in range(500)]
    ns.shared = {"lock": manager.Lock(), "filler": filler, "events": [manager.Event(), manager.Event()], "same": filler}
    gc.collect()
    workers = [common.start(use, ns) for _ in range(5)]
    common.finish(workers)
    assert ns.board.n == 5, ns.board.n
    shared = ns.shared
    assert shared["filler"] == filler and shared["same"] is shared["filler"]
    events = shared["events"]
    assert [e.is_set() for e in events] == [True, False]

    # A reader has what it read, whatever becomes of the value.
    lock = ns.shared["lock"]
    ns.shared = None
    assert lock.acquire(False)
    lock.release()
    events[1].set()
    assert events[1].is_set()
    del lock, events, shared


if __name__ == "__main__":
    main()
