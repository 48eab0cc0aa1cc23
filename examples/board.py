"""A bulletin board: five Pool workers loop while ns.is_running; the parent says when to stop.

A stock program: nothing in it knows mpmd. It runs as well against a manager server of Python itself.
Where the server is comes from the environment: MPMD_ADDRESS (a path, or host:port) and MPMD_AUTHKEY.
"""
import multiprocessing
import os
import time
from multiprocessing.managers import SyncManager

WORKERS = 5


def work(name, ns, lock, everyone_is_here):
    rounds = 0
    everyone_is_here.wait()
    while ns.is_running:
        with lock:
            ns.total = ns.total + 1
        rounds += 1
    return name, rounds


def main():
    address, key = os.environ['MPMD_ADDRESS'], os.environ['MPMD_AUTHKEY'].encode()
    host, colon, port = address.rpartition(':')
    if colon and port.isdigit() and '/' not in host:
        address = (host, int(port))

    multiprocessing.current_process().authkey = key    # proxies inside the workers use it, too
    manager = SyncManager(address=address, authkey=key)
    manager.connect()

    ns = manager.Namespace(is_running=True, total=0, log=['start'])
    lock = manager.Lock()
    everyone_is_here = manager.Barrier(WORKERS + 1)
    ns.log.append('lost: ns.log is a copy')
    ns.log = ns.log + ['kept: ns.log was bound again']

    with multiprocessing.Pool(WORKERS) as pool:
        results = [pool.apply_async(work, ('worker %d' % i, ns, lock, everyone_is_here)) for i in range(WORKERS)]
        everyone_is_here.wait()
        time.sleep(1)
        ns.is_running = False
        done = [r.get() for r in results]

    for name, rounds in done:
        print('  %s went round %d times' % (name, rounds))
    print('  together %d, counted under the lock %d' % (sum(rounds for _, rounds in done), ns.total))
    print('  the log: %s' % ns.log)
    assert sum(rounds for _, rounds in done) == ns.total
    assert ns.log == ['start', 'kept: ns.log was bound again']


if __name__ == '__main__':
    main()
