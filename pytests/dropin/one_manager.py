"""What a program learns of a manager as a whole, though its objects be in two servers: the list of objects, an authkey of
its own, proxies that methods return, the end."""
import multiprocessing
import re
import sys
from multiprocessing.managers import BaseProxy, SyncManager


class Shelf:
    def __init__(self):
        self._boxes = {}

    def box(self, name):
        return self._boxes.setdefault(name, [])

    def sizes(self):
        return sorted((name, len(box)) for name, box in self._boxes.items())


class ShelfProxy(BaseProxy):
    _exposed_ = ("box", "sizes")
    _method_to_typeid_ = {"box": "list"}

    def box(self, name):
        return self._callmethod("box", (name,))

    def sizes(self):
        return self._callmethod("sizes")


class Store(SyncManager):
    pass


Store.register("Shelf", Shelf, ShelfProxy)


def fill(box, shelf):
    box.extend("abc")
    box.append(shelf.sizes())


def main():
    multiprocessing.current_process().authkey = b"a key of this program"
    more = {"shutdown_timeout": 5} if sys.version_info >= (3, 11) else {}
    manager = Store(**more)
    manager.start()
    numbers = manager.list([1, 2])
    shelf = manager.Shelf()
    mine = shelf.box("mine")
    print(type(mine).__name__, mine is not shelf.box("mine"), isinstance(shelf, ShelfProxy))
    child = multiprocessing.Process(target=fill, args=(mine, shelf))
    child.start()
    child.join()
    print(child.exitcode, mine[:], shelf.sizes())
    print(manager._number_of_objects())
    told = re.findall(r"refcount=(\d+)\n +(\S.{0,8})", manager._debug_info())
    print(sorted((int(n), re.sub("0x.*", "", text)) for n, text in told))
    del mine
    print(manager._number_of_objects())
    del shelf
    print(manager._number_of_objects(), numbers[:])
    process = manager._process
    manager.shutdown()
    process.join()
    print(process.is_alive(), process.exitcode)
    try:
        numbers.append(1)
    except (OSError, EOFError) as e:
        print(isinstance(e, (ConnectionError, FileNotFoundError, EOFError)))
    try:
        manager.list()
    except AssertionError as e:
        print(e)


if __name__ == "__main__":
    main()
