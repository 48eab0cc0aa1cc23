"""Classes of the program's own, a Pool in the manager, and proxies of the one's objects in the other's."""
import multiprocessing
import queue
from multiprocessing.managers import BaseProxy, SyncManager


class Accounts:
    def __init__(self, log):
        self._log = log
        self._money = {}

    def pay(self, name, amount):
        if amount < 0:
            raise ValueError("%d is no payment" % amount)
        self._money[name] = self._money.get(name, 0) + amount
        self._log.append((name, amount))
        return self._money[name]

    def all(self):
        return sorted(self._money.items())


class AccountsProxy(BaseProxy):
    _exposed_ = ("pay", "all")

    def pay(self, name, amount):
        return self._callmethod("pay", (name, amount))

    def all(self):
        return self._callmethod("all")


class Payment:
    """Has an order of its own."""

    def __init__(self, day, amount):
        self.day = day
        self.amount = amount

    def __lt__(self, other):
        return self.day < other.day

    def __str__(self):
        return "%d: %d" % (self.day, self.amount)


class Bank(SyncManager):
    pass


Bank.register("Accounts", Accounts, AccountsProxy)
Bank.register("PriorityQueue", queue.PriorityQueue)


def work(accounts, name):
    for amount in (1, 2, 3):
        accounts.pay(name, amount)


def twice(n):
    return 2 * n


class Told:
    """What a Barrier calls, in the server."""

    def __init__(self, text):
        self.text = text

    def __call__(self):
        print(self.text, flush=True)


def main():
    manager = Bank()
    manager.start()
    with manager:
        log = manager.list()
        accounts = manager.Accounts(log)
        workers = [multiprocessing.Process(target=work, args=(accounts, name)) for name in ("Ada", "Bob")]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print(accounts.all(), isinstance(accounts, AccountsProxy))
        print(sorted(log), len(log))
        kept = manager.dict(accounts=accounts)
        print(kept["accounts"].pay("Ada", 4))
        try:
            accounts.pay("Bob", -1)
        except ValueError as e:
            print("ValueError:", e)
        for keep in (manager.dict(), manager.list([None]), manager.Queue()):  # nobody else has a proxy of it
            if hasattr(keep, "put"):
                keep.put(manager.Accounts(log))
                again = keep.get()
            else:
                keep[0] = manager.Accounts(log)
                again = keep[0]
            print(again.pay("Eve", 5))
        made = manager.list([[manager.Accounts(log)]])
        print(made[0][0].all())
        del keep, made, again
        pool = manager.Pool(2)
        print(pool.map(twice, range(5)))
        pool.close()
        pool.join()
        before = manager._number_of_objects()
        del pool
        print("objects", before - manager._number_of_objects())
        barrier = manager.Barrier(1, Told("an action"))
        print(barrier.wait(), barrier.parties)
        words = manager.list(["three", "a", "of", "list"])
        words.sort(key=len, reverse=True)
        print(words[:])
        payments = manager.list([Payment(3, 1), Payment(1, 2), Payment(3, 3), Payment(2, 4)])
        payments.sort()
        print(*payments)
        payments.sort(reverse=True)
        print(*payments)
        try:
            manager.list([Payment(1, 1), "a"]).sort()
        except (TypeError, AttributeError) as e:
            print(type(e).__name__)
        due = manager.PriorityQueue()
        for payment in payments:
            due.put(payment)
        print([due.get().day for _ in range(due.qsize())])


if __name__ == "__main__":
    main()
