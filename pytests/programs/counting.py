# Workers count in one Value and one Counter at the same time, without a lock: nothing is lost.
# One source for CPython 2.7 and 3.x.
from multiprocessing.managers import SyncManager
import common

WORKERS, ROUNDS = 4, 100


class Manager(SyncManager):
    pass


Manager.register("Counter")


def count(value, counter):
    for i in range(ROUNDS):
        value._callmethod("increment")
        counter.increment(2**70)
        counter.decrement(n=2**70 - 1)
        while True:                                                         # add 0.5 the long way
            old = value.value
            if value._callmethod("compare_and_set", (old, old + 0.5)):
                break


def main():
    manager = common.connect(Manager)
    value, counter = manager.Value("d", 0), manager.Counter(0)
    common.finish([common.start(count, value, counter) for _ in range(WORKERS)])
    assert value.value == WORKERS * ROUNDS * 1.5, value.value
    assert counter.get() == WORKERS * ROUNDS, counter.get()
    assert str(counter) == "Counter(%d)" % (WORKERS * ROUNDS), str(counter)
    assert value._callmethod("exchange", ("x",)) == WORKERS * ROUNDS * 1.5
    text = common.raises(TypeError, value._callmethod, "increment")
    assert text == "unsupported operand type(s) for +=: 'str' and 'int'", text
    assert value.value == "x"


if __name__ == "__main__":
    main()
