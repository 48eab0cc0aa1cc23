# Counts up under a lock, both known by name only: run by several Python versions at once.
# The server was started with get_lock=Lock, get_board=Namespace(entered=0).
from __future__ import print_function
import sys
from multiprocessing.managers import BaseManager, NamespaceProxy
import common

TIMES = 30


class Names(BaseManager):
    pass


Names.register("get_lock")
Names.register("get_board", proxytype=NamespaceProxy)


def main():
    manager = common.connect(Names)
    lock, board = manager.get_lock(), manager.get_board()
    for _ in range(TIMES):
        lock.acquire()
        entered = board.entered
        board.last = "%d.%d" % sys.version_info[:2]
        board.entered = entered + 1
        lock.release()
    print("counted %d times, last was" % TIMES, board.last)


if __name__ == "__main__":
    main()
