# A stock manager server with the options that the tests give to mpmd. One source for CPython 2.7 and 3.x.
from __future__ import print_function
import argparse
import multiprocessing
import os
import sys
import threading
from multiprocessing.managers import DictProxy, ListProxy, Namespace, SyncManager, Value

try:
    from queue import Queue
except ImportError:
    from Queue import Queue

TYPES = {
    "Lock": (threading.Lock, ("acquire", "release")),
    "RLock": (threading.RLock, ("acquire", "release")),
    "Semaphore": (threading.Semaphore, ("acquire", "release")),
    "BoundedSemaphore": (threading.BoundedSemaphore, ("acquire", "release")),
    "Event": (threading.Event, ("is_set", "set", "clear", "wait")),
    "Condition": (threading.Condition, ("acquire", "release", "wait", "notify", "notify_all")),
    "Barrier": (getattr(threading, "Barrier", None), ("__getattribute__", "wait", "abort", "reset")),
    "Queue": (Queue, None),
    "dict": (dict, DictProxy._exposed_),
    "list": (list, ListProxy._exposed_),
    "Value": (Value, ("get", "set")),
    "Namespace": (Namespace, ("__getattribute__", "__setattr__", "__delattr__")),
}


class Manager(SyncManager):
    pass


def register(definition):
    name, rest = definition.split("=", 1)
    typeid, _, arguments = rest.partition("(")
    make, exposed = TYPES[typeid]
    args, kwds = eval("(lambda *a, **k: (a, k))(" + (arguments or ")"))
    instance = make(*args, **kwds)
    Manager.register(name, callable=lambda: instance, exposed=exposed)


def main():
    # It unpickles what it stores.
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs"))
    import random_calls
    random_calls.register(Manager, True)
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen")
    parser.add_argument("--authkey-file")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--register", action="append", default=[])
    options = parser.parse_args()
    for definition in options.register:
        register(definition)
    with open(options.authkey_file, "rb") as f:
        key = f.read()
    multiprocessing.current_process().authkey = key
    address = options.listen
    if ":" in address:
        host, port = address.rsplit(":", 1)
        address = (host, int(port))
    server = Manager(address=address, authkey=key).get_server()
    text = server.address if isinstance(server.address, str) else "%s:%d" % server.address
    os.write(options.ready_fd, (text + "\n").encode())
    os.close(options.ready_fd)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
