"""A manager at an address that others know, with a queue that they ask for by name."""
import multiprocessing
import queue
from multiprocessing.managers import BaseManager

KEY = b"known to all of us"
tasks = queue.Queue()
results = queue.Queue()


class Serving(BaseManager):
    pass


class Using(BaseManager):
    pass


def get_tasks():
    return tasks


def get_results():
    return results


Serving.register("get_tasks", callable=get_tasks)
Serving.register("get_results", callable=get_results)
Using.register("get_tasks")
Using.register("get_results")


def work(address):
    manager = Using(address=address, authkey=KEY)
    manager.connect()
    mine, done = manager.get_tasks(), manager.get_results()
    while True:
        n = mine.get()
        if n is None:
            return
        done.put(n * n)


def main():
    manager = Serving(address=("127.0.0.1", 0), authkey=KEY)
    manager.start()
    mine, done = manager.get_tasks(), manager.get_results()
    workers = [multiprocessing.Process(target=work, args=(manager.address,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for n in range(10):
        mine.put(n)
    for _ in workers:
        mine.put(None)
    print(sorted(done.get() for _ in range(10)))
    for worker in workers:
        worker.join()
    print("left", mine.qsize(), done.qsize())
    manager.shutdown()


if __name__ == "__main__":
    main()
