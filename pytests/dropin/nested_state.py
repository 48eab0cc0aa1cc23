"""A dict of lists that spawned workers extend. A Lock: a stock manager forgets who holds an RLock when a proxy goes."""
import multiprocessing


def work(state, lock, n):
    for key in ("even", "odd"):
        for i in range(n):
            if (i % 2 == 0) == (key == "even"):
                state[key].append((n, i))
    with lock:
        state["rounds"] = state["rounds"] + 1
        state["by"][n] = sum(1 for key in ("even", "odd") for who, _ in state[key] if who == n)


def main():
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        state = manager.dict(rounds=0)
        for key in ("even", "odd"):
            state[key] = manager.list()
        state["by"] = manager.dict()
        lock = manager.Lock()
        workers = [context.Process(target=work, args=(state, lock, n)) for n in (3, 4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for key in ("even", "odd"):
            print(key, sorted(state[key]))
        print("rounds", state["rounds"], sorted(state["by"].items()))


if __name__ == "__main__":
    main()
