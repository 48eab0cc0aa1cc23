"""A program with annotations, which mypy checks against the package (test_types.py), and which runs."""
import asyncio
import queue
import threading
from typing import Dict, List, Tuple

import mpmd
import mpmd.aio
from mpmd.cpool import CPoolExecutor
from mpmd.objects import CounterProxy, DictProxy, ListProxy, QueueProxy, ValueProxy


def use(m: mpmd.SyncManager) -> Tuple[int, Dict[str, int], List[str]]:
    d: "DictProxy[str, int]" = m.dict()
    d["a"] = 1
    total: int = d.increment("a", 2)
    v: "ValueProxy[int]" = m.Value("i", total)
    number: int = v.increment()
    items: "ListProxy[str]" = m.list(["x"])
    items.append("y")
    changed: bool = items.update_if(["x", "y"], ["z"])
    lock: threading.Lock = m.Lock()
    with lock:
        assert changed and lock.locked()
    q: "QueueProxy[int]" = m.Queue()
    q.put_many([1, 2])
    lease, deliveries, item = q.lease()
    q.ack(lease)
    as_queue: "queue.Queue[int]" = q
    c: CounterProxy = m.Counter(5)
    c.value += as_queue.get() + item + deliveries
    with m.RWLock().reading():
        pass
    return number + c.increment(), d.copy(), items.copy()


async def wait(client: mpmd.aio.Client) -> int:
    async with await client.Lock():
        v: mpmd.aio.Value = await client.Value("i", 1)
        q: mpmd.aio.Queue = await client.Queue()
        await q.put(await v.increment())
        got: int = await q.get()
        return got


async def main(m: mpmd.SyncManager) -> int:
    async with await mpmd.aio.connect(m.address, b"key") as client:
        return await wait(client)


def submit(executor: CPoolExecutor) -> int:
    result: int = executor.submit("add", 1, 2).result()
    return result


class Mine(mpmd.BaseManager):
    """With the options as keywords."""


if __name__ == "__main__":
    options: mpmd.Options = mpmd.Options(plain=False)
    with mpmd.Manager(authkey=b"key", on_owner_death="release", plain=options.plain) as manager:
        print(use(manager), asyncio.new_event_loop().run_until_complete(main(manager)))
    with Mine(log_level="error") as other:
        print(other.address is not None, mpmd.__version__)
