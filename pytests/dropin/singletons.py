"""Managers whose registered functions return objects that are there already; others find them by name."""
import multiprocessing
import os
import queue
import tempfile
import threading
from multiprocessing import managers
from multiprocessing.managers import BaseManager, SyncManager

KEY = b"known to all of us"
jobs = queue.Queue(maxsize=3)
names = ["Ada", "Bob"]
ages = {"Ada": 36}


class Serving(BaseManager):
    pass


class Using(BaseManager):
    pass


def get_names():
    """The one list."""
    global names
    return names


Serving.register("get_names", callable=get_names, proxytype=managers.ListProxy)
for name, proxytype in (("get_jobs", None), ("get_names", managers.ListProxy), ("get_ages", managers.DictProxy),
                        ("is_over", managers.EventProxy), ("get_lock", None), ("get_same", None), ("make_queue", None)):
    Using.register(name, proxytype=proxytype)


def work(address, sums):
    manager = Using(address=address, authkey=KEY)
    manager.connect()
    mine, lock, over = manager.get_jobs(), manager.get_lock(), manager.is_over()
    while True:
        name = mine.get()
        if name is None:
            break
        lock.acquire()
        ages = manager.get_ages()
        ages[name] = ages.get(name, 0) + 1
        lock.release()
        mine.task_done()
    over.wait()
    sums.put(sum(len(name) for name in manager.get_names()[:]))


def serve():
    over, lock, same = threading.Event(), threading.Lock(), jobs
    Serving.register("get_jobs", callable=lambda: jobs)
    Serving.register("get_ages", callable=lambda: ages, proxytype=managers.DictProxy)
    Serving.register("is_over", callable=lambda: over, proxytype=managers.EventProxy)
    Serving.register("get_lock", callable=lambda lock=lock: lock)
    Serving.register("get_same", lambda: same, exposed=("qsize", "full"))
    Serving.register("make_queue", queue.Queue)
    jobs.put("Bob")
    folder = tempfile.mkdtemp()
    manager = Serving(address=os.path.join(folder, "socket"), authkey=KEY)
    manager.start()
    jobs.put("not in the manager's copy")
    names.append("neither")
    sums = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(manager.address, sums)) for _ in range(2)]
    for worker in workers:
        worker.start()
    mine = manager.get_jobs()
    for name in ["Ada"] * 5 + [None] * 2:
        mine.put(name)
    over = manager.is_over()
    print("over", over.is_set())
    manager.get_names().append("Cy")
    over.set()
    print(sums.get(), sums.get())
    for worker in workers:
        worker.join()
    print(sorted(manager.get_ages().items()), len(manager.get_names()))
    print(mine.qsize(), mine.empty(), mine.full())
    for n in range(3):
        mine.put(n)
    try:
        mine.put(3, block=False)
    except queue.Full:
        print("full")
    del mine, over
    print("objects", manager._number_of_objects())
    print("kept", manager.get_same().qsize(), [manager.get_jobs().get() for _ in range(3)])
    first, second = manager.get_jobs(), manager.get_jobs()
    print("one object", first._id == second._id == manager.get_same()._id, manager._number_of_objects())
    print([name for name in dir(manager.get_same()) if not name.startswith("_")])
    try:
        manager.get_jobs(1)
    except Exception as e:
        print(type(e).__name__)
    made = manager.make_queue(1)
    made.put(1)
    print(made.full(), manager.make_queue().empty())
    far = Using(address=manager.address, authkey=KEY)
    far.connect()
    made = far.make_queue(1)
    made.put(1)
    print(made.full(), far.make_queue().empty(), far.get_names()[:])
    manager.shutdown()
    os.rmdir(folder)


class Sharing(SyncManager):
    pass


def share():
    """Without an address that others know, and with the usual types beside."""
    state, stack, gate = managers.Namespace(x=1, y="why"), queue.LifoQueue(), threading.Semaphore(2)
    stack.put(1)
    stack.put(2)
    Sharing.register("state", callable=lambda: state, proxytype=managers.NamespaceProxy)
    Sharing.register("stack", callable=lambda: stack)
    Sharing.register("gate", callable=lambda: gate, proxytype=managers.AcquirerProxy)
    with Sharing() as manager:
        one, two = manager.state(), manager.state()
        one.x += 1
        print(two.x, two.y, str(two))
        print(manager.stack().get(), manager.stack().get())
        kept = manager.list([manager.gate()])
        gates = kept[0], manager.gate()
        print([g.acquire(False) for g in gates], gates[0].acquire(False))
        names = manager.list(get_names())
        print(names)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # no other takes a lambda along
    serve()
    share()
