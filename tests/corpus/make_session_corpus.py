"""Makes the seeds of fuzz_session: requests as stock clients of each protocol send them, on shared objects.

Usage: python3 make_session_corpus.py FOLDER
"""
import os
import pickle
import sys

NS, LOCK, RLOCK, SEM, BSEM, EVENT, COND, BARRIER = '12345678'


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


class State(object):
    def __init__(self):
        self.me = self
        self.items = [1, 2.5, None, 'x' * 300]


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
    'abuse': msg(0, 1) + msg(0, (1, 2)) + msg(0, [NS, '__str__', [], {}]) + msg(0, (NS, 'nosuch', (), {}))
    + msg(0, (None, None, None, None)) + call(0, LOCK, 'acquire', 1, 2, 3) + call(0, LOCK, 'acquire', nosuch=1)
    + bytes([3, 6]) + b'\0\0\0\2N.' + bytes([3, 4]) + b'\xff\xff\xff\xff' + bytes([3, 8]) + b'\0\0\0\0\0\0\0\0',
}

for policy, name in enumerate(('keep', 'release', 'break')):
    for seed, commands in SEEDS.items():
        with open(os.path.join(sys.argv[1], '%s-%s' % (seed, name)), 'wb') as f:
            f.write(bytes([policy | (0x80 if policy == 1 else 0)]) + commands)
