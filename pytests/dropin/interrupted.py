"""What test_signals.py interrupts: it waits, and when it is interrupted it cleans up with the help of its managers."""
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.managers import SyncManager


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Thing:
    def __init__(self):
        self.lines = []

    def add(self, line):
        self.lines.append(line)
        return len(self.lines)


class Mine(SyncManager):
    pass


Mine.register("Thing", Thing)


def work(number, queue, state, thing):
    try:
        say("waits")
        queue.get()
    except KeyboardInterrupt:
        state[number] = "interrupted"
        thing.add(number)
    finally:
        say("child ends")


def main():
    context = multiprocessing.get_context(sys.argv[1])
    way = sys.argv[2]
    if way == "handler":
        def handler(number, frame):
            sys.exit(3)
        signal.signal(signal.SIGTERM, handler)
    with Mine(ctx=context) as manager:
        queue, state, thing, lock = manager.Queue(), manager.dict(), manager.Thing(), manager.RLock()
        companion = manager._mpmd_owned[0][0].pid if hasattr(manager, "_mpmd_owned") else 0
        children = [context.Process(target=work, args=(i, queue, state, thing)) for i in range(2)]
        for child in children:
            child.start()
        say("pids", os.getpid(), manager._process.pid, companion, *[child.pid for child in children])
        try:
            with lock:
                say("waits")
                queue.get()
        except (KeyboardInterrupt, SystemExit) as e:
            say("caught", type(e).__name__)
            for _ in range(2):  # the second interrupt comes during the first clean-up
                try:
                    if way == "twice":
                        say("again")
                        while True:
                            time.sleep(10)
                except KeyboardInterrupt:
                    say("caught again")
                    break
            if isinstance(e, SystemExit):
                queue.put(1)
                queue.put(2)
            for child in children:
                child.join()
            say("children", *sorted(state.items()))
            with lock:
                say("thing", thing.add("program"), manager._number_of_objects() > 0)
            if way == "raise":
                raise
        say("ends with its manager")
    say("ends")


if __name__ == "__main__":
    main()
