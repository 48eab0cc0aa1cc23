"""Managed objects on all the ways into workers: partial(), initargs, instances, a dataclass, a process of its own."""
import concurrent.futures
import functools
import logging
import logging.handlers
import multiprocessing
from multiprocessing.managers import BaseProxy, SyncManager

shared = {}


class Cache:
    """Holds its manager, which stays behind when the cache goes to a worker."""

    def __init__(self, manager):
        self.manager = manager
        self.found = manager.dict()
        self.guard = manager.RLock()

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "manager"}

    def square(self, n):
        with self.guard:
            if n not in self.found:
                self.found[n] = n * n
        return self.found[n]


class Record:
    """What a dataclass of shared fields is, from CPython 3.6 on."""

    def __init__(self, totals, done):
        self.totals, self.done = totals, done

    def __eq__(self, other):
        return vars(self) == vars(other)


class Inventory:
    def __init__(self):
        self._stock = {}

    def add(self, name, n=1):
        self._stock[name] = self._stock.get(name, 0) + n
        return self._stock[name]

    def list(self):
        return sorted(self._stock.items())


class Shop(SyncManager):
    pass


class InventoryProxy(BaseProxy):
    """Before CPython 3.9 a server cannot read the proxies that it makes up itself."""
    _exposed_ = ("add", "list")

    def add(self, *args):
        return self._callmethod("add", args)

    def list(self):
        return self._callmethod("list")


Shop.register("Inventory", Inventory, InventoryProxy)


def begin(lock, counts):
    shared.update(lock=lock, counts=counts)


def count(word):
    with shared["lock"]:
        shared["counts"][word] = shared["counts"].get(word, 0) + 1
    return len(word)


def step(queue, scale, n):
    queue.put(n)
    return scale * n


def log(queue, n):
    logger = logging.getLogger("pipeline")
    logger.handlers = [logging.handlers.QueueHandler(queue)]
    logger.warning("worker %d", n)
    queue.put(None)


def listen(queue, n, lines):
    while n:
        record = queue.get()
        if record is None:
            n -= 1
        else:
            lines.append(record.getMessage())


def note(record, n):
    record.totals[n] = sum(range(n))
    record.done.set()


def main():
    with multiprocessing.Manager() as manager:
        queue = manager.Queue()
        with multiprocessing.Pool(2) as pool:
            print(list(pool.imap(functools.partial(step, queue, 10), range(6), chunksize=2)))
            print(sorted(queue.get() for _ in range(6)), queue.empty())
            cache = Cache(manager)
            print(pool.map(cache.square, [2, 3, 2, 4]), sorted(cache.found.items()))
        counts = manager.dict()
        with concurrent.futures.ProcessPoolExecutor(2) as executor:
            print(list(executor.map(str.upper, "ab")))
        with multiprocessing.Pool(2, begin, (manager.Lock(), counts)) as pool:
            print(sorted(pool.map(count, ["to", "be", "or", "not", "to", "be"])), sorted(counts.items()))
        lines = manager.list()
        processes = [multiprocessing.Process(target=log, args=(queue, n)) for n in range(3)]
        processes.append(multiprocessing.Process(target=listen, args=(queue, 3, lines)))
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print(sorted(lines), [process.exitcode for process in processes])
        record = Record(manager.dict(), manager.Event())
        workers = [multiprocessing.Process(target=note, args=(record, n), daemon=True) for n in (3, 5)]
        for worker in workers:
            worker.start()
        print(record.done.wait())
        for worker in workers:
            worker.join()
        print(sorted(record.totals.items()))
        try:
            manager.Queue(1).get(timeout=0.01)
        except Exception as e:
            print(type(e).__module__.lstrip("_"), type(e).__name__)
    manager = Shop()
    manager.start()
    inventory = manager.Inventory()
    pool = manager.Pool(2)
    print(sorted(pool.starmap(inventory.add, [("nails", 2), ("nails", 2), ("glue",)])), inventory.list())
    print(manager.list([inventory])[0].list())
    manager.shutdown()


if __name__ == "__main__":
    main()
