"""A stock program with a manager of its own; workers that find it may be in any language (examples/stock_worker.c).

    stock_program.py JOURNAL COMMAND...

Serves on 127.0.0.1, starts COMMAND twice with the address behind it, and does a part of the work itself. The authkey
comes from the environment: MPMD_AUTHKEY. One source for Python 2.7 and 3.
"""
from __future__ import print_function
import os
import subprocess
import sys
import threading
from multiprocessing.managers import AcquirerProxy, BaseManager, DictProxy

try:
    from queue import Queue
except ImportError:
    from Queue import Queue

JOBS, WORKERS = 200, 2
jobs, results, lock, options = Queue(), Queue(), threading.Lock(), {}


class Manager(BaseManager):
    pass


Manager.register('get_jobs', lambda: jobs)
Manager.register('get_results', lambda: results)
Manager.register('get_lock', lambda: lock, AcquirerProxy)
Manager.register('get_options', lambda: options, DictProxy)


def work(journal):
    while True:
        job = jobs.get()
        if job is None:
            return
        with lock:
            with open(journal, 'a') as f:
                f.write('Python %d\n' % job[0])
        results.put((job[0], len(job[1].split()), sum(c.isalpha() for c in job[1])))


def main(journal, *command):
    options['journal'] = journal
    server = Manager(('127.0.0.1', 0), os.environ['MPMD_AUTHKEY'].encode()).get_server()
    thread = threading.Thread(target=server.serve_forever)
    thread.daemon = True
    thread.start()
    others = [subprocess.Popen(list(command) + ['%s:%d' % server.address]) for n in range(WORKERS)]
    for n in range(JOBS):
        jobs.put((n, u'the job number %d of many' % n))
    done = [results.get()]      # one of the others has begun
    mine = threading.Thread(target=work, args=(journal,))
    mine.start()
    done += [results.get() for n in range(JOBS - 1)]
    counted = dict((r[0], r[1:]) for r in done)
    for n in range(WORKERS + 1):
        jobs.put(None)
    mine.join()
    assert all(process.wait() == 0 for process in others)
    assert counted == dict((n, (6, 18)) for n in range(JOBS)), counted
    print('%d jobs done' % len(counted))
    sys.stdout.flush()
    os._exit(0)     # Python's server thread has no other end


if __name__ == '__main__':
    main(*sys.argv[1:])
