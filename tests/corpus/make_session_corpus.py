"""Makes the seeds of fuzz_session: requests as stock clients of each protocol send them, on shared objects.

Usage: python3 make_session_corpus.py FOLDER
"""
import array
import os
import pickle
import sys
import types
from multiprocessing import managers

NS, LOCK, RLOCK, SEM, BSEM, EVENT, COND, BARRIER = '12345678'
LIST, DICT, SET, QUEUE, JOINABLE, LIFO, PRIORITY, VALUE, ARRAY, COUNTER, DEQUE, ORDERED, RWLOCK, LATCH = \
    '9 a b c d e f 10 11 12 13 14 15 16'.split()


def msg(conn, request, protocol=4):
    body = pickle.dumps(request, protocol)
    return bytes([conn]) + len(body).to_bytes(2, 'big') + body


def call(conn, ident, method, *args, protocol=4, **kwds):
    return msg(conn, (ident, method, args, kwds), protocol)


def admin(name, *args, protocol=4):
    body = pickle.dumps((None, name, args, {}), protocol)
    return bytes([7, len(body)]) + body


def end(conn, lost=False):
    return bytes([5, conn + (3 if (conn & 1) != lost else 0)])


TICK, DEAD = bytes([4, 200]), bytes([6])
L = []
L.append(L)


def proxy(ident, cls=managers.ListProxy, typeid='list'):
    return cls(managers.Token(typeid, '/sock', ident), 'pickle', incref=False)


def calls(ident, text):
    """"append(1) pop()" as requests of one client, the next of another."""
    out, depth, start = b'', 0, 0
    for i, c in enumerate(text + ' '):
        depth += (c == '(') - (c == ')')
        if c == ' ' and depth == 0 and text[start:i].strip():
            name, _, rest = text[start:i].strip().partition('(')
            args, kwds = eval('(lambda *a, **k: (a, k))(' + rest, {'L': L, 'PROXY': PROXY, 'array': array.array})
            out += msg(len(out) % 3, (ident, name, args, kwds), 4)
            start = i
    return out


class Call:
    """Pickled as a call of a function that is there by name only; calling it gives another."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __call__(self, *args):
        return Call(self, *args)

    def __reduce__(self):
        return self.reduced


def of_dill(name, *args):
    if not hasattr(dill, name):
        def function():
            pass
        function.__module__, function.__qualname__ = dill.__name__, name
        setattr(dill, name, function)
    return Call(getattr(dill, name), *args)


dill = sys.modules['dill._dill'] = types.ModuleType('dill._dill')
sys.modules['dill'] = types.ModuleType('dill')
SLICE, DICT_TYPE = of_dill('_load_type', 'slice'), of_dill('_load_type', 'dict')
VIEWS = [of_dill('_getattr', DICT_TYPE, name, '')({1: 'a', 'b': [2]}) for name in ('keys', 'values', 'items')]
RANGE = of_dill('_eval_repr', 'range(0, 3)')


class State(object):
    def __init__(self):
        self.me = self
        self.items = [1, 2.5, None, 'x' * 300]


PROXY = proxy('9')

SEEDS = {
    'namespace': b''.join(call(0, NS, '__setattr__', 'x', v, protocol=p) + call(1, NS, '__getattribute__', 'x', protocol=p)
                          for p in range(6) for v in (1, -1, 2 ** 70, 1.5, 'a\ud800', b'b', (1, (2,)), [L], {'k': {1, 2}},
                                                      frozenset('ab'), bytearray(b'z'), 3j, State))
    + call(0, NS, '__delattr__', 'x') + call(0, NS, '__str__') + call(0, NS, '#GETVALUE')
    + call(0, NS, '__getattribute__', '__dict__'),
    'lock': call(0, LOCK, 'acquire') + call(1, LOCK, 'acquire') + call(2, LOCK, 'acquire', True, 1.5) + TICK
    + call(0, LOCK, 'release') + call(1, LOCK, 'release') + call(1, LOCK, 'locked') + call(1, LOCK, 'acquire', False, 2),
    'lost': call(0, LOCK, 'acquire') + call(1, LOCK, 'acquire') + call(2, LOCK, 'acquire') + call(0, LOCK, 'release')
    + end(1, True) + end(2, True) + call(0, LOCK, 'acquire', False),
    'rlock': call(0, RLOCK, 'acquire') * 3 + call(1, RLOCK, 'acquire', timeout=0.2) + TICK + end(0)
    + call(0, RLOCK, 'release') * 4,
    'semaphore': call(0, SEM, 'acquire') + call(1, SEM, 'acquire') + call(2, SEM, 'acquire') + call(0, SEM, 'release', 3)
    + call(0, BSEM, 'release') * 2 + call(1, SEM, 'acquire', False, 1) + call(0, SEM, '__repr__'),
    'event': call(0, EVENT, 'wait') + call(1, EVENT, 'wait', 0.1) + TICK + call(2, EVENT, 'set') + call(0, EVENT, 'is_set')
    + call(0, EVENT, 'clear') + call(0, EVENT, 'wait', None) + call(0, EVENT, 'is_set'),
    'condition': call(0, COND, 'acquire') + call(0, COND, 'wait', 1) + call(1, COND, 'acquire') + call(1, COND, 'wait')
    + call(2, COND, 'acquire') + call(2, COND, 'notify', 1) + call(2, COND, 'notify_all') + TICK + call(2, COND, 'release')
    + call(0, COND, 'release') + end(1, True),
    'barrier': call(0, BARRIER, 'wait') + call(1, BARRIER, 'wait', 0.5) + call(2, BARRIER, 'wait', 0.01) + TICK
    + call(0, BARRIER, 'reset') + call(0, BARRIER, 'abort') + call(0, BARRIER, '__getattribute__', 'n_waiting'),
    'death': call(0, LOCK, 'acquire') + call(1, RLOCK, 'acquire') + call(2, LOCK, 'acquire') + DEAD + end(0) + end(1)
    + call(2, RLOCK, 'acquire', False),
    'admin': b''.join(admin(n, *a, protocol=p) for p in (0, 1, 2, 4) for n, a in (
        ('dummy', ()), ('create', ('Lock',)), ('incref', ('1',)), ('decref', ('9',)), ('debug_info', ()),
        ('number_of_objects', ()), ('create', ('Semaphore', -1)), ('create', ('Barrier', 0)), ('nosuch', ()),
        ('get_methods', ('1',)), ('accept_connection', ('x',)))),
    'list': calls(LIST, "append(1) append('x') extend([3, 2]) extend((1, 'a')) extend({'k': 1}) insert(0, None) pop() pop(-1) "
                  "__getitem__(0) __getitem__(slice(None, None, -1)) __setitem__(slice(0, 2), [7, 8, 9]) __setitem__(1, [L]) "
                  "__delitem__(slice(None, None, 2)) index('a') count(1.0) remove('x') __contains__(True) __add__([1]) "
                  "__mul__(3) __imul__(2) __rmul__(0) reverse() sort() sort(reverse=True) __reversed__() copy() __len__() "
                  "__setitem__(slice(None), [3, 1.5, 2]) sort() __repr__() clear() extend(range(5)) extend(PROXY) append(PROXY) "
                  "__getitem__(-1) __getslice__(0, 2) __delslice__(0, 1)"),
    'dict': calls(DICT, "__setitem__('k', 1) __getitem__('k') __getitem__(1.0) get('z', 9) setdefault(2, [L]) update({1: 2, 'b': 3}) "
                  "update([('p', 1), (2, 3)]) update(a=1) pop('k') pop('z', None) popitem() keys() values() items() copy() "
                  "__contains__((1, 'x')) __delitem__('a') __len__() __or__({1: 1}) __ior__({2: 2}) __ror__({}) __reversed__() "
                  "fromkeys([1, 2], 0) has_key(1) __iter__() __setitem__(frozenset([1]), PROXY) __getitem__(frozenset([1])) "
                  "__setitem__([], 1) __repr__() clear() popitem()"),
    'ordered': calls(ORDERED, "__setitem__('k', 1) update({1: 2, 'b': 3}) move_to_end('k') move_to_end(1, False) popitem(False) "
                     "items() __repr__() clear()"),
    'set': calls(SET, "add(1) add('b') add((1, 2)) discard('z') remove('z') remove('b') __contains__(1.0) update([3, 4], 'ab') "
                 "union([9]) intersection({1}) difference('a') symmetric_difference({1, 2}) intersection_update({1, 3, 4}) "
                 "difference_update([3]) symmetric_difference_update([8]) issubset({1, 8}) issuperset([]) isdisjoint([5]) "
                 "__or__({2}) __and__({1}) __sub__({1}) __xor__({2}) __ior__({5}) __iand__({5, 1}) __isub__({1}) __ixor__({6}) "
                 "__rsub__({7}) __le__({5}) __lt__({5}) __ge__(set()) __gt__(set()) __iter__() __len__() copy() pop() clear() "
                 "add([])"),
    'queue': b''.join(calls(q, "put(1) put([L], False) put('x', timeout=0.1) qsize() empty() full() get() get(False) get(True, 0.1) "
                            "get(timeout=-1) task_done() task_done() task_done() put(PROXY) get_nowait() put_nowait(2) put_many([1, 2]) "
                            "get_many(5) pop_many(3) put_many([1, 2, PROXY]) lease() lease() lease() ack(1) nack(2) lease() nack(4, False) "
                            "ack(9) lease() shutdown() put(1) get()") + TICK for q in (QUEUE, JOINABLE, LIFO, PRIORITY)),
    'waiting': call(0, QUEUE, 'get') + call(1, QUEUE, 'get', True, 0.5) + call(2, QUEUE, 'put', 1) + end(0, True) + TICK
    + call(0, JOINABLE, 'put', 1) + call(1, JOINABLE, 'join') + call(0, JOINABLE, 'get') + call(0, JOINABLE, 'task_done')
    + call(0, QUEUE, 'lease') + call(1, QUEUE, 'lease') + call(2, QUEUE, 'put', 1) + call(0, QUEUE, 'ack', 1)
    + call(0, LATCH, 'wait') + call(1, LATCH, 'count_down') + call(2, LATCH, 'count_down') + call(0, RWLOCK, 'acquire_read')
    + call(1, RWLOCK, 'acquire_write') + end(0) + call(2, RWLOCK, 'acquire_read', False) + DEAD,
    'value': calls(VALUE, "get() set(2) increment(5) set('x') increment(1) set(PROXY) get() __repr__()")
    + call(0, VALUE, '#GETVALUE') + calls(COUNTER, "increment() add(5) compare_and_set(6, 1) get() set(2**70) value()"),
    'array': calls(ARRAY, "__getitem__(0) __getitem__(slice(0, 2)) __setitem__(0, 9) __setitem__(1, 2**40) __setitem__(2, 'x') "
                   "__setitem__(slice(0, 1), array('i', [5])) __setitem__(slice(0, 1), array('d', [5])) __len__() __repr__() "
                   "__getitem__(slice(None, None, -1))") + call(0, ARRAY, '#GETVALUE'),
    'deque': calls(DEQUE, "append(1) appendleft(2) extend([3, 4]) extendleft('ab') rotate(2) pop() popleft() index(3) insert(1, 'x') "
                   "remove(3) count(1) reverse() __getitem__(0) __setitem__(0, 5) __delitem__(0) __len__() __repr__() clear()"),
    'dill': b''.join(call(0, LIST, 'extend', v) for v in VIEWS + [RANGE, of_dill('_load_type', 'bytearray')(b'ab')])
    + call(1, LIST, '__getitem__', SLICE(1, 3, None)) + call(2, LIST, '__setitem__', SLICE(0, 1), RANGE)
    + call(0, LIST, 'append', DICT_TYPE) + call(1, DICT, '__setitem__', RANGE, of_dill('_eval_repr', 'Ellipsis'))
    + call(2, DICT, '__getitem__', range(3)) + call(0, DICT, 'update', VIEWS[2]) + call(1, LIST, '__repr__')
    + call(2, DICT, '__setitem__', of_dill('_load_type', 'complex')(1, 2), of_dill('_load_type', 'KeyError')('k'))
    + call(0, LIST, 'append', of_dill('_create_function', 'code', {'a': 1})) + call(1, DICT, '__repr__'),
    'iterator': call(0, DICT, '__iter__') + calls('17', "__next__() __next__() __next__() next()") + call(0, DICT, '__iter__')
    + call(0, DICT, '__setitem__', 'new', 1) + calls('18', "__next__()"),
    'create': b''.join(admin('create', *a, protocol=p) for p in (2, 4) for a in (
        ('list', [1, [2]]), ('list', 'abc'), ('dict', {1: 2}), ('dict', [(1, 2)]), ('set', 'ab'), ('Array', 'i', [1, 2]),
        ('Array', 'd', 3), ('Value', 'i', 0), ('Queue', 2), ('PriorityQueue',), ('Iterator', [1, 2]), ('Array', 'B', b'xy'))),
    'abuse': msg(0, 1) + msg(0, (1, 2)) + msg(0, [NS, '__str__', [], {}]) + msg(0, (NS, 'nosuch', (), {}))
    + msg(0, (None, None, None, None)) + call(0, LOCK, 'acquire', 1, 2, 3) + call(0, LOCK, 'acquire', nosuch=1)
    + bytes([3, 6]) + b'\0\0\0\2N.' + bytes([3, 4]) + b'\xff\xff\xff\xff' + bytes([3, 8]) + b'\0\0\0\0\0\0\0\0',
}

for policy, name in enumerate(('keep', 'release', 'break')):
    for seed, commands in SEEDS.items():
        with open(os.path.join(sys.argv[1], '%s-%s' % (seed, name)), 'wb') as f:
            f.write(bytes([policy | (0x80 if policy == 1 else 0)]) + commands)
