"""A pool whose workers tell how far they are: a Namespace that a Lock guards."""
import multiprocessing


def work(task):
    state, lock, size = task
    total = 0
    for i in range(size):
        total += i
        with lock:
            state.done += 1
    return total


def main():
    with multiprocessing.Manager() as manager:
        state = manager.Namespace(done=0)
        lock = manager.Lock()
        with multiprocessing.Pool(3) as pool:
            sums = pool.map(work, [(state, lock, n) for n in (5, 10, 15, 20)])
        print("sums", sums)
        print("steps", state.done)


if __name__ == "__main__":
    main()
