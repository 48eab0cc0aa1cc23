# Named objects of the server: a program that only knows their names shares them with others that do.
# The server was started with get_lock=Lock, get_seats=Semaphore(2), get_board=Namespace(entered=0).
from __future__ import print_function
import multiprocessing
from multiprocessing.managers import BaseManager, NamespaceProxy
import common


class Names(BaseManager):
    pass


Names.register("get_lock")
Names.register("get_seats")
Names.register("get_board", proxytype=NamespaceProxy)


def work(address, key):
    # As a program of its own would: nothing is inherited but the address and the key.
    manager = Names(address=address, authkey=key)
    manager.connect()
    lock, board = manager.get_lock(), manager.get_board()
    for _ in range(5):
        lock.acquire()
        board.entered = board.entered + 1
        lock.release()


def main():
    manager = common.connect(Names)
    lock, again = manager.get_lock(), manager.get_lock()
    board = manager.get_board()
    assert lock.acquire() is True
    assert again.acquire(False) is False, "two objects of one name"
    lock.release()
    before = board.entered
    workers = [common.start(work, common.options.address, common.options.key) for _ in range(4)]
    common.finish(workers)
    assert board.entered == before + 20, board.entered
    seats = manager.get_seats()
    assert [seats.acquire(False) for _ in range(3)] == [True, True, False]
    seats.release()
    # It outlives its proxies.
    board.note = "kept"
    del seats, board, again
    seats, board = manager.get_seats(), manager.get_board()
    assert board.note == "kept"
    assert seats.acquire(False) is True and seats.acquire(False) is False
    seats.release()
    seats.release()
    try:
        Names.register("get_nothing")
        manager.get_nothing()
    except multiprocessing.managers.RemoteError as e:
        assert "get_nothing" in str(e), e
    else:
        raise AssertionError("a name that is not registered was served")
    print("found by name, shared, kept")


if __name__ == "__main__":
    main()
