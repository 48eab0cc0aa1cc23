"""Workers that log through a queue of the manager; one listener writes what they say."""
import logging
import logging.handlers
import multiprocessing
import sys


class Sorted(logging.Handler):
    """What was said, in an order that does not depend on who was first."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append("%s %s %s" % (record.name, record.levelname, record.getMessage()))


def work(queue, n):
    logger = logging.getLogger("worker.%d" % n)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.handlers.QueueHandler(queue))
    logger.info("begins")
    try:
        10 // (n - 1)
    except ZeroDivisionError:
        logger.exception("cannot divide")
    logger.debug("has %d", n)


def main():
    with multiprocessing.Manager() as manager:
        queue = manager.Queue(-1)
        handler = Sorted()
        listener = logging.handlers.QueueListener(queue, handler)
        listener.start()
        workers = [multiprocessing.Process(target=work, args=(queue, n)) for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        listener.stop()
    for line in sorted(handler.lines):
        sys.stdout.write(line.splitlines()[0] + "\n")


if __name__ == "__main__":
    main()
