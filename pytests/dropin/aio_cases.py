"""What mpmd.aio promises, one function each: aio_cases.py NAME ADDRESS AUTHKEY-FILE. Prints "done" at the end."""
import asyncio
import multiprocessing.managers
import pickle
import queue
import sys
import threading

import mpmd.aio


async def until_waiting(client, n):
    """Returns when the server has so many waiting calls."""
    while (await client._request("mpmd_inspect", "server"))["waiters"] != n:
        pass


def start(coroutine):
    return asyncio.get_event_loop().create_task(coroutine)


async def raises(kind, awaitable):
    try:
        await awaitable
    except kind as e:
        return e
    raise AssertionError("no %s" % kind.__name__)


async def cancel(task):
    task.cancel()
    await raises(asyncio.CancelledError, task)


async def objects(client):
    """Also with stock managers."""
    lock, rlock, semaphore = await client.Lock(), await client.RLock(), await client.Semaphore(2)
    assert await client.number_of_objects() == 3
    async with lock:
        assert not await lock.acquire(False)
        assert not await lock.acquire(True, 0.01)
    async with rlock:
        async with rlock:
            assert not await start(rlock.acquire(False))
    assert await start(rlock.acquire(False))
    assert await semaphore.acquire() and await semaphore.acquire() and not await semaphore.acquire(False)
    event = await client.Event()
    waiter = start(event.wait())
    assert not await event.is_set() and not await event.wait(0.01)
    await event.set()
    assert await waiter is not False
    q = await client.Queue(1)
    await q.put({"x": [1]})
    assert isinstance(await raises(queue.Full, q.put(2, timeout=0.01)), queue.Full)
    assert await q.full() and await q.get() == {"x": [1]} and await q.empty()
    await raises(queue.Empty, q.get(timeout=0.01))
    await raises(queue.Empty, q.get_nowait())
    d = await client.dict(a=1)
    await d.set("b", 2)
    await d.update({"c": 3})
    assert await d["b"] == 2 and await d.get("z", 9) == 9 and await d.len() == 3 and await d.contains("a")
    await d.delete("a")
    assert [key async for key in d] == ["b", "c"] and sorted(await d.items()) == [("b", 2), ("c", 3)]
    items = await client.list([3, 1, 2])
    await items.append(0)
    await items.sort()
    assert [i async for i in items] == [0, 1, 2, 3] and await items.pop() == 3 and await items[0] == 0
    names = await client.Namespace(x=1)
    await names.set("y", 2)
    assert await names.get("x") == 1 and await names.get("y") == 2
    await raises(AttributeError, names.get("z"))
    value = await client.Value("i", 5)
    await value.set(6)
    assert await value.get() == 6
    barrier = await client.Barrier(3)
    assert sorted(await asyncio.gather(*[barrier.wait() for _ in range(3)])) == [0, 1, 2]
    assert await barrier.parties() == 3 and not await barrier.broken()
    large = b"x" * 5000000
    await d.set("large", large)
    assert await d["large"] == large
    for made in (lock, rlock, semaphore, event, q, d, items, names, value, barrier):
        await made.close()
    assert await client.number_of_objects() == 0
    lock = await client.Lock()
    assert await client.number_of_objects() == 1
    del lock
    while await client.number_of_objects():
        await asyncio.sleep(0)


async def atomic(client):
    """What only mpmd has."""
    v, d, items, q = await client.Value("i", 1), await client.dict(), await client.list([1]), await client.Queue()
    assert [await v.increment(), await v.decrement(5), await v.exchange(7)] == [2, -3, -3]
    assert await v.compare_and_set(7, 8) and not await v.compare_and_set(7, 9)
    assert [await d.increment("a"), await d.increment("a", 2)] == [1, 3] and await d.compare_and_set("a", 3, 4)
    assert await items.update_if([1], [2, 3]) and await items.copy() == [2, 3]
    await q.put_many([1, 2])
    assert await q.pop_many(3) == [1, 2]


async def conditions(client):
    """Also with stock managers."""
    condition = await client.Condition()
    ready = []

    async def wait(i):
        async with condition:
            await condition.wait_for(lambda: i in ready)
            return i

    tasks = [start(wait(i)) for i in range(10)]
    for i in range(10):
        async with condition:
            ready.append(i)
            await condition.notify_all()
    assert await asyncio.gather(*tasks) == list(range(10))
    async with condition:
        assert not await condition.wait(0.01)
    await raises(RuntimeError, condition.notify())
    await raises(RuntimeError, condition.release())


async def errors(client):
    """Also with stock managers."""
    d = await client.dict()
    assert (await raises(KeyError, d["x"])).args == ("x",)
    lock = await client.Lock()
    await raises(RuntimeError, lock.release())
    await raises(multiprocessing.managers.RemoteError, client.create("nonsense"))
    await raises(multiprocessing.managers.RemoteError, d.call("nonsense"))
    await raises((TypeError, pickle.PicklingError, AttributeError), d.set("x", lambda: 1))
    assert await d.len() == 0
    await raises(multiprocessing.AuthenticationError, mpmd.aio.connect(client.address, b"another key"))
    await raises(OSError, mpmd.aio.connect("/nowhere/at/all", b"x"))


async def nested(client):
    """Proxies are values, here and to stock clients."""
    d, lock = await client.dict(), await client.Lock()
    await d.set("lock", lock)
    await lock.close()
    again = await d["lock"]
    async with again:
        assert not await (await d.copy())["lock"].acquire(False)
    await again.close()
    stock = pickle.loads(pickle.dumps(d))
    assert isinstance(stock, multiprocessing.managers.DictProxy)
    stock["x"] = 1
    assert await (await client.use(stock))["x"] == 1
    await d.close()
    del stock


async def many_waiters(client):
    """200 tasks wait for one lock: no threads, in order of arrival."""
    lock = await client.Lock()
    order = []

    async def hold(i):
        async with lock:
            order.append(i)

    await lock.acquire()
    tasks = []
    for i in range(200):
        tasks.append(start(hold(i)))
        if i % 50 == 0:
            await until_waiting(client, len(tasks))  # so far in order
    await until_waiting(client, 200)
    assert threading.active_count() == 1
    await lock.release()
    await asyncio.gather(*tasks)
    assert sorted(order) == list(range(200)) and [i for i in order if i % 50 == 0] == [0, 50, 100, 150]
    assert len(client._idle) <= 16


async def order_of_queue(client):
    q = await client.Queue()
    got = []

    async def take(i):
        got.append((i, await q.get()))

    tasks = []
    for i in range(20):
        tasks.append(start(take(i)))
        await until_waiting(client, i + 1)
    for i in range(20):
        await q.put(i)
    await asyncio.gather(*tasks)
    assert sorted(got) == [(i, i) for i in range(20)]

    async def iterate():
        async for item in q:
            if item is None:
                return
            got.append(item)

    got.clear()
    task = start(iterate())
    for item in ("a", "b", None):
        await q.put(item)
    await task
    assert got == ["a", "b"]


async def cancelled_waiters_leave(client):
    lock, q, event, semaphore = (await client.Lock(), await client.Queue(), await client.Event(),
                                 await client.Semaphore(0))
    await lock.acquire()
    tasks = [start(one) for one in (lock.acquire(), q.get(), event.wait(), semaphore.acquire())]
    await until_waiting(client, 4)
    for task in tasks:
        await cancel(task)
    await until_waiting(client, 0)
    await lock.release()
    await q.put("item")
    await semaphore.release()
    assert await lock.acquire(False) and await q.get_nowait() == "item" and await semaphore.acquire(False)
    waiter = start(asyncio.wait_for(lock.acquire(), 0.05))
    await raises(asyncio.TimeoutError, waiter)
    await until_waiting(client, 0)
    await lock.release()
    assert await lock.acquire(False)


async def nothing_granted_is_lost(client):
    """What is granted in the moment of the cancellation goes to the next one."""
    lock, q = await client.Lock(), await client.Queue()
    had = 0
    for i in range(30):
        await lock.acquire()
        waiter, getter = start(lock.acquire()), start(q.get())
        await until_waiting(client, 2)
        await lock.release()  # the grants are on their way before the answers to these are
        await q.put(i)
        if i % 2:
            await asyncio.sleep(0)
        results = []
        for task in (waiter, getter):
            task.cancel()
            try:
                results.append(await task)
            except asyncio.CancelledError:
                results.append(None)
        if results[0] is None:
            await lock.acquire()
        had += results[0] is None and results[1] is None
        assert (results[1] if results[1] is not None else await q.get()) == i
        assert await q.empty()
        await lock.release()
    print("granted and cancelled: %d" % had, file=sys.stderr)


async def cancelled_condition(client):
    """The lock is held again when wait() raises CancelledError, as in asyncio; notifications go to others."""
    condition = await client.Condition()
    seen = []

    async def wait():
        async with condition:
            async with condition:
                try:
                    await condition.wait()
                except asyncio.CancelledError:
                    await condition.notify()  # raises where the lock is not held
                    seen.append(True)
                    raise

    first, second = start(wait()), start(wait())
    await until_waiting(client, 2)
    await cancel(first)
    assert seen == [True]
    await second
    assert await condition.acquire(False)
    await condition.release()


async def cancelled_holder(client):
    """A block that is left by cancellation gives its lock back, also when that happens while it releases."""
    lock, rlock = await client.Lock(), await client.RLock()

    async def hold(what, held):
        async with what:
            held.set_result(None)
            await asyncio.get_event_loop().create_future()

    async def release(what, held):
        await what.acquire()
        held.set_result(None)
        await what.release()

    for what in (lock, rlock):
        for body in (hold, release):
            held = asyncio.get_event_loop().create_future()
            task = start(body(what, held))
            await held
            await cancel(task)
            await what.acquire()
            await what.release()

    async def forget():
        await rlock.acquire()

    await start(forget())
    while client._holders:
        await asyncio.sleep(0)
    assert not await rlock.acquire(False)  # as with a thread that ends: while the process is there


async def shared_lock(client):
    rlock = await client.RLock()
    condition = await client.Condition(rlock)
    async with rlock:
        await condition.notify_all()
    async with condition:
        assert await rlock.acquire(False)
        await rlock.release()
        assert not await start(rlock.acquire(False))


async def registered(client):
    jobs = await client.create("jobs")
    assert isinstance(jobs, mpmd.aio.Queue)
    await jobs.put(1)
    assert await (await client.create("jobs")).get() == 1
    guard = await client.find("guard", mpmd.aio.RLock)
    async with guard:
        assert await guard.acquire(False)
        await guard.release()


async def server_ends(client):
    event = await client.Event()
    waiter = start(event.wait())
    await until_waiting(client, 1)
    await client._request("shutdown")
    await raises((EOFError, OSError), waiter)
    await raises((EOFError, OSError), event.is_set())


async def closed_client(client):
    event = await client.Event()
    waiter = start(event.wait())
    await until_waiting(client, 1)
    other = await mpmd.aio.connect(client.address, client._authkey)
    await client.close()
    await raises((EOFError, OSError), waiter)
    assert await other.number_of_objects() == 0
    await other.close()


async def run(name, address, key):
    client = await mpmd.aio.connect(address, key)
    async with client:
        await globals()[name](client)


def main():
    name, address = sys.argv[1:3]
    if not address.startswith("/") and ":" in address:
        host, port = address.rsplit(":", 1)
        address = host, int(port)
    elif address.startswith("@"):
        address = "\0" + address[1:]
    with open(sys.argv[3], "rb") as f:
        key = f.read()
    multiprocessing.current_process().authkey = key
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_debug(True)
    loop.run_until_complete(run(name, address, key))
    loop.close()
    print("done")


if __name__ == "__main__":
    main()
