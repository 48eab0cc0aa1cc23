"""A program that uses a cousin of multiprocessing: cousin.py multiprocess|billiard [START METHOD]. What only dill pickles,
functions, it sends with multiprocess."""
import importlib
import sys


class Adder:
    def __init__(self, n):
        self.n = n

    def add(self, x):
        return self.n + x


def work(d, items, lock, queue):
    with lock:
        d["n"] = d.get("n", 0) + 1
        items.append(d["n"])
        queue.put((min, d["n"]))


def square(x):
    return x * x


def main():
    cousin = importlib.import_module(sys.argv[1])
    managers = importlib.import_module(sys.argv[1] + ".managers")
    has_dill = sys.argv[1] == "multiprocess"
    context = cousin.get_context(sys.argv[2] if len(sys.argv) > 2 else "fork")
    with context.Manager() as m:
        d, items, lock, queue = m.dict(a=[1]), m.list(), m.Lock(), m.Queue()
        workers = [context.Process(target=work, args=(d, items, lock, queue)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        items.sort()
        print([worker.exitcode for worker in workers], d.copy(), items[:], items[1:], str(items))
        print([queue.get()[0](7, 5) for _ in range(3)], queue.empty())
        print(m.list(range(3))[:], list(m.list({1: 2}.items())) if has_dill else "", m.Array("i", range(4))[1:3])
        event, value, names = m.Event(), m.Value("i", 3), m.Namespace(a=1)
        event.set()
        value.value += 1
        names.b = square
        print(event.wait(), value.value, names.a, names.b(3))
        try:
            d["nothing"]
        except KeyError as e:
            print(repr(e))
        pool = m.Pool(2)
        print(pool.map(square, range(4)))
        pool.terminate()
        if has_dill:
            nested = m.list([d, items])
            print(nested[0]["n"], len(nested[1]), sorted(d))
            queue.put(lambda x: x + d["n"])
            print(queue.get()(10))

    class Manager(managers.SyncManager):
        pass

    Manager.register("Adder", Adder)
    m = Manager(ctx=context)
    m.start()
    print(m.Adder(3).add(4), m.dict(x=1).copy())
    m.shutdown()


if __name__ == "__main__":
    main()
