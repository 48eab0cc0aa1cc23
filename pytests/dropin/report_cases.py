"""What a program may do before its report: report_cases.py CASE START-METHOD. To be run by `python -m mpmd --report`."""
import asyncio
import multiprocessing
import os
import signal
import sys
from multiprocessing import connection, managers

LONG = "a_registered_name_that_is_longer_than_any_column_should_ever_be"


class Thing:
    def do(self):
        return 1


class Mine(managers.SyncManager):
    pass


Mine.register("Thing", Thing)
Mine.register(LONG, Thing)


def get(queue):
    queue.get()


def put_and_die(queue):
    queue.put(1)
    os.kill(os.getpid(), signal.SIGKILL)


def until_waiting(m, n):
    """Returns when the server has so many waiting calls."""
    conn = None
    while conn is None or managers.dispatch(conn, None, "mpmd_inspect", ("server",))["waiters"] < n:
        conn = connection.Client(m.address, authkey=m._authkey)


async def use_lock(m):
    import mpmd.aio
    async with await mpmd.aio.connect(m.address, m._authkey) as client:
        async with await client.Lock():
            pass


def main(case, method):
    multiprocessing.set_start_method(method)
    if case == "no_calls":
        sys.exit(3)
    if case == "stock":
        m = Mine(("127.0.0.1", 0))
        m.start()
        m.Thing().do()
        return
    m = Mine()
    m.start()
    q, d = m.Queue(), m.dict({i: i for i in range(50)})
    if case == "calls":
        sum(key for key in d)
        m.Thing().do()
        getattr(m, LONG)().do()
    if case == "terminated":
        pool = multiprocessing.Pool(2)
        results = [pool.apply_async(get, (q,)) for _ in range(2)]
        until_waiting(m, len(results))
        pool.terminate()
        pool.join()
    if case == "killed":
        child = multiprocessing.Process(target=put_and_die, args=(q,))
        child.start()
        child.join()
    if case == "crash":
        raise ValueError("no more")
    if case == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    if case == "forked":
        if os.fork() == 0:
            q.put(2)
            sys.exit(0)
        os.wait()
    if case == "aio":
        asyncio.new_event_loop().run_until_complete(use_lock(m))
    sys.exit(7)


if __name__ == "__main__":
    main(*sys.argv[1:])
