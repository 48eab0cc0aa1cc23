"""A program that looks after its processes: their names, which are there, and what ends first."""
import multiprocessing
from multiprocessing import connection


def tell(_=None):
    return multiprocessing.current_process().name.replace("Fork", "").replace("Spawn", "")


def work(queue):
    queue.put(tell())


def main():
    with multiprocessing.Manager() as manager:
        queue = manager.Queue()
        worker = multiprocessing.Process(target=work, args=(queue,))
        worker.start()
        print(queue.get(), tell())
        worker.join()
        print([child.name for child in multiprocessing.active_children()])
        server = multiprocessing.active_children()[0]
        print(server.is_alive(), server.exitcode, connection.wait([server.sentinel], 0))
        print(manager.Pool(1).apply(tell))
        with multiprocessing.Pool(1) as pool:
            print(pool.apply(tell))
    print(multiprocessing.active_children())
    manager = multiprocessing.Manager()
    server = multiprocessing.active_children()[0]
    server.terminate()
    print(server.name, connection.wait([server.sentinel]) == [server.sentinel])
    server.join()
    print(server.is_alive(), multiprocessing.active_children())


if __name__ == "__main__":
    main()
