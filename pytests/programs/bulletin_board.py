# A Namespace as a bulletin board: five pool workers run for as long as it says so. What is read from it is a copy.
from __future__ import print_function
import common


def work(board, number):
    rounds = 0
    while board.is_running:
        rounds += 1
        setattr(board, "round_%d" % number, rounds)
    return number, rounds


def main():
    manager = common.connect()
    board = manager.Namespace(is_running=True)
    for number in range(5):
        setattr(board, "round_%d" % number, 0)
    pool = common.pool(5)
    results = [pool.apply_async(work, (board, number)) for number in range(5)]
    while not all(getattr(board, "round_%d" % number) >= 2 for number in range(5)):
        assert not any(r.ready() for r in results), "a worker ended by itself"
    board.is_running = False
    ended = sorted(r.get() for r in results)
    pool.close()
    pool.join()
    assert [number for number, rounds in ended] == list(range(5)), ended
    for number, rounds in ended:
        assert getattr(board, "round_%d" % number) == rounds
    print("all five ended after rounds", [rounds for number, rounds in ended])

    board.names = ["a"]
    board.names.append("b")
    assert board.names == ["a"], "a change to the copy was seen: %r" % board.names
    board.names = board.names + ["b"]
    assert board.names == ["a", "b"], "a rebinding was not seen: %r" % board.names
    inner = {"deep": [1, {"deeper": (2,)}]}
    board.names = inner
    inner["deep"].append("later")
    assert board.names == {"deep": [1, {"deeper": (2,)}]}
    print("a list in a Namespace is a copy; a rebinding is seen")


if __name__ == "__main__":
    main()
