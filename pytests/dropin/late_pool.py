"""What needs Python in the server is asked for late: it keeps no object alive, and no end of a pipe open."""
import multiprocessing


def twice(n):
    return 2 * n


def main():
    context = multiprocessing.get_context("fork")
    manager = context.Manager()
    other = multiprocessing.Manager()
    settings, lines = manager.dict(factor=2), other.list("ab")
    reader, writer = context.Pipe(duplex=False)
    pool = manager.Pool(2)
    print(pool.map(twice, [settings["factor"], len(lines)]))
    writer.close()
    try:
        reader.recv()
    except EOFError:
        print("the pipe has ended")
    print(manager._number_of_objects(), other._number_of_objects())
    del settings, lines
    print(manager._number_of_objects(), other._number_of_objects())
    print(multiprocessing.current_process().daemon)


if __name__ == "__main__":
    main()
