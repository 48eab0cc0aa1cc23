"""A server of two queues that workers on other hosts ask for by name; it gives out the jobs itself: two_hosts.py N."""
import queue
import sys
from multiprocessing.managers import BaseManager

PORT = 50000
tasks = queue.Queue()
results = queue.Queue()


class QueueManager(BaseManager):
    pass


def main():
    n_workers = int(sys.argv[1])
    QueueManager.register("get_tasks", callable=get_tasks)
    QueueManager.register("get_results", callable=get_results)
    manager = QueueManager(address=("", PORT), authkey=b"known to all of us")
    manager.start()
    print("ready", flush=True)
    jobs, answers = manager.get_tasks(), manager.get_results()
    print(sorted(answers.get() for _ in range(n_workers)))  # they are there
    for n in range(20):
        jobs.put(n)
    print(sorted(answers.get() for _ in range(20)))
    jobs.join()
    for _ in range(n_workers):
        jobs.put(None)
    print([answers.get() for _ in range(n_workers)])
    print("left", jobs.qsize(), answers.qsize())
    manager.shutdown()


def get_tasks():
    return tasks


def get_results():
    return results


if __name__ == "__main__":
    main()
