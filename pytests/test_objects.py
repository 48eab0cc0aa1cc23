"""Typed and general calls of libmpmd on every type: with the server of every CPython, and with mpmd; and C and Python
clients on the same objects of mpmd at the same time.

Three clients do the same with objects of their own: tests/objects_driver.c by mpm_call(), the same by typed calls, and
objects_twin.py with the proxies of the server's own Python. They have to get the same results, and between them try all
methods that the server says it exposes.
"""
import os
import re

import pytest

import servers
from agents import Agent
from drivers import Driver, build_tool

# What is called, and the typed call that does the same. `x` is of the type. Lines with + are of methods that mpmd has
# and does not list; lines of methods that a server does not list are left out.
SCRIPTS = {
    "Lock": """
        x = Lock ()
        x.acquire ()                            | lock_acquire (None,)
        x.acquire (False,)                      | lock_acquire (0,)
        x.acquire (True, 0.01)                  | lock_acquire (0.01,)
        x.locked ()                             | lock_locked ()
        x.release ()                            | lock_release ()
        x.release ()                            | lock_release ()""",
    "RLock": """
        x = RLock ()
        x.acquire ()                            | lock_acquire (None,)
        x.acquire (False,)                      | lock_acquire (0,)
        x.acquire (True, 0.01)                  | lock_acquire (0.01,)
        x.locked ()                             | lock_locked ()
        x.release ()                            | lock_release ()
        x.release ()                            | lock_release ()""",
    "Semaphore": """
        x = Semaphore (1,)
        x.acquire ()                            | lock_acquire (None,)
        x.acquire (False,)                      | lock_acquire (0,)
        x.acquire (True, 0.01)                  | lock_acquire (0.01,)
        x.release ()                            | lock_release ()
        x.release (2,)                          | semaphore_release (2,)
        x.locked ()                             | lock_locked ()
        x.acquire (False,)                      | lock_acquire (0,)""",
    "BoundedSemaphore": """
        x = BoundedSemaphore (2,)
        x.locked ()                             | lock_locked ()
        x.acquire ()                            | lock_acquire (None,)
        x.acquire (False,)                      | lock_acquire (0,)
        x.acquire (False,)                      | lock_acquire (0,)
        x.release ()                            | lock_release ()
        x.release ()                            | lock_release ()
        x.release ()                            | lock_release ()""",
    "Condition": """
        x = Condition ()
        x.wait (0.01,)                          | condition_wait (0.01,)
        x.acquire ()                            | lock_acquire (None,)
        x.wait (0.01,)                          | condition_wait (0.01,)
        x.wait (0.0,)                           | condition_wait (0,)
        x.notify ()                             | condition_notify (1,)
        x.notify (3,)                           | condition_notify (3,)
        x.notify_all ()                         | condition_notify_all ()
        x.locked ()                             | lock_locked ()
        x.release ()                            | lock_release ()
        x.notify_all ()                         | condition_notify_all ()""",
    "Event": """
        x = Event ()
        x.is_set ()                             | event_is_set ()
        x.wait (0.0,)                           | event_wait (0,)
        x.wait (0.01,)                          | event_wait (0.01,)
        x.set ()                                | event_set ()
        x.wait ()                               | event_wait (None,)
        x.is_set ()                             | event_is_set ()
        x.clear ()                              | event_clear ()
        x.is_set ()                             | event_is_set ()""",
    "Barrier": """
        x = Barrier (1,)
        x.wait ()                               | barrier_wait (None,)
        x.wait (5.0,)                           | barrier_wait (5.0,)
        x.__getattribute__ ('parties',)         | barrier_parties ()
        x.__getattribute__ ('n_waiting',)       | barrier_n_waiting ()
        x.__getattribute__ ('broken',)          | barrier_broken ()
        x.abort ()                              | barrier_abort ()
        x.__getattribute__ ('broken',)          | barrier_broken ()
        x.wait ()                               | barrier_wait (None,)
        x.reset ()                              | barrier_reset ()
        x.wait ()                               | barrier_wait (None,)""",
    "Queue": """
        x = Queue (3,)
        x.put ('text',)                         | queue_put ('text', None)
        x.put_nowait ({'k': [1, 2.5, None]},)   | queue_put ({'k': [1, 2.5, None]}, 0)
        x.put (3, True, 0.5)                    | queue_put (3, 0.5)
        x.put (4, False)                        | queue_put (4, 0)
        x.put (4, True, 0.01)                   | queue_put (4, 0.01)
        x.full ()                               | queue_full ()
        x.qsize ()                              | queue_qsize ()
        x.empty ()                              | queue_empty ()
        x.get ()                                | queue_get (None,)
        x.get_nowait ()                         | queue_get (0,)
        x.get (True, 0.5)                       | queue_get (0.5,)
        x.get (False,)                          | queue_get (0,)
        x.get (True, 0.01)                      | queue_get (0.01,)
        x.empty ()                              | queue_empty ()
        x.task_done ()                          | queue_task_done ()
        x.task_done ()                          | queue_task_done ()
        x.task_done ()                          | queue_task_done ()
        x.task_done ()                          | queue_task_done ()
        x.join ()                               | queue_join ()
        x.put_many ([1, 2],)                    | queue_put_many ([1, 2], None)
        x.put_many ([1, 2], False)              | queue_put_many ([1, 2], 0)
        x.pop_many (5,)                         | queue_pop_many (5, None)
        x.pop_many (5, False)                   | queue_pop_many (5, 0)
        x.put ('lent',)                         | queue_put ('lent', None)
        x.lease ()                              | queue_lease (None,)
        x.nack (1, True)                        | queue_nack (1, True)
        x.lease (False,)                        | queue_lease (0,)
        x.ack (2,)                              | queue_ack (2,)
        x.ack (2,)                              | queue_ack (2,)
        x.lease (True, 0.01)                    | queue_lease (0.01,)
        x.shutdown (False,)                     | queue_shutdown (False,)
        x.put (1, False)                        | queue_put (1, 0)
        x.get (False,)                          | queue_get (0,)""",
    "dict": """
        x = dict ({'a': 1, 'b': 2.5, 'c': 'text'},)
        x.__getitem__ ('a',)                    | dict_get ('a',)
        x.__getitem__ ('a',)                    | dict_get_at ('a',)
        x.__getitem__ ('a',)                    | dict_get_int ('a',)
        x.__getitem__ ('b',)                    | dict_get_double ('b',)
        x.__getitem__ ('c',)                    | dict_get_text ('c',)
        x.__getitem__ ('none',)                 | dict_get ('none',)
        x.__setitem__ ('d', [1])                | dict_set ('d', [1])
        x.__setitem__ ((1, 2), b'bytes')        | dict_set_at ((1, 2), b'bytes')
        x.__setitem__ ('i', 9007199254740993)   | dict_set_int ('i', 9007199254740993)
        x.__setitem__ ('f', 0.1)                | dict_set_double ('f', 0.1)
        x.__setitem__ ('t', 'x')                | dict_set_text ('t', 'x')
        x.__contains__ ('d',)                   | dict_contains ('d',)
        x.__contains__ ((1, 3),)                | dict_contains_at ((1, 3),)
        x.has_key ('d',)                        | dict_contains ('d',)
        x.__len__ ()                            | dict_len ()
        x.__delitem__ ('a',)                    | dict_delete ('a',)
        x.__delitem__ ('a',)                    | dict_delete ('a',)
        x.__delitem__ ((1, 2),)                 | dict_delete_at ((1, 2),)
        x.get ('b',)                            | dict_get ('b',)
        x.get ('none', 'default')               |
        x.pop ('b',)                            | dict_pop ('b',)
        x.pop ('b',)                            | dict_pop ('b',)
        x.pop ('d',)                            | dict_pop_at ('d',)
        x.setdefault ('c', 0)                   | dict_setdefault ('c', 0)
        x.setdefault (5, 0)                     | dict_setdefault_at (5, 0)
        x.clear ()                              | dict_clear ()
        x.popitem ()                            | dict_popitem ()
        x.update ({'only': [1, 'one']},)        | dict_update ({'only': [1, 'one']},)
        x.keys ()                               | dict_keys ()
        x.values ()                             | dict_values ()
        x.items ()                              | dict_items ()
        x.copy ()                               | dict_copy ()
        y = x.__iter__ ()                       | dict_iterate ()
        x.__or__ ({'more': 1},)                 |
        x.__ror__ ({'more': 1},)                |
        x.__ior__ ({},)                         |
        x.fromkeys (['k'],)                     |
        x.__reversed__ ()                       |
        x.popitem ()                            | dict_popitem ()
      + x.increment ('n', 5)                    | dict_increment ('n', 5)
      + x.compare_and_set ('n', 5, 'new')       | dict_compare_and_set ('n', 5, 'new')
      + x.compare_and_set ('n', 5, 'new')       | dict_compare_and_set ('n', 5, 'new')
      + x.update_if ('n', 'new', 1)             | dict_compare_and_set ('n', 'new', 1)""",
    "Iterator": """
        d = dict ({'a': 1, 'b': 2},)
        x = d.__iter__ ()                       | dict_iterate ()
        x.{next} ()                             | iterator_next ()
        x.{next} ()                             | iterator_next ()
        x.{next} ()                             | iterator_next ()
        x.send (1,)                             |
        x.throw ('x',)                          |
        x.close ()                              |
        x.{other} ()                            |""",
    "list": """
        x = list ([3, 1, 2],)
        x.__getitem__ (-1,)                     | list_get (-1,)
        x.__getitem__ (3,)                      | list_get (3,)
        x.__getitem__ (slice(1, None),)         | list_get_slice (1, 9223372036854775807)
        x.__getslice__ (1, 2)                   | list_get_slice (1, 2)
        x.__setitem__ (0, 9)                    | list_set (0, 9)
        x.__setitem__ (3, 9)                    | list_set (3, 9)
        x.__setitem__ (slice(0, 1), [7, 8])     | list_set_slice (0, 1, [7, 8])
        x.__setslice__ (0, 1, [7, 8])           | list_set_slice (0, 1, [7, 8])
        x.__getitem__ (slice(None),)            | list_copy ()
        x.append ('x',)                         | list_append ('x',)
        x.extend (('y', 'y'),)                  | list_extend (('y', 'y'),)
        x.insert (1, [])                        | list_insert (1, [])
        x.index ('y',)                          | list_index ('y',)
        x.index ('z',)                          | list_index ('z',)
        x.count ('y',)                          | list_count ('y',)
        x.__contains__ ('y',)                   | list_contains ('y',)
        x.__len__ ()                            | list_len ()
        x.remove ('x',)                         | list_remove ('x',)
        x.remove ('x',)                         | list_remove ('x',)
        x.pop (-1,)                             | list_pop (-1,)
        x.pop (99,)                             | list_pop (99,)
        x.reverse ()                            | list_reverse ()
        x.__delitem__ (0,)                      | list_delete (0,)
        x.__delitem__ (99,)                     | list_delete (99,)
        x.__delitem__ (slice(2, None),)         | list_delete_slice (2, 9223372036854775807)
        x.__delslice__ (1, 2)                   | list_delete_slice (1, 2)
        x.__getitem__ (slice(None),)            | list_copy ()
        x.__delitem__ (slice(None),)            | list_clear ()
        x.extend ([2, 3, 1],)                   | list_extend ([2, 3, 1],)
        x.sort ()                               | list_sort (False,)
        x.__getitem__ (slice(None),)            | list_copy ()
        x.__setitem__ (slice(None), [3, 2, 1])  | list_sort (True,)
        x.__imul__ (2,)                         | list_repeat (2,)
        x.__add__ ([0],)                        |
        x.__mul__ (2,)                          |
        x.__rmul__ (2,)                         |
        x.__reversed__ ()                       |
        x.copy ()                               | list_copy ()
        x.clear ()                              | list_clear ()
        x.pop ()                                | list_pop (-1,)""",
    "Value": """
        x = Value ('i', 5)
        x.get ()                                | shared_get ()
        x.get ()                                | shared_get_int ()
        x.get ()                                | shared_get_double ()
        x.set (6,)                              | shared_set_int (6,)
        x.set (0.1,)                            | shared_set_double (0.1,)
        x.get ()                                | shared_get_double ()
        x.set ('text',)                         | shared_set_text ('text',)
        x.get ()                                | shared_get_text ()
        x.set ([1],)                            | shared_set ([1],)
        x.get ()                                | shared_get ()
      + x.exchange (5,)                         | shared_exchange (5,)
      + x.add (2,)                              | shared_add_int (2,)
      + x.increment (1,)                        | shared_add_int (1,)
      + x.decrement (1,)                        | shared_add_int (-1,)
      + x.compare_and_set (7, 8)                | shared_compare_and_set_int (7, 8)
      + x.update_if (7, 8)                      | shared_compare_and_set (7, 8)
      + x.add (0.5,)                            | shared_add_double (0.5,)""",
    "Array": """
        x = Array ('i', [1, 2, 3])
        x.__len__ ()                            | array_len ()
        x.__getitem__ (-1,)                     | array_get (-1,)
        x.__getitem__ (1,)                      | array_get_int (1,)
        x.__getitem__ (3,)                      | array_get_int (3,)
        x.__setitem__ (0, 9)                    | array_set_int (0, 9)
        x.__setitem__ (1, 8)                    | array_set (1, 8)
        x.__setitem__ (1, 'x')                  | array_set (1, 'x')
        x.__setitem__ (99, 1)                   | array_set_int (99, 1)
        x.__getitem__ (slice(0, 2),)            | array_read ('i', 0, 2)
        x.__getslice__ (0, 2)                   | array_read ('i', 0, 2)
        x.__getitem__ (slice(-2, None),)        | array_read ('i', -2, 50)
        x.__setslice__ (0, 1, [7])              |
        x.__setitem__ (slice(1, 3), array('i', [-5, 2147483647])) | array_write ('i', 1, [-5, 2147483647])
        x.__setitem__ (slice(0, 1), array('d', [1.0])) | array_write ('d', 0, [1.0])
        x.__getitem__ (slice(0, 9),)            | array_read ('i', 0, 9)
        y = Array ('d', [0.5, 1.5])
        y.__setitem__ (slice(1, 3), array('d', [2.5, -1.0])) | array_write ('d', 1, [2.5, -1.0])
        y.__setitem__ (0, 7.5)                  | array_set_double (0, 7.5)
        y.__getitem__ (0,)                      | array_get_double (0,)
        y.__getitem__ (slice(0, 9),)            | array_read ('d', 0, 9)""",
    "Namespace": """
        x = Namespace ()
        x.__setattr__ ('a', [1])                | namespace_set ('a', [1])
        x.__setattr__ ('i', -5)                 | namespace_set_int ('i', -5)
        x.__setattr__ ('f', 0.1)                | namespace_set_double ('f', 0.1)
        x.__setattr__ ('t', 'x')                | namespace_set_text ('t', 'x')
        x.__getattribute__ ('a',)               | namespace_get ('a',)
        x.__getattribute__ ('i',)               | namespace_get_int ('i',)
        x.__getattribute__ ('f',)               | namespace_get_double ('f',)
        x.__getattribute__ ('t',)               | namespace_get_text ('t',)
        x.__getattribute__ ('none',)            | namespace_get ('none',)
        x.__delattr__ ('a',)                    | namespace_delete ('a',)
        x.__delattr__ ('a',)                    | namespace_delete ('a',)""",
    "Pool": """
        x = Pool (1,)
        x.apply ('%builtins.abs', (-5,))        |
        x.map ('%builtins.abs', [-1, 2])        |
        x.starmap ('%builtins.pow', [(2, 3)])   |
        y = x.apply_async ('%builtins.abs', (-6,)) |
        y.get ()                                |
        y = x.map_async ('%builtins.abs', [-7])  |
        y.get ()                                |
        y.ready ()                              |
        y.successful ()                         |
        y = x.starmap_async ('%builtins.pow', [(2, 4)]) |
        y.wait ()                               |
        y.get ()                                |
        y = x.imap ('%builtins.abs', [-8])       |
        y.{next} ()                             |
        y = x.imap_unordered ('%builtins.abs', [-9]) |
        y.{next} ()                             |
        x.close ()                              |
        x.join ()                               |
        x.terminate ()                          |""",
}
SCRIPTS["JoinableQueue"] = SCRIPTS["Queue"].replace("= Queue", "= JoinableQueue")
# What only mpmd makes for everybody.
OWN_SCRIPTS = {
    "set": """
        x = set ([1],)
        x.add (2,)                              | set_add (2,)
        x.remove (2,)                           | set_remove (2,)
        x.remove (2,)                           | set_remove (2,)
        x.discard (2,)                          | set_discard (2,)
        x.__contains__ (1,)                     | set_contains (1,)
        x.__len__ ()                            | set_len ()
        x.copy ()                               | set_copy ()
        x.union ([2],)                          | set_union ([2],)
        x.difference ([1],)                     | set_difference ([1],)
        x.intersection ([1],)                   | set_intersection ([1],)
        x.symmetric_difference ([1, 2],)        | set_symmetric_difference ([1, 2],)
        x.isdisjoint ([1],)                     | set_is_disjoint ([1],)
        x.issubset ([1],)                       | set_is_subset ([1],)
        x.issuperset ([2],)                     | set_is_superset ([2],)
        x.update ([2, 3],)                      | set_update ([2, 3],)
        x.difference_update ([3],)              | set_difference_update ([3],)
        x.intersection_update ([2, 3],)         | set_intersection_update ([2, 3],)
        x.symmetric_difference_update ([2, 3],) | set_symmetric_difference_update ([2, 3],)
        x.pop ()                                | set_pop ()
        x.pop ()                                | set_pop ()
        x.clear ()                              | set_clear ()
        x.__or__ ({1},)                         |
        x.__ror__ ({1},)                        |
        x.__and__ ({1},)                        |
        x.__rand__ ({1},)                       |
        x.__sub__ ({1},)                        |
        x.__rsub__ ({1},)                       |
        x.__xor__ ({1},)                        |
        x.__rxor__ ({1},)                       |
        x.__ior__ ({1},)                        |
        x.__iand__ ({1},)                       |
        x.__isub__ ({2},)                       |
        x.__ixor__ ({2},)                       |
        x.__le__ ({1},)                         |
        x.__lt__ ({1},)                         |
        x.__ge__ ({1},)                         |
        x.__gt__ ({1},)                         |
        x.__eq__ ({1},)                         |
        x.__ne__ ({1},)                         |
        x.__class_getitem__ ('%builtins.int',)  |
        x.__iter__ ()                           |""",
    "deque": """
        x = deque ()
        x.pop ()                                | deque_pop ()
        x.append (1,)                           | deque_append (1,)
        x.appendleft (2,)                       | deque_append_left (2,)
        x.extend ([3, 4],)                      | deque_extend ([3, 4],)
        x.extendleft ([5, 6],)                  | deque_extend_left ([5, 6],)
        x.insert (1, 'x')                       | deque_insert (1, 'x')
        x.copy ()                               | deque_copy ()
        x.rotate (-2,)                          | deque_rotate (-2,)
        x.reverse ()                            | deque_reverse ()
        x.index (3,)                            | deque_index (3,)
        x.index (33,)                           | deque_index (33,)
        x.count (3,)                            | deque_count (3,)
        x.remove (3,)                           | deque_remove (3,)
        x.remove (3,)                           | deque_remove (3,)
        x.pop ()                                | deque_pop ()
        x.popleft ()                            | deque_pop_left ()
      + x.__getitem__ (0,)                      | deque_get (0,)
      + x.__setitem__ (0, 'y')                  | deque_set (0, 'y')
      + x.__contains__ ('y',)                   | deque_contains ('y',)
      + x.__len__ ()                            | deque_len ()
      + x.__delitem__ (0,)                      | deque_delete (0,)
      + x.__delitem__ (50,)                     | deque_delete (50,)
        x.__iter__ ()                           |
        x.__reversed__ ()                       |
        x.clear ()                              | deque_clear ()
        x.popleft ()                            | deque_pop_left ()""",
    "OrderedDict": """
        x = OrderedDict ({'a': 1, 'b': 2, 'c': 3},)
        x.move_to_end ('a',)                    | ordereddict_move_to_end ('a', True)
        x.move_to_end ('x', False)              | ordereddict_move_to_end ('x', False)
        x.popitem (False,)                      | ordereddict_popitem (False,)
        x.__eq__ ({'c': 3, 'a': 1},)            |
        x.__ne__ ({'c': 3, 'a': 1},)            |""" + SCRIPTS["dict"].replace("= dict", "= OrderedDict")
    .replace("y = x.__iter__ ()                       | dict_iterate ()", "x.__iter__ () |"),
    "Counter": """
        x = Counter (5,)
        x.get ()                                | shared_get_int ()
        x.set (7,)                              | shared_set_int (7,)
        x.set ('x',)                            | shared_set_text ('x',)
        x.add (2,)                              | shared_add_int (2,)
        x.increment ()                          | shared_add_int (1,)
        x.decrement ()                          | shared_add_int (-1,)
        x.compare_and_set (9, 1)                | shared_compare_and_set_int (9, 1)
        x.update_if (9, 1)                      | shared_compare_and_set_int (9, 1)
        x.exchange (3,)                         | shared_exchange (3,)""",
    "RWLock": """
        x = RWLock ()
        x.acquire_read ()                       | rwlock_acquire_read (None,)
        x.acquire_read (False,)                 | rwlock_acquire_read (0,)
        x.acquire_write (False,)                | rwlock_acquire_write (0,)
        x.locked ()                             | rwlock_locked ()
        x.release_read ()                       | rwlock_release_read ()
        x.release_read ()                       | rwlock_release_read ()
        x.release_read ()                       | rwlock_release_read ()
        x.acquire_write (True, 0.5)             | rwlock_acquire_write (0.5,)
        x.release_write ()                      | rwlock_release_write ()""",
    "Latch": """
        x = Latch (2,)
        x.wait (0.01,)                          | latch_wait (0.01,)
        x.count_down (2,)                       | latch_count_down (2,)
        x.wait ()                               | latch_wait (None,)
        x.count ()                              | latch_count ()""",
}
for kind in ("LifoQueue", "PriorityQueue"):
    OWN_SCRIPTS[kind] = SCRIPTS["Queue"].replace("= Queue", "= " + kind).replace("{'k': [1, 2.5, None]}", "7") \
        .replace("'text'", "2").replace("'lent'", "5")

# What an exception is to a typed call.
CODES = {
    "queue.Empty": "nothing there in time",
    "_queue.Empty": "nothing there in time",  # as Python names it from 3.7 on
    "builtins.StopIteration": "nothing there in time",
    "queue.Full": "no room in time",
    "builtins.KeyError": "no such object",
    "builtins.IndexError": "number out of range",
}
TAKES = ("dict_popitem", "ordereddict_popitem", "set_pop", "deque_pop", "deque_pop_left")
SEARCHES = ("list_index", "list_remove", "deque_index", "deque_remove")
RAISED = "the server raised an exception"


@pytest.fixture(scope="module")
def program():
    return build_tool("objects_driver")


@pytest.fixture
def run(program):
    """Starts a driver; all are ended, and their end looked at, with the test."""
    started = []

    def start(*command):
        process = Driver(*(command if len(command) > 1 else (program, command[0].text, command[0].keyfile)))
        started.append(process)
        return process

    yield start
    for process in started:
        if process.process.poll() is None and not process.process.stdin.closed:
            process.process.stdin.close()
            process.process.wait(servers.HANG)
        process.process.stdout.close()


def plain(said):
    """Without what differs by Python's version, or from run to run: u'text', <iterator at 0x...>, the order of a set,
    and names of exceptions that 3 has given up."""
    said = re.sub(r"\bu(?=')", "", said)
    said = re.sub(r"(\d)L\b", r"\1", said)
    said = re.sub(r"<.* object.*>", "<object>", said)
    said = "<object>" if said == "set[int]" else said
    said = said.replace("_queue.", "queue.").replace("_thread.error", "thread.error")
    if re.match(r"\{[^:{}]*\}$", said):
        said = "{" + ", ".join(sorted(said[1:-1].split(", "))) + "}"
    return said


def same(general, real):
    """An exception has the same type; its text, too, unless it names what is different each time."""
    general, real = plain(general), plain(real)
    if general.startswith("!") and real.startswith("!") and ("0x" in general or "RemoteError" in general):
        return general.split(":")[0] == real.split(":")[0]
    return general == real


def meaning(name, signature, method, real):
    """What the typed call of this name is to say where Python has got `real`."""
    if real.startswith("!"):
        cls, text = real[2:].split(":", 1)
        if cls.endswith("RemoteError") and "KeyError: '%s'" % method in text:
            return "? not supported"
        if cls == "builtins.TypeError" and "acquire" in name:
            return "? not supported"
        if cls in ("builtins.KeyError", "builtins.IndexError") and name in TAKES:
            return "? nothing there in time"
        if cls == "builtins.ValueError" and name in SEARCHES:
            return "? no such object"
        if cls == "builtins.AttributeError" and name.startswith("namespace"):
            return "? no such object"
        return "? " + CODES.get(cls, RAISED)
    if name == "array_read":
        return re.search(r"\[.*\]", real).group()
    if name == "queue_lease":
        return real[:-1]
    if signature[-1:] in tuple("DIFSP"):
        return real
    if signature[-1:] == "B":
        return str(real in ("True", "1"))
    if signature[-1:] == "t":
        return "? timed out" if real == "False" else "ok"
    return "ok"


def lines_of(script, following):
    """(is it mpmd's own, general line, typed call or "")."""
    other = "__next__" if following == "next" else "next"
    for line in script.strip().splitlines():
        line = line.replace("{next}", following).replace("{other}", other).strip()
        general, _, typed = (part.strip() for part in line.lstrip("+ ").partition("|"))
        yield line.startswith("+"), general, typed


def run_script(typeid, script, general, typed, twin, signatures, has_own, following):
    """Returns the methods that were tried, and those that a typed call has done."""
    tried, done, exposed, wrong = set(), set(), None, []
    for own, line, call in lines_of(script, following):
        target, rest = line.split(" ", 1)
        name, _, method = target.partition(".")
        if rest.startswith("= "):
            source, _, method = rest[2:].split(" ")[0].partition(".")
            name = source if method else ""
        if own and not has_own or (not own and name == "x" and exposed is not None and method not in exposed):
            continue
        real = twin.ask(line)
        if "array(" in line:      # no literal
            said = real
            general.ask(name + ":" + call)
        else:
            line = re.sub(r"slice\((.*?)\)", r"('%slice', \1)", line)
            said = general.ask(line)
        if not same(said, real):
            wrong.append("%s\n    mpm_call: %s\n    Python:   %s" % (line, said, real))
        function = call.split(" ")[0]
        if name == "x":
            tried.add(method)
            done.update([method] if call else [])
        if rest.startswith("= "):
            typed_line, wanted = ("%s = %s:%s" % (target, name, call) if call else line), real
        elif call:
            typed_line = "%s:%s" % (name, call)
            wanted = meaning(function, signatures.get(function, ""), method, real)
            if function == "shared_get_double" and re.match(r"-?\d+$", wanted):
                wanted += ".0"
        else:
            typed_line, wanted = line, real
        said = typed.ask(typed_line)
        if not same(said, wanted):
            wrong.append("%s for %s\n    typed:  %s\n    wanted: %s" % (typed_line, line, said, wanted))
        if rest.startswith("= ") and target == "x":
            exposed = twin.ask("exposed x").split()
    assert not wrong, "%d calls of %s\n%s" % (len(wrong), typeid, "\n".join(wrong))
    return set(exposed) - tried, set(exposed) - done


# Methods for which there is mpm_call(): the manual says so.
EXOTIC = {
    "dict": ["__or__", "__ror__", "__ior__", "fromkeys", "__reversed__", "__class_getitem__"],
    "list": ["__add__", "__mul__", "__rmul__", "__reversed__"],
    "Iterator": ["send", "throw", "close", "__next__", "next"],
    "set": ["__iter__", "__class_getitem__"] + ["__%s__" % name for name in
            "or ror and rand sub rsub xor rxor ior iand isub ixor le lt ge gt eq ne".split()],
    "Array": ["__setslice__"],
    "deque": ["__iter__", "__reversed__"],
    "Pool": None,
    "OrderedDict": ["__iter__", "__eq__", "__ne__", "__or__", "__ror__", "__ior__", "fromkeys", "__reversed__"],
}


def run_all(scripts, server, python, run, has_own, following):
    general, typed = run(server), run(server)
    twin = run(python.path, os.path.join(servers.HERE, "objects_twin.py"), server.text, server.keyfile)
    signatures = dict(word.split("/") for word in general.ask("signatures").split())
    for typeid in scripts:
        untried, untyped = run_script(typeid, scripts[typeid], general, typed, twin, signatures, has_own, following)
        assert not untried, "%s: methods that nobody has tried" % typeid
        exotic = EXOTIC.get(typeid, [])
        assert exotic is None or untyped <= set(exotic), "%s: methods without a typed call" % typeid
    for process in (general, typed):
        process.close()


def test_every_method_of_a_stock_manager(start, python, run):
    left_out = ["Barrier"] if python.version[0] == 2 else []
    scripts = {typeid: SCRIPTS[typeid] for typeid in SCRIPTS if typeid not in left_out}
    run_all(scripts, start(servers.Stock, python), python, run, False, "next" if python.version[0] == 2 else "__next__")


def test_every_method_of_mpmd(start, newest, run):
    scripts = dict(SCRIPTS, **OWN_SCRIPTS)
    del scripts["Pool"]
    run_all(scripts, start(servers.Mpmd, options=["--log-level", "error"]), newest, run, True, "__next__")


# --- C and Python at once ---------------------------------------------------------------------------------------------

SIZE = 40


def parts_of(token):
    """typeid and ident."""
    typeid, rest = token.split(":", 1)
    return typeid, rest.split("@")[0]


class Mixed(object):
    """Two C and two Python clients, and the objects that they share."""

    def __init__(self, server, python, run):
        self.first = run(server)
        self.drivers = [self.first, run(server)]
        self.agents = [Agent(python, server) for _ in range(2)]

    def make(self, name, line, proxytype):
        assert self.first.ask("%s = %s" % (name, line)) == "ok"
        token = self.first.ask("token " + name)
        for driver in self.drivers[1:]:
            assert driver.ask("%s = %s" % (name, token)) == "ok"
        for agent in self.agents:
            agent.run("%s = attach(%r)" % (name, [proxytype] + list(parts_of(token))))

    def close(self):
        for agent in self.agents:
            agent.kill()
        for driver in self.drivers:
            driver.close()


@pytest.fixture
def mixed(start, newest, run):
    """mpmd, or a stock manager that has never heard of it."""
    made = []

    def make(kind):
        if kind == "mpmd":
            server = start(servers.Mpmd, options=["--log-level", "error"])
        else:
            server = start(servers.Stock, newest)
        made.append(Mixed(server, newest, run))
        return made[-1]

    yield make
    for each in made:
        for agent in each.agents:
            agent.kill()


KINDS = pytest.mark.parametrize("kind", ["mpmd", "stock"])


@KINDS
def test_a_counter_under_one_lock_loses_nothing(mixed, kind):
    m = mixed(kind)
    m.make("lock", "Lock ()", "AcquirerProxy")
    m.make("value", "Value ('i', 0)", "ValueProxy")
    for agent in m.agents:
        agent.begin("for _ in range(%d):\n    with lock: value.value += 1" % SIZE)
    for driver in m.drivers:
        driver.tell("count lock value %d" % SIZE)
    assert [driver.answer() for driver in m.drivers] == ["ok", "ok"]
    assert [agent.result() for agent in m.agents] == [None, None]
    assert m.first.ask("value:shared_get_int ()") == str(4 * SIZE)
    m.close()


@KINDS
def test_a_queue_gives_each_item_to_one_consumer(mixed, kind):
    m = mixed(kind)
    m.make("queue", "JoinableQueue (8,)", "BaseProxy")
    m.make("done", "dict ()", "DictProxy")
    put = ("def put(item): queue._callmethod('put', (item,))\n"
           "def get(): return queue._callmethod('get')\n"
           "def task_done(): queue._callmethod('task_done')")
    for agent in m.agents:
        agent.run(put)
    # one producer and one consumer of each kind
    m.agents[0].begin("for i in range(%d): put('python-%%d' %% i)" % SIZE)
    m.agents[1].begin("""
n = 0
while True:
    item = get()
    if item is not None:
        done[item] = 'python'
    task_done()
    if item is None:
        break
    n += 1
""")
    m.drivers[0].tell("produce queue c %d" % SIZE)
    m.drivers[1].tell("consume queue done c")
    assert m.drivers[0].answer() == "ok"
    assert m.agents[0].result() is None
    for _ in range(2):
        assert m.drivers[0].ask("queue:queue_put (None, None)") == "ok"
    assert m.drivers[0].ask("queue:queue_join ()") == "ok"
    by_c = int(m.drivers[1].answer())
    assert m.agents[1].result() is None
    done = m.agents[0].run("sorted(done.items())")
    assert [item for item, _ in done] == sorted("%s-%d" % (who, i) for who in ("c", "python") for i in range(SIZE))
    assert sum(1 for _, who in done if who == "c") == by_c
    assert m.agents[1].run("n") == 2 * SIZE - by_c
    m.close()


@KINDS
def test_both_kinds_meet_at_a_barrier(mixed, kind):
    m = mixed(kind)
    m.make("barrier", "Barrier (4,)", "BarrierProxy")
    for agent in m.agents:
        agent.begin("total = sum(barrier.wait() for _ in range(%d))" % SIZE)
    for driver in m.drivers:
        driver.tell("meet barrier %d" % SIZE)
    total = sum(int(driver.answer()) for driver in m.drivers)
    for agent in m.agents:
        agent.result()
        total += agent.run("total")
    assert total == SIZE * (0 + 1 + 2 + 3)
    m.close()


@KINDS
def test_both_kinds_notify_each_other(mixed, kind):
    m = mixed(kind)
    m.make("condition", "Condition ()", "ConditionProxy")
    m.make("value", "Value ('i', 0)", "ValueProxy")
    for mine, agent in enumerate(m.agents):
        agent.begin("""
for _ in range(%d):
    with condition:
        while value.value %% 4 != %d:
            condition.wait()
        value.value += 1
        condition.notify_all()
""" % (SIZE, 2 * mine))
    for mine, driver in enumerate(m.drivers):
        driver.tell("turns condition value %d 4 %d" % (2 * mine + 1, SIZE))
    assert [driver.answer() for driver in m.drivers] == ["ok", "ok"]
    assert [agent.result() for agent in m.agents] == [None, None]
    assert m.first.ask("value:shared_get_int ()") == str(4 * SIZE)
    m.close()


# --- finding objects --------------------------------------------------------------------------------------------------

@pytest.fixture
def found_by(run):
    """A driver of a server, and an agent of that Python."""
    agents = []

    def make(server, python):
        agents.append(Agent(python, server))
        return run(server), agents[-1]

    yield make
    for agent in agents:
        agent.kill()


def servers_of(start, python):
    """mpmd, and this Python's own server, both with a queue and a list by name."""
    named = ["jobs=Queue(2)", "board=list([1])"]
    return [start(servers.Mpmd, options=["--log-level", "error"], register=named),
            start(servers.Stock, python, register=named)]


def test_an_object_is_found_by_its_registered_name(start, python, found_by):
    for server in servers_of(start, python):
        driver, agent = found_by(server, python)
        assert driver.ask("jobs = jobs ()") == "ok"
        assert driver.ask("board = board ()") == "ok"
        agent.run("class M(SyncManager): pass\nM.register('jobs')\nM.register('board', proxytype="
                  "multiprocessing.managers.ListProxy)\nn = M(address=address, authkey=key)\nn.connect()\n"
                  "jobs = n.jobs()\nboard = n.board()")
        agent.run("jobs.put('from Python')")
        assert driver.ask("jobs:queue_get (None,)") == "'from Python'"
        assert driver.ask("jobs:queue_put ('from C', None)") == "ok"
        assert agent.run("str(jobs.get())") == "from C"
        assert driver.ask("board:list_append (2,)") == "ok"
        assert agent.run("board[:]") == [1, 2]
        driver.close()


def test_an_object_is_found_by_its_token(start, python, found_by):
    for server in servers_of(start, python):
        driver, agent = found_by(server, python)
        agent.run("d = m.dict({'a': 1})\nt = d._token")
        assert driver.ask("d = " + agent.run("'%s:%s@%s' % (t.typeid, t.id, t.address)")) == "ok"
        assert driver.ask("d:dict_get_int ('a',)") == "1"
        assert driver.ask("e = Event ()") == "ok"
        agent.run("e = attach(%r)" % (["EventProxy"] + list(parts_of(driver.ask("token e"))),))
        agent.run("e.set()")
        assert driver.ask("e:event_wait (None,)") == "ok"
        driver.close()


def test_an_object_is_found_by_a_pickled_proxy(start, python, found_by):
    for server in servers_of(start, python):
        driver, agent = found_by(server, python)
        agent.run("import binascii, pickle\nl = m.list([1, 2])\np = m.Queue()\np.put('x')")
        for protocol in range(agent.run("pickle.HIGHEST_PROTOCOL") + 1):
            data = agent.run("binascii.hexlify(pickle.dumps(l, %d)).decode()" % protocol)
            assert driver.ask("l = pickle " + data) == "ok"
            assert driver.ask("l:list_copy ()") == "[1, 2]"
            assert driver.ask("close l") == "ok"
        driver.close()


def test_a_proxy_comes_through_a_pipe(start, python, found_by, program):
    for server in servers_of(start, python):
        driver, agent = found_by(server, python)
        agent.run("""
import subprocess
l = m.list([1])
ours, theirs = multiprocessing.Pipe()
more = {'pass_fds': (theirs.fileno(),)} if sys.version_info[0] > 2 else {}
c = subprocess.Popen(%r, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
ours.send(l)
said = c.communicate(('l = pipe %%d\\nl:list_append (2,)\\n' %% theirs.fileno()).encode())[0].decode()
""" % ([program, server.text, server.keyfile],))
        assert agent.run("said") == "ok\nok\n"
        assert agent.run("l[:]") == [1, 2]
        agent.run("from multiprocessing.connection import Listener\nlistener = Listener(None, 'AF_UNIX', authkey=key)")
        address = agent.run("listener.address")
        agent.begin("c = listener.accept()\nc.send(l)\nc.close()")
        assert driver.ask("l = peer " + address) == "ok"
        assert agent.result() is None
        assert driver.ask("l:list_copy ()") == "[1, 2]"
        driver.close()


def test_a_proxy_comes_through_a_managed_queue_and_goes_back(start, python, found_by):
    for server in servers_of(start, python):
        driver, agent = found_by(server, python)
        assert driver.ask("jobs = jobs ()") == "ok"
        agent.run("class M(SyncManager): pass\nM.register('jobs')\nn = M(address=address, authkey=key)\nn.connect()\n"
                  "jobs = n.jobs()\nl = m.list([1])\njobs.put(l)")
        if server.kind == "stock" and python.version[0] == 2:
            # 2.7's server puts the list itself in place of the proxy
            assert driver.ask("jobs:queue_get (None,)") == "[1]"
        else:
            assert driver.ask("l = item jobs") == "ok"
            assert driver.ask("l:list_append (2,)") == "ok"
            assert agent.run("l[:]") == [1, 2]
        assert driver.ask("v = Value ('i', 5)") == "ok"
        assert driver.ask("jobs:queue_put ('@v ValueProxy', None)") == "ok"
        agent.run("v = jobs.get()\nv.value += 1")
        wanted = "5" if server.kind == "stock" and python.version[0] == 2 else "6"
        assert driver.ask("v:shared_get_int ()") == wanted
        driver.close()
