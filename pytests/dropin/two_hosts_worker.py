"""A worker on another host than the server, of any CPython: two_hosts_worker.py HOST."""
import sys
from multiprocessing.managers import BaseManager


class QueueManager(BaseManager):
    pass


QueueManager.register("get_tasks")
QueueManager.register("get_results")


def main():
    manager = QueueManager(address=(sys.argv[1], 50000), authkey=b"known to all of us")
    manager.connect()
    tasks, results = manager.get_tasks(), manager.get_results()
    results.put("here")
    while True:
        n = tasks.get()
        if n is None:
            break
        results.put((n, n * n))
        tasks.task_done()
    results.put("done")


if __name__ == "__main__":
    main()
