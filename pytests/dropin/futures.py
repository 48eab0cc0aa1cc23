"""Workers of concurrent.futures that stop when an Event of the manager says so."""
import concurrent.futures
import multiprocessing


def work(n, started, stop):
    started.put(n)
    stop.wait()
    return "worker %d stopped, %s" % (n, stop.is_set())


def main():
    with multiprocessing.Manager() as manager:
        stop = manager.Event()
        started = manager.Queue()
        with concurrent.futures.ProcessPoolExecutor(3) as executor:
            futures = [executor.submit(work, n, started, stop) for n in range(3)]
            print("started", sorted(started.get() for _ in futures))
            stop.set()
            for future in futures:
                print(future.result())


if __name__ == "__main__":
    main()
