"""Functions that look as if they returned a standard object that is there already, and do more; or the object does."""
import multiprocessing
import os
import queue
import shutil
import tempfile
import threading
from multiprocessing.managers import BaseManager, ListProxy

KEY = b"known to all of us"
q = queue.Queue()
made = []
held = threading.Lock()
waited = threading.Condition()


def counted():
    made.append("again")
    return made


class Holder:
    def __init__(self):
        self.q = queue.Queue()
        self.q.put("in an attribute")

    def get(self):
        return self.q


class Loud(queue.Queue):
    def put(self, item, *args, **kwds):
        super().put("%s!" % item, *args, **kwds)


class Feeder:
    """Uses an object that others ask for by name, in the same process."""

    def feed(self, item):
        q.put(item)


def fill(items):
    for item in items:
        q.put(item)


class Own:
    def get(self):
        return "an object of the program's own"


def get_made():
    return made


class Spawned(BaseManager):
    pass


Spawned.register("counted", callable=counted, proxytype=ListProxy)
Spawned.register("get_made", callable=get_made, proxytype=ListProxy)


def manager_of(address, **functions):
    class Mine(BaseManager):
        pass
    for name, function in functions.items():
        Mine.register(name, callable=function, proxytype=ListProxy if function is counted else None)
    return Mine(address=address, authkey=KEY)


def started(**functions):
    """At an address that others know: it has one server."""
    manager = manager_of(os.path.join(tempfile.mkdtemp(dir=folder), "socket"), **functions)
    manager.start()
    return manager


def main():
    global folder
    folder = tempfile.mkdtemp()
    try:
        look()
    finally:
        shutil.rmtree(folder)


def look():
    holder, loud, own, patched, twice = Holder(), Loud(), Own(), queue.Queue(), queue.Queue()
    with started(get=counted) as manager:
        manager.get()
        print("called", manager.get()[:])
    with started(get=lambda: holder.q) as manager:
        print(manager.get().get())
    with started(get=holder.get) as manager:
        print(manager.get().get())
    with started(get=lambda: loud) as manager:
        manager.get().put("loud")
        print(manager.get().get())
    with started(get=lambda: own) as manager:
        print(manager.get().get())
    with started(get=lambda n=2: list(range(n))) as manager:
        print(manager.get().pop(), manager.get(5).pop())
    with started(get=lambda: q if q else None) as manager:
        print("empty", manager.get().empty())
    with started(get=lambda: q, feeder=Feeder) as manager:
        manager.feeder().feed("food")
        print(manager.get().get())
    for address in (os.path.join(folder, "socket"), None):
        manager = manager_of(address, get=lambda: q)
        manager.start(fill, ([1, 2],))
        print("filled", manager.get().get(), manager.get().get())
        manager.shutdown()
    held.acquire()
    with started(get=lambda: held) as manager:
        print("held", manager.get().acquire(False))
    held.release()
    patched.put = lambda item: queue.Queue.put(patched, [item])
    with started(get=lambda: patched) as manager:
        manager.get().put("patched")
        print(manager.get().get())
    put = queue.Queue.put
    queue.Queue.put = lambda self, item: put(self, "%s, by a patched class" % item)
    with started(get=lambda: twice) as manager:
        manager.get().put("put")
        print(manager.get().get())
    queue.Queue.put = put
    inner = [1]
    outer = [inner, 2]
    with started(get=lambda: outer, get_inner=lambda: inner) as manager:
        manager.get_inner().append(3)
        print(manager.get().pop(0))
    unpicklable = [lambda: None, 5]
    with started(get=lambda: unpicklable) as manager:
        print(manager.get().pop())
    with started(get=lambda: waited) as manager:
        condition = manager.get()
        print("acquired", condition.acquire(), condition.release())
    spawn = multiprocessing.get_context("spawn")

    made.append("only in this process")
    with Spawned(authkey=KEY, ctx=spawn) as manager:
        print(manager.get_made()[:], manager.counted()[:])


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # no other takes a lambda along
    main()
