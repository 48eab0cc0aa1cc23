"""register('get_queue', callable=lambda: q): what of it mpmd serves by itself (compat/python/mpmd/singletons.py)."""
import json
import os
import re
import subprocess

import pytest

import servers
from test_dropin import environment, run

RECOGNIZED = """
import array, collections, json, multiprocessing, queue, sys, threading
from multiprocessing import managers
from mpmd import managers as ours

def full(q, *items):
    for item in items:
        q.put(item)
    return q

def held(lock):
    lock.acquire()
    return lock

class Own:
    def __init__(self):
        self.q = queue.Queue()
    def get(self):
        return self.q

class Special(queue.Queue):
    pass

def named():
    "With a docstring."
    global at_top
    return at_top

def generator():
    yield at_top

def calls():
    return list()

def keyword(*, q=queue.Queue()):
    return q

def takes(q):
    return q

async def awaited():
    return at_top

at_top, own, opened, taken, gone = queue.Queue(), Own(), threading.Event(), queue.Queue(), queue.Queue()
opened.set()
taken.put(1)
taken.get()
del gone.maxsize
patched, waiting, used = queue.Queue(), threading.Event(), threading.BoundedSemaphore(2)
patched.get = lambda: 1
waiting._cond._waiters.append(threading.Lock())
used.acquire()
multiprocessing.set_start_method("fork")
itself, array_of = [1], array.array("i", [1])
itself.append(itself)

def cases():
    q = queue.Queue()
    yield "yes", {"get": named}
    yield "yes", {"get": lambda: at_top}
    yield "yes", {"get": lambda: q, "get_same": lambda q=q: q}
    for thing in (queue.Queue(3), full(queue.Queue(), 1, None), full(queue.LifoQueue(), 1, 2),
                  queue.Queue(-1), threading.Lock(), threading.RLock(),
                  threading.Event(), opened, threading.Semaphore(3), threading.BoundedSemaphore(2),
                  threading.Barrier(2, timeout=1), managers.Namespace(x=1), managers.Value("i", 3), [], [1, [2]], {},
                  {"a": 1}, set("abc"), collections.deque([1, 2], 3), collections.OrderedDict(a=1)):
        yield "yes", {"get": lambda thing=thing: thing}
    yield "yes", {"get": (lambda: array_of, managers.ArrayProxy)}
    yield "no", {"get": lambda: array_of}  # fromlist() and others are missing
    yield "no", {"get": (lambda: array.array("i"), managers.ArrayProxy)}
    for function in (generator, calls, keyword, takes, awaited, own.get, lambda: own.q, lambda: q or None, lambda: [],
                     lambda: None, lambda: undefined, lambda *args: q, Own, len, print, lambda: (q, 1)[0], lambda: own):
        yield "no", {"get": function}
    for thing in (Special(), taken, gone, patched, waiting, used, itself, held(threading.Lock()),
                  held(threading.RLock()),
                  collections.Counter(), collections.defaultdict(int), bytearray(), [sys.stdin], [threading.Lock()],
                  full(queue.Queue(), print, lambda: 0), queue.PriorityQueue(), own, 5, "text", frozenset(), multiprocessing, queue.Queue):
        yield "no", {"get": lambda thing=thing: thing}
    inner, lock = [], threading.RLock()
    outer, condition = {"inner": inner}, threading.Condition(lock)
    yield "yes", {"get": lambda: outer}
    yield "no", {"get": lambda: outer, "get_inner": lambda: inner}
    yield "yes", {"get": (lambda: condition, managers.ConditionProxy)}
    yield "no", {"get": lambda: condition}  # wait_for() would have to be called in the server
    yield "no", {"get": (lambda: condition, managers.ConditionProxy), "get_lock": lambda: lock}
    yield "no", {"get": lambda: q, "Own": Own}

def plan(functions, ctx=None, initializer=None):
    class Mine(managers.BaseManager):
        pass
    for name, function in functions.items():
        function, proxytype = function if isinstance(function, tuple) else (function, None)
        Mine.register(name, function, proxytype)
    return ours._plan(Mine(address=("127.0.0.1", 0), ctx=ctx), initializer)

wrong = []
for i, (expected, functions) in enumerate(cases()):
    found = plan(functions)
    ok = found.singletons == frozenset(functions) if expected == "yes" else not found.singletons
    if not ok or found.needs_stock_server != (expected == "no"):
        wrong.append((i, expected, found.needs_stock_server, sorted(found.singletons)))
spawn = multiprocessing.get_context("spawn")
q = queue.Queue(5)
for expected, functions, more in ((True, {"get": lambda: q}, {}), (True, {"get": lambda: q}, {"ctx": spawn}),
                                  (False, {"get": lambda: opened}, {"ctx": spawn}),
                                  (False, {"get": lambda: array_of}, {"ctx": spawn}),
                                  (False, {"get": lambda: q}, {"initializer": print})):
    if bool(plan(functions, **more).singletons) != expected:
        wrong.append((expected, more))
put = queue.Queue.put
queue.Queue.put = lambda *args: None
if plan({"get": lambda: q}).singletons:
    wrong.append("patched class")
queue.Queue.put = put
queue.Queue.peek = lambda self: None
if plan({"get": lambda: q}).singletons:
    wrong.append("class with a method more")
print(json.dumps(wrong))
"""


def test_what_is_recognized(python, tmp_path):
    (tmp_path / "recognized.py").write_text(RECOGNIZED)
    assert json.loads(run(python, ["recognized.py"], tmp_path)) == []


test_what_is_recognized.least_version = (3, 6)


def served_by(python, program, cwd):
    """Who served, by the report."""
    path = os.path.join(servers.HERE, "dropin", program + ".py")
    done = subprocess.run([python.path, "-m", "mpmd", "--report", path], env=environment(), cwd=str(cwd),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=servers.HANG)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stderr.splitlines() if re.match(r"\S+ +\S+ +\S+( +[0-9.]+)+$", line)]
    assert len(rows) > 3, done.stderr
    return {row[0] for row in rows}


@pytest.mark.parametrize("program", ["remote_queue", "singletons"])
def test_mpmd_serves_them(python, program, tmp_path):
    assert served_by(python, program, tmp_path) == {"mpmd"}


test_mpmd_serves_them.least_version = (3, 6)


REFUSED = """
import queue
from multiprocessing.managers import BaseManager
q = queue.Queue()
q.put(bytes(100000))
class Mine(BaseManager):
    pass
if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method("fork")
    Mine.register("get_queue", callable=lambda: q)
    with Mine(authkey=b"k") as manager:
        print(len(manager.get_queue().get()))
"""


def test_what_the_server_refuses_is_served_by_python(newest, tmp_path):
    """Here because the item is larger than it may be."""
    server = tmp_path / "small"
    server.write_text('#!/bin/sh\nexec "%s" --max-message 10000 "$@"\n' % servers.find_binary())
    server.chmod(0o700)
    path = tmp_path / "program.py"
    path.write_text(REFUSED)
    done = subprocess.run([newest.path, "-m", "mpmd", "--server", str(server), str(path)], env=environment(),
                          cwd=str(tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout) == (0, "100000\n"), done.stderr
    assert "--setup-fd" in done.stderr and "stock manager" in done.stderr


SAME_CLASS = """
import queue, sys
from multiprocessing.managers import BaseManager
q = queue.Queue()
class Mine(BaseManager):
    pass
Mine.register("get_queue", callable=lambda: q)
Mine.register("make", callable=queue.Queue)
if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method("fork")
    manager = Mine(address=sys.argv[1], authkey=b"k")
    if sys.argv[2] == "serve":
        manager.start()
        manager.get_queue().put("from the server")
        print("ready", flush=True)
        sys.stdin.read()
    else:
        manager.connect()
        made = manager.make(1)
        made.put(1)
        print(manager.get_queue().get(), made.full(), manager._number_of_objects())
"""


@pytest.mark.parametrize("server", [[], ["-m", "mpmd"]], ids=["stock", "mpmd"])
def test_who_connects_may_have_the_callables_too(newest, tmp_path, server):
    """And a server that is asked for by that name: the callables of a manager that connects are not looked at."""
    (tmp_path / "program.py").write_text(SAME_CLASS)
    serving = subprocess.Popen([newest.path] + server + ["program.py", "socket", "serve"], cwd=str(tmp_path),
                               env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               universal_newlines=True)
    try:
        assert serving.stdout.readline() == "ready\n"
        assert run(newest, ["-m", "mpmd", "program.py", "socket", "use"], tmp_path) == "from the server True 1\n"
        run(newest, ["-m", "mpmd", "-c", "from multiprocessing.managers import BaseManager as M\n"
                     "M.register('get_queue')\nm = M('socket', b'k')\nm.connect()\nm.get_queue().put('more')"], tmp_path)
        assert run(newest, ["program.py", "socket", "use"], tmp_path) == "more True 1\n"
    finally:
        serving.communicate("")
    assert serving.returncode == 0
