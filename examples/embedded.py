"""A worker for the server inside examples/embedded.c; nothing in it knows mpmd, C, or that the server is in C.

Where the server is comes from the environment: MPMD_ADDRESS (a path) and MPMD_AUTHKEY.
"""
import os
import queue
from multiprocessing.managers import BaseManager


class Manager(BaseManager):
    pass


Manager.register('get_jobs')
Manager.register('get_results')


def main():
    manager = Manager(address=os.environ['MPMD_ADDRESS'], authkey=os.environ['MPMD_AUTHKEY'].encode())
    done = 0
    try:
        manager.connect()
        jobs, results = manager.get_jobs(), manager.get_results()
        while True:
            n = jobs.get(False)
            results.update({str(n): n * n})
            done += 1
            jobs.task_done()
    except (queue.Empty, EOFError, OSError):
        pass    # nothing left, or the program has ended and its server with it
    print('%d jobs done' % done)


if __name__ == '__main__':
    main()
