# A Condition on a Lock that the program has, too: the two are one lock.
from __future__ import print_function
import common
import condition as program


def main():
    manager = common.connect()
    lock = manager.Lock()
    condition = manager.Condition(lock)
    ns = manager.Namespace()
    with lock:
        assert condition.acquire(False) is False
    with condition:
        assert lock.acquire(False) is False
    print("one lock under two names")
    program.producer_and_consumers(condition, ns)


if __name__ == "__main__":
    main()
