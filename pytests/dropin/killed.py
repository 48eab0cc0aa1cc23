"""What test_kills.py kills: most of what a program can do with managers, one line for each step, with the pids."""
import multiprocessing
import os
import sys
from multiprocessing import managers


def say(*words):
    """One write, so that lines of several processes do not mix; nobody may be left to read it."""
    try:
        os.write(1, (" ".join(map(str, words)) + "\n").encode())
    except BrokenPipeError:
        pass


class Thing:
    def __init__(self):
        self.n = 0

    def add(self, n):
        self.n += n
        return self.n


class Mine(managers.SyncManager):
    pass


Mine.register("Thing", Thing)


def work(number, lock, queue, state, thing, segment_name):
    say("pid child", os.getpid())
    for i in range(5):
        queue.put((number, i))
        with lock:
            state["sum"] += i
            say("step in", number)
        state["list"].append((number, i))
        thing.add(1)
        queue.get()
        if segment_name:
            from multiprocessing import shared_memory
            segment = shared_memory.SharedMemory(segment_name)
            segment.buf[number] = i
            segment.close()
        say("step out", number)


def twice(n):
    say("pid worker", os.getpid())
    return 2 * n


def main():
    say("pid program", os.getpid())
    context = multiprocessing.get_context(sys.argv[1])
    uses_pool = sys.argv[2] == "pool"
    with Mine(ctx=context) as manager:
        say("pid server", manager._process.pid)
        lock, queue, state = manager.Lock(), manager.Queue(), manager.dict(sum=0)
        state["list"] = manager.list()
        say("step objects")
        thing = manager.Thing()
        say("pid companion", manager._mpmd_owned[0][0].pid)
        segments = segment = None
        if hasattr(managers, "SharedMemoryManager"):
            from multiprocessing import shared_memory
            shared_memory._SHM_NAME_PREFIX = sys.argv[3]
            segments = managers.SharedMemoryManager(ctx=context)
            segments.start()
            say("pid segments", segments._process.pid)
            segment = segments.SharedMemory(100)
            say("step segment")
        children = [context.Process(target=work, args=(i, lock, queue, state, thing, segment and segment.name))
                    for i in range(2)]
        for child in children:
            child.start()
            say("step start")
        if uses_pool:
            pool = manager.Pool(2)
            say("step pool")
            say("step mapped", pool.map(twice, range(4)))
            pool.terminate()
        for child in children:
            child.join()
            say("step joined", child.exitcode)
        say("step sum", state["sum"], len(state["list"]), thing.add(0), manager._number_of_objects() > 0)
        if segments is not None:
            segment.close()
            segments.shutdown()
        say("step ending")
    say("step end")


if __name__ == "__main__":
    main()
