"""A mixed pool: two workers in C (mixed_pool.c) and two in Python take numbers from one queue, note each in a file that a
lock guards, and put its square into one dict. A barrier holds each after its first job until all have had one.

Usage: python3 mixed_pool.py ./mixed_pool
The server is the one at MPMD_ADDRESS (a path, or host:port) with the key MPMD_AUTHKEY, or else a manager of Python's own.
"""
import collections
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.managers import SyncManager

JOBS = 1000


def work(jobs, lock, barrier, results, file):
    for number in iter(jobs.get, None):
        results[number] = ('Python', number * number)
        with lock, open(file, 'a') as f:
            f.write('Python %d\n' % number)
        jobs.task_done()
        if barrier is not None:
            barrier.wait()
            barrier = None
    jobs.task_done()


def connect():
    if 'MPMD_ADDRESS' not in os.environ:
        os.environ['MPMD_AUTHKEY'] = 'a key for this run'
        multiprocessing.current_process().authkey = os.environ['MPMD_AUTHKEY'].encode()
        return multiprocessing.Manager()
    address, key = os.environ['MPMD_ADDRESS'], os.environ['MPMD_AUTHKEY'].encode()
    host, colon, port = address.rpartition(':')
    if colon and port.isdigit() and '/' not in host:
        address = (host, int(port))
    multiprocessing.current_process().authkey = key     # proxies inside the workers use it, too
    m = SyncManager(address=address, authkey=key)
    m.connect()
    return m


def main():
    m = connect()
    jobs, lock, barrier, results = m.JoinableQueue(), m.Lock(), m.Barrier(4), m.dict()
    file = os.path.join(tempfile.mkdtemp(), 'notes')
    for number in range(JOBS):
        jobs.put(number)

    address = m.address if isinstance(m.address, str) else '%s:%d' % m.address
    tokens = ['%s:%s' % (p._token.typeid, p._token.id) for p in (jobs, lock, barrier, results)]
    in_c = [subprocess.Popen([sys.argv[1], address] + tokens + [file]) for _ in range(2)]
    in_python = [multiprocessing.Process(target=work, args=(jobs, lock, barrier, results, file)) for _ in range(2)]
    for process in in_python:
        process.start()

    jobs.join()                                         # each number was worked on
    for _ in range(4):
        jobs.put(None)
    codes = [process.wait() for process in in_c]
    for process in in_python:
        process.join()
        codes.append(process.exitcode)

    by = collections.Counter(kind for kind, square in results.values())
    with open(file) as f:
        noted = collections.Counter(line.split()[1] for line in f)
    os.remove(file)
    os.rmdir(os.path.dirname(file))
    assert codes == [0, 0, 0, 0], codes
    assert {n: square for n, (kind, square) in results.items()} == {n: n * n for n in range(JOBS)}
    assert len(noted) == JOBS and set(noted.values()) == {1}
    assert by['C'] >= 2 and by['Python'] >= 2, by
    print('%d jobs, each done once: both kinds of workers worked' % len(noted))
    print('C %d, Python %d' % (by['C'], by['Python']), file=sys.stderr)


if __name__ == '__main__':
    main()
