"""Who connects to a manager by its address makes there what needs Python, too; and it is reached over what the manager
listens on, whatever TMPDIR is."""
import multiprocessing
import os
import tempfile
from multiprocessing.managers import BaseProxy, SyncManager


class Counter:
    def __init__(self):
        self._n = 100

    def add(self, n):
        self._n += n
        return self._n


class CounterProxy(BaseProxy):  # an AutoProxy in a dict is an error before CPython 3.9
    _exposed_ = ("add",)

    def add(self, n):
        return self._callmethod("add", (n,))


class Serving(SyncManager):
    pass


class Using(SyncManager):
    pass


Serving.register("Counter", Counter, CounterProxy)
Serving.register("Other", Counter, CounterProxy)
Using.register("Counter", None, CounterProxy)
Using.register("Other", None, CounterProxy)


def work(address, key, kept):
    multiprocessing.current_process().authkey = key
    manager = Using(address=address, authkey=key)
    manager.connect()
    pool = manager.Pool(1)
    print("pool", pool.map(abs, [-1, -2]), flush=True)
    pool.terminate()
    counter = manager.Counter()  # that of Serving, and not mpmd's type of this name
    print("before", counter.add(3), manager.Other().add(1), flush=True)
    kept["counter"] = counter


def refuse():
    raise SystemExit(1)


def main():
    manager = SyncManager()
    try:
        manager.start(refuse)
    except EOFError:
        manager.start()
        print("started again", manager.list([1])[:])
    manager.shutdown()
    key = bytes(multiprocessing.current_process().authkey)
    with Serving() as manager:
        print("own", manager.Counter().add(1))
        kept = manager.dict()
        child = multiprocessing.Process(target=work, args=(manager.address, key, kept))
        child.start()
        child.join()
        print(child.exitcode, kept["counter"].add(1))
    with SyncManager() as manager:  # nobody has asked for a companion yet
        kept = manager.dict()
        other = SyncManager(address=manager.address, authkey=key)
        other.connect()
        pool = other.Pool(1)
        print("other", pool.map(abs, [-3]), manager.Pool(1).apply(abs, (-4,)))
        pool.terminate()
    folder = os.path.join(tempfile.mkdtemp(), "d" * 120)
    os.mkdir(folder)
    tempfile.tempdir = folder
    for address in (("127.0.0.1", 0), os.path.join(os.path.dirname(folder), "socket")):
        manager = SyncManager(address=address)
        manager.start()
        with manager:
            print("deep", manager.Pool(1).apply(abs, (-5,)))
    print(os.listdir(folder), os.listdir(os.path.dirname(folder)))
    os.rmdir(folder)
    os.rmdir(os.path.dirname(folder))


if __name__ == "__main__":
    main()
