"""Clients that die or give up half-way: what they waited for, held and referred to. Each death is a SIGKILL.

Nothing here waits for time. A blocked call is known to be parked because its request went out and the server has then
answered two others (Server.settle). The tests named test_stock_* show what CPython's own server does in its place.
"""
import os
import signal

import pytest

import agents
import conftest
import servers

TRIED = {"Lock": "Lock()", "RLock": "RLock()", "Semaphore": "Semaphore(1)", "BoundedSemaphore": "BoundedSemaphore(1)",
         "Condition": "Condition()"}


def three(agent, python, server, make, name="lock"):
    """A holder, a victim and a third, with one object."""
    holder, victim, third = [agent(python, server) for _ in range(3)]
    holder.run("%s = m.%s" % (name, make))
    holder.give(name, victim)
    holder.give(name, third)
    return holder, victim, third


def until(condition):
    """Asks again until it is so; a hang guard only ends the test."""
    limit = 0
    while not condition():
        limit += 1
        assert limit < 100000, "it never becomes so"


# --- waiters


def kill_a_waiter(agent, python, server, make):
    holder, victim, third = three(agent, python, server, make)
    assert holder.run("lock.acquire()") in (True, 1)
    victim.block("lock", "lock.acquire()")
    third.block("lock", "lock.acquire()")
    victim.kill()
    server.settle()
    assert not third.has_answered()
    holder.run("lock.release()")
    assert third.result() in (True, 1)
    third.run("lock.release()")
    assert holder.run("lock.acquire(False)") in (True, 1)


def test_a_killed_waiter_does_not_swallow_the_lock(start, agent, python, transport):
    kill_a_waiter(agent, python, start(servers.Mpmd, transport), "Lock()")


@pytest.mark.parametrize("typeid", [t for t in TRIED if t != "Lock"])
def test_a_killed_waiter_does_not_swallow_anything(start, agent, newest, transport, typeid):
    kill_a_waiter(agent, newest, start(servers.Mpmd, transport), TRIED[typeid])


def test_stock_loses_the_lock_to_a_killed_waiter(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    holder, victim, third = three(agent, stock_python, server, "Lock()")
    assert holder.run("lock.acquire()") is True
    victim.block("lock", "lock.acquire()")
    victim.kill()
    holder.run("lock.release()")
    # Nobody but the dead one wants it. Once its thread has come round to take it, it is never free again.
    until(lambda: not third.run("lock.acquire(False) and not lock.release()"))
    assert third.run("[lock.acquire(False) for _ in range(10)]") == [False] * 10


def test_a_killed_waiter_swallows_no_notification(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, "Condition()", "cond")
    for waiter in (victim, third):
        waiter.run("cond.acquire()")
        waiter.block("cond", "cond.wait()")
    victim.kill()
    holder.run("cond.acquire()")
    holder.run("cond.notify(1)")
    holder.run("cond.release()")
    assert third.result() is True
    third.run("cond.release()")


def test_stock_loses_a_notification_to_a_killed_waiter(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    holder, victim, third = three(agent, stock_python, server, "Condition()", "cond")
    victim.run("cond.acquire()")
    victim.block("cond", "cond.wait()")
    until(lambda: holder.run("cond.acquire(False)"))        # free: the victim waits
    holder.run("cond.release()")
    third.run("cond.acquire()")
    third.block("cond", "cond.wait()")
    until(lambda: holder.run("cond.acquire(False)"))
    victim.kill()
    holder.run("cond.notify(1)")
    holder.run("cond.release()")
    # The dead one's thread was woken, took the lock for its answer, and keeps it.
    until(lambda: not holder.run("cond.acquire(False) and not cond.release()"))
    assert not third.has_answered()


def test_a_waiter_killed_on_its_way_back_to_the_lock_leaves_it_free(start, agent, newest, transport):
    """Notified, but the lock is not free yet: it waits for the lock as others do."""
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, "Condition()", "cond")
    victim.run("cond.acquire()")
    victim.block("cond", "cond.wait()")
    holder.run("cond.acquire()")
    holder.run("cond.notify()")
    server.settle()
    assert not victim.has_answered()
    victim.kill()
    third.block("cond", "cond.acquire()")
    holder.run("cond.release()")
    assert third.result() is True


def test_a_killed_waiter_is_not_counted_by_the_barrier(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, "Barrier(2)", "barrier")
    victim.block("barrier", "barrier.wait()")
    assert holder.run("barrier.n_waiting") == 1
    victim.kill()
    until(lambda: holder.run("barrier.n_waiting") == 0)
    assert holder.run("barrier.broken") is False
    third.block("barrier", "barrier.wait()")
    assert not third.has_answered()
    indices = [holder.run("barrier.wait()"), third.result()]
    assert sorted(indices) == [0, 1]


def test_stock_counts_a_killed_waiter_at_the_barrier(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    holder, victim, third = three(agent, stock_python, server, "Barrier(2)", "barrier")
    victim.block("barrier", "barrier.wait()")
    until(lambda: holder.run("barrier.n_waiting") == 1)
    victim.kill()
    server.settle()
    assert holder.run("barrier.n_waiting") == 1
    assert third.run("barrier.wait()") in (0, 1)            # it met nobody


def test_others_see_the_event_after_a_waiter_was_killed(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, "Event()", "event")
    victim.block("event", "event.wait()")
    third.block("event", "event.wait()")
    victim.kill()
    assert holder.run("event.is_set()") is False
    assert not third.has_answered()
    holder.run("event.set()")
    assert third.result() is True


# --- grants that cannot be delivered


@pytest.mark.parametrize("typeid", ["Lock", "RLock", "Semaphore", "BoundedSemaphore"])
def test_a_grant_to_one_who_just_died_goes_back(start, agent, newest, transport, typeid):
    """The release and the death of the next in line reach the server together, the release first."""
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, TRIED[typeid])
    holder.run("lock.acquire()")
    victim.block("lock", "lock.acquire()")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        holder.tell("block", "lock", "lock.release()")
        assert holder.read() == {"sent": True}
        victim.kill()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    holder.result()
    assert third.run("lock.acquire()") is True


@pytest.mark.parametrize("typeid", ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"])
def test_a_grant_that_was_never_read_goes_back(start, agent, newest, transport, typeid):
    """The answer lies unread in the socket of a stopped process when that is killed."""
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, newest, server, TRIED[typeid])
    holder.run("lock.acquire()")
    victim.block("lock", "lock.acquire()")
    os.kill(victim.pid, signal.SIGSTOP)
    os.waitpid(victim.pid, os.WUNTRACED)
    holder.run("lock.release()")
    server.settle()
    assert third.run("lock.acquire(False)") is False, "the victim was to have it"
    victim.kill()
    assert third.run("lock.acquire()") is True


# --- items of queues


def stop(victim):
    """It reads nothing any more."""
    os.kill(victim.pid, signal.SIGSTOP)
    os.waitpid(victim.pid, os.WUNTRACED)


def test_a_killed_consumer_does_not_swallow_an_item(start, agent, python, transport):
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, python, server, "Queue()", "queue")
    victim.block("queue", "queue.get()")
    third.block("queue", "queue.get()")
    victim.kill()
    server.settle()
    producer.run("queue.put('work')")
    assert third.result() == "work"
    third.run("queue.task_done()")
    producer.run("queue.join()")


def test_stock_loses_an_item_to_a_killed_consumer(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    producer, victim, third = three(agent, stock_python, server, "Queue()", "queue")
    victim.block("queue", "queue.get()")
    victim.kill()
    producer.run("queue.put('work')")
    until(lambda: producer.run("queue.empty()"))            # the dead one's thread has taken it
    with pytest.raises(agents.AgentError, match="Empty"):
        third.run("queue.get(False)")


def test_an_item_that_was_never_read_goes_back_to_the_head(start, agent, python, transport):
    """The answer lies unread in the socket of a stopped process when that is killed."""
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, python, server, "JoinableQueue()", "queue")
    victim.block("queue", "queue.get()")
    stop(victim)
    producer.run("queue.put('first')")
    producer.run("queue.put('second')")
    assert producer.run("queue.qsize()") == 1, "the victim was to have one"
    victim.kill()
    assert third.run("[queue.get(), queue.get()]") == ["first", "second"]
    producer.block("queue", "queue.join()")
    third.run("queue.task_done()")
    server.settle()
    assert not producer.has_answered()
    third.run("queue.task_done()")
    producer.result()
    with pytest.raises(agents.AgentError, match="task_done.. called too many times"):
        third.run("queue.task_done()")


def test_stock_loses_an_item_that_was_never_read(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    producer, victim, third = three(agent, stock_python, server, "JoinableQueue()", "queue")
    victim.block("queue", "queue.get()")
    stop(victim)
    producer.run("queue.put('first')")
    until(lambda: producer.run("queue.empty()"))
    victim.kill()
    producer.run("queue.put('second')")
    assert third.run("queue.get()") == "second"
    third.run("queue.task_done()")
    producer.block("queue", "queue.join()")                 # for ever: nobody will do the first
    server.settle()
    assert not producer.has_answered()


def test_a_long_item_of_which_half_was_sent_goes_back_whole(start, agent, newest, transport):
    """More than the sockets hold: the server is still sending it when the reader dies."""
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, newest, server, "Queue()", "queue")
    victim.block("queue", "queue.get()")
    stop(victim)
    producer.run("queue.put(list(range(100000)) + ['x' * 2 ** 24])")
    assert producer.run("queue.qsize()") == 0
    victim.kill()
    assert third.run("(lambda got: got == list(range(100000)) + ['x' * 2 ** 24])(queue.get())") is True


def test_several_items_that_were_never_read_go_back_in_their_order(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, newest, server, "Queue()", "queue")
    victim.block("queue", "queue.pop_many(3)")
    stop(victim)
    producer.run("queue.put_many([1, 2, 3, 4, 5])")
    assert producer.run("queue.qsize()") == 2
    victim.kill()
    assert third.run("queue.pop_many(9)") == [1, 2, 3, 4, 5]


def test_what_a_killed_process_had_on_lease_goes_back(start, agent, newest, transport):
    """Read and begun, unlike the others here: only a lease knows of that."""
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, newest, server, "JoinableQueue()", "queue")
    producer.run("queue._callmethod('put_many', ([1, 2, 3],))")
    assert victim.run("[queue._callmethod('lease', ()) for _ in range(2)]") == [[1, 1, 1], [2, 1, 2]]
    assert victim.run("queue._callmethod('ack', (1,))") is None
    third.run("queue.get()")
    third.block("queue", "queue._callmethod('lease', ())")
    victim.kill()
    assert third.result() == [3, 2, 2]
    producer.run("queue.task_done()")
    assert third.run("queue._callmethod('ack', (3,)) or queue.join()") is None
    with pytest.raises(agents.AgentError, match="lease 3 is over"):
        third.run("queue._callmethod('ack', (3,))")


def test_a_thread_that_ends_keeps_its_leases_as_long_as_its_process_lives(start, agent, newest):
    server = start(servers.Mpmd)
    producer, victim, third = three(agent, newest, server, "Queue()", "queue")
    producer.run("queue.put(1)")
    victim.run("t = threading.Thread(target=lambda: globals().update(got=queue._callmethod('lease', ())))")
    victim.run("[t.start(), t.join()] and None")
    assert victim.run("got") == [1, 1, 1]
    server.settle()
    assert third.run("queue.empty()") is True
    victim.kill()
    until(lambda: third.run("queue.qsize()") == 1)
    assert third.run("queue._callmethod('lease', ())") == [2, 2, 1]


@pytest.mark.parametrize("version", [(2, 7), (3, 6)])
def test_old_pythons_lease_too(start, agent, version):
    old = [i for i in conftest.FOUND if i.version == version]
    if not old:
        pytest.skip("no CPython %d.%d" % version)
    server = start(servers.Mpmd)
    one, two, three_ = [agent(old[0], server) for _ in range(3)]
    one.run("queue = m.Queue()")
    one.give("queue", two)
    one.run("queue.put('x')")
    assert two.run("queue._callmethod('lease', (False,))") == [1, 1, "x"]
    two.kill()
    until(lambda: one.run("queue.qsize()") == 1)
    assert one.run("queue._callmethod('lease', ())") == [2, 2, "x"]
    assert one.run("queue._callmethod('nack', (2,), {'failed': False})") is None
    assert one.run("queue.get()") == "x"


def test_an_item_for_one_who_just_died_goes_to_the_next(start, agent, newest, transport):
    """The item and the death of the next in line reach the server together, the item first."""
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, newest, server, "Queue()", "queue")
    victim.block("queue", "queue.get()")
    third.block("queue", "queue.get()")
    producer.run("queue.qsize()")                           # its connection, which a stopped server would not accept
    os.kill(server.pid, signal.SIGSTOP)
    try:
        producer.tell("block", "queue", "queue.put('work')")
        assert producer.read() == {"sent": True}
        victim.kill()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    producer.result()
    assert third.result() == "work"


def test_an_item_that_was_read_is_its_readers(start, agent, newest, transport):
    """It is not given out twice; that it was not worked on shows in join()."""
    server = start(servers.Mpmd, transport)
    producer, victim, third = three(agent, newest, server, "JoinableQueue()", "queue")
    producer.run("queue.put('work')")
    assert victim.run("queue.get()") == "work"
    victim.kill()
    server.settle()
    assert third.run("queue.empty()") is True
    producer.block("queue", "queue.join()")
    server.settle()
    assert not producer.has_answered()


SEND_A_PART = """
import pickle, struct
def send_a_part(share):
    queue.qsize()
    data = pickle.dumps((queue._id, "put", ("x" * 2 ** 20,), {}), 2)
    data = struct.pack("!i", len(data)) + data
    data = data[:int(len(data) * share)]
    while data:
        data = data[os.write(queue._tls.connection.fileno(), data):]
"""


@pytest.mark.parametrize("share", [0.00001, 0.5, 0.99, 1])
def test_the_put_of_a_killed_producer_is_whole_or_absent(start, agent, newest, transport, share):
    server = start(servers.Mpmd, transport)
    first, victim, third = three(agent, newest, server, "JoinableQueue()", "queue")
    third.block("queue", "len(queue.get())")
    victim.run(SEND_A_PART)
    victim.run("send_a_part(%r)" % share)
    victim.kill()
    server.settle()
    if share < 1:
        assert not third.has_answered()
        first.run("queue.join()")
        first.run("queue.put('whole')")
        assert third.result() == len("whole")
    else:
        assert third.result() == 2 ** 20
    third.run("queue.task_done()")
    first.run("queue.join()")


def test_a_producer_killed_while_it_waits_for_room_brings_nothing(start, agent, newest, transport):
    server = start(servers.Mpmd, transport)
    first, victim, third = three(agent, newest, server, "JoinableQueue(1)", "queue")
    first.run("queue.put(1)")
    victim.block("queue", "queue.put('of the dead')")
    third.block("queue", "queue.put(3)")
    victim.kill()
    server.settle()
    assert first.run("queue.get()") == 1
    third.result()
    assert first.run("queue.get()") == 3
    first.run("[queue.task_done(), queue.task_done(), queue.join()]")
    assert first.run("queue.empty()") is True


def test_stock_takes_the_item_of_a_producer_killed_while_it_waits(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    first, victim, third = three(agent, stock_python, server, "Queue(1)", "queue")
    first.run("queue.put(1)")
    victim.block("queue", "queue.put('of the dead')")
    victim.kill()
    assert third.run("queue.get()") == 1
    assert third.run("queue.get()") == "of the dead"


# --- holders


def kill_the_holder(agent, python, server, make):
    """The victim holds, the third waits; the victim dies. Returns the survivors."""
    first, victim, third = three(agent, python, server, make)
    assert victim.run("lock.acquire()") in (True, 1)
    third.block("lock", "lock.acquire()")
    victim.kill()
    return first, victim, third


@pytest.mark.parametrize("typeid", list(TRIED))
def test_keep_keeps_what_the_dead_hold_and_warns(start, agent, newest, transport, typeid):
    server = start(servers.Mpmd, transport)                 # the default
    first, victim, third = kill_the_holder(agent, newest, server, TRIED[typeid])
    until(lambda: "level=warn" in server.log().lower() or "warn" in server.log().lower())
    warnings = [line for line in server.log().splitlines() if "warn" in line.lower()]
    assert len(warnings) == 1, warnings
    if transport == "unix":
        assert str(victim.pid) in warnings[0]
    assert not third.has_answered()
    assert first.run("lock.acquire(False)") is False
    if typeid in ("Lock", "Semaphore", "BoundedSemaphore"):
        first.run("lock.release()")                         # it may be released by another
        assert third.result() is True
    else:
        with pytest.raises(agents.AgentError, match="cannot release un-acquired lock"):
            first.run("lock.release()")


def test_stock_keeps_what_the_dead_hold(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    first, victim, third = kill_the_holder(agent, stock_python, server, "Lock()")
    server.settle()
    assert first.run("lock.acquire(False)") is False
    assert not third.has_answered()


@pytest.mark.parametrize("typeid", list(TRIED))
def test_release_hands_on_what_the_dead_held(start, agent, newest, transport, typeid):
    server = start(servers.Mpmd, transport, options=["--on-owner-death", "release"])
    first, victim, third = kill_the_holder(agent, newest, server, TRIED[typeid])
    assert third.result() is True
    assert first.run("lock.acquire(False)") is False
    third.run("lock.release()")
    assert first.run("lock.acquire()") is True


def test_release_hands_on_all_levels_of_an_rlock(start, agent, newest):
    server = start(servers.Mpmd, options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "RLock()")
    victim.run("[lock.acquire() for _ in range(3)]")
    victim.kill()
    assert first.run("lock.acquire()") is True


def test_release_gives_back_every_unit_of_a_semaphore(start, agent, newest, transport):
    server = start(servers.Mpmd, transport, options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "BoundedSemaphore(3)")
    assert victim.run("[lock.acquire(False) for _ in range(3)]") == [True] * 3
    victim.kill()
    assert first.run("[lock.acquire() for _ in range(3)]") == [True] * 3
    assert first.run("lock.acquire(False)") is False


def test_nothing_is_handed_on_when_the_holder_had_released(start, agent, newest, transport):
    server = start(servers.Mpmd, transport, options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "Lock()")
    victim.run("lock.acquire()")
    victim.run("lock.release()")
    assert first.run("lock.acquire()") is True
    victim.kill()
    server.settle()
    assert third.run("lock.acquire(False)") is False


@pytest.mark.parametrize("typeid", list(TRIED))
def test_break_raises_for_everyone(start, agent, newest, transport, typeid):
    server = start(servers.Mpmd, transport, options=["--on-owner-death", "break"])
    first, victim, third = kill_the_holder(agent, newest, server, TRIED[typeid])
    with pytest.raises(agents.AgentError) as waited:
        third.result()
    with pytest.raises(agents.AgentError) as tried:
        first.run("lock.acquire()")
    for e in (waited.value, tried.value):
        assert e.name in ("BrokenBarrierError", "RuntimeError"), e
        assert e.text, "it does not say why"


def test_the_dead_of_any_version_are_noticed(start, agent, python):
    server = start(servers.Mpmd, options=["--on-owner-death", "release"])
    first, victim, third = kill_the_holder(agent, python, server, "Lock()")
    assert third.result() is True


def test_a_thread_that_ends_is_not_a_dead_process(start, agent, newest):
    """Its connection is gone, but its process could still release the lock."""
    server = start(servers.Mpmd, options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "Lock()")
    victim.run("t = threading.Thread(target=lock.acquire); t.start(); t.join()")
    server.settle()
    assert first.run("lock.acquire(False)") is False
    victim.run("lock.release()")
    assert first.run("lock.acquire(False)") is True
    first.run("lock.release()")
    victim.run("t = threading.Thread(target=lock.acquire); t.start(); t.join()")
    victim.kill()
    assert third.run("lock.acquire()") is True


def test_over_tcp_a_closed_connection_is_a_dead_owner(start, agent, newest):
    server = start(servers.Mpmd, "tcp", options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "Lock()")
    victim.run("t = threading.Thread(target=lock.acquire); t.start(); t.join()")
    assert first.run("lock.acquire()") is True


# --- the socket of a dead process, still open in a child of it

KEEP_OPEN = """
if os.fork() == 0:
    with open(%r) as fifo:
        fifo.read()
    os._exit(0)
"""


@pytest.fixture
def fifo(tmp_path):
    """Whoever reads it ends when the test does."""
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    yield path
    os.close(fd)


def test_a_killed_waiter_whose_socket_lives_on_gets_nothing(start, agent, newest, fifo):
    server = start(servers.Mpmd)
    holder, victim, third = three(agent, newest, server, "Lock()")
    holder.run("lock.acquire()")
    assert victim.run("lock.acquire(False)") is False
    victim.run(KEEP_OPEN % fifo)
    victim.block("lock", "lock.acquire()")
    victim.kill()
    server.settle()
    holder.run("lock.release()")
    assert third.run("lock.acquire()") is True


def test_a_killed_holder_whose_socket_lives_on_is_dead(start, agent, newest, fifo):
    server = start(servers.Mpmd, options=["--on-owner-death", "release"])
    first, victim, third = three(agent, newest, server, "Lock()")
    victim.run("lock.acquire()")
    victim.run(KEEP_OPEN % fifo)
    victim.kill()
    assert third.run("lock.acquire()") is True


# --- abandoned calls


def test_an_interrupted_call_is_given_up(start, agent, python, transport):
    server = start(servers.Mpmd, transport)
    holder, victim, third = three(agent, python, server, "Lock()")
    holder.run("lock.acquire()")
    victim.run("ns = m.Namespace(x=42)")
    assert victim.run("ns.x") == 42
    victim.block("lock", "lock.acquire()")
    victim.interrupt()
    with pytest.raises(agents.AgentError, match="KeyboardInterrupt"):
        victim.result()
    # On the same connection, without a word to the server about what happened.
    assert victim.run("ns.x") == 42
    holder.run("lock.release()")
    assert third.run("lock.acquire()") is True
    assert victim.run("lock.acquire(False)") is False
    assert victim.run("ns.x") == 42


def test_stock_answers_an_interrupted_client_out_of_step(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    holder, victim, third = three(agent, stock_python, server, "Lock()")
    holder.run("lock.acquire()")
    victim.run("ns = m.Namespace(x=42)")
    victim.block("lock", "lock.acquire()")
    victim.interrupt()
    with pytest.raises(agents.AgentError, match="KeyboardInterrupt"):
        victim.result()
    victim.begin("ns.x")
    holder.run("lock.release()")
    assert victim.result() is True                          # the answer to acquire(), not 42


# --- references


def test_references_of_a_killed_process_are_dropped(start, agent, python):
    server = start(servers.Mpmd)
    keeper, victim = agent(python, server), agent(python, server)
    keeper.run("mine = m.Namespace(x=1)")
    victim.run("many = [m.Namespace(n=n) for n in range(10)]")
    victim.run("lock = m.Lock()")
    keeper.give("mine", victim)
    assert server.number_of_objects() == 12
    victim.kill()
    until(lambda: server.number_of_objects() == 1)
    assert keeper.run("mine.x") == 1
    assert "refcount=1" in server.dispatch("debug_info")


def test_stock_keeps_the_objects_of_a_killed_process(start, agent, stock_python):
    server = start(servers.Stock, stock_python)
    victim = agent(stock_python, server)
    victim.run("many = [m.Namespace(n=n) for n in range(10)]")
    assert server.number_of_objects() == 10
    victim.kill()
    server.settle()
    assert server.number_of_objects() == 10


def test_references_of_a_killed_idle_process_are_dropped(start, agent, newest):
    """It has no connection open when it dies: only its pid says that it is gone."""
    server = start(servers.Mpmd)
    victim = agent(newest, server)
    victim.run("many = [m.Lock() for n in range(10)]")      # created, never called: no data connection
    assert server.number_of_objects() == 10
    victim.kill()
    until(lambda: server.number_of_objects() == 0)


ORPHAN = """
def orphan():
    ns.x                                    # a connection of its own
    with open(%r) as fifo:                  # opened for writing after the parent has died
        fifo.read()
    board = attach(%r)
    board.said = ns.x
    with open(%r, "w") as fifo:
        fifo.write("done")
    os._exit(0)
if os.fork() == 0:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    multiprocessing.util._run_after_forkers()
    orphan()
"""


def test_a_forked_child_outlives_its_parent_with_its_references(start, agent, newest, tmp_path):
    server = start(servers.Mpmd)
    keeper, victim = agent(newest, server), agent(newest, server)
    keeper.run("board = m.Namespace(said=None)")
    victim.run("ns = m.Namespace(x='of the parent')")
    go, done = str(tmp_path / "go"), str(tmp_path / "done")
    os.mkfifo(go)
    os.mkfifo(done)
    victim.run(ORPHAN % (go, keeper.run("share(board)"), done))
    until(lambda: "refcount=2" in server.dispatch("debug_info"))    # the child has taken its own
    victim.kill()
    server.settle()
    with open(go, "w"):
        pass
    with open(done) as f:
        assert f.read() == "done"
    assert keeper.run("board.said") == "of the parent"
    until(lambda: server.number_of_objects() == 1)


# --- the same owner on a new connection


def test_an_rlock_stays_held_when_its_owner_reconnects(start, agent, python):
    """Dropping one of two proxies of the same object closes the thread's connection (up to 3.13)."""
    server = start(servers.Mpmd)
    owner, other = agent(python, server), agent(python, server)
    owner.run("lock = m.RLock()")
    owner.give("lock", other)
    owner.run("two = attach(share(lock))")
    owner.run("lock.acquire() and lock.acquire()")
    owner.run("del two")
    if python.version <= (3, 12):
        assert owner.run("hasattr(lock._tls, 'connection')") is False
    server.settle()
    assert other.run("lock.acquire(False)") is False
    owner.run("lock.release()")                             # on a new connection
    assert other.run("lock.acquire(False)") is False
    owner.run("lock.release()")
    assert other.run("lock.acquire()") is True
    with pytest.raises(agents.AgentError, match="cannot release un-acquired lock"):
        owner.run("lock.release()")
