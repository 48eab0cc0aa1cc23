"""demo.py MPMD - runs examples/board.py, a stock Python program, against the server MPMD, then compares rates.

The comparison is what such a program sees: the clients are Python, too, and take most of the time of each call.
"""
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing.managers import SyncManager

KEY = os.urandom(32)
SECONDS = 0.5    # of each measurement
ROUNDS = 3       # the two servers take turns; the best round of each counts
CLIENTS = (1, 8)


def start_mpmd(binary, folder):
    """A server on a private socket that ends with this program, and how long it took to get ready."""
    address = os.path.join(folder, 'mpmd.sock')
    key_file = os.path.join(folder, 'authkey')
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as f:
        f.write(KEY.hex().encode())
    ready, ready_writer = os.pipe()
    lifeline, lifeline_writer = os.pipe()
    since = time.perf_counter()
    server = subprocess.Popen(
        [binary, '--listen', address, '--authkey-file', key_file, '--ready-fd', str(ready_writer),
         '--lifeline-fd', str(lifeline), '--log-level', 'warning'],
        pass_fds=(ready_writer, lifeline), stdin=subprocess.DEVNULL)
    os.close(ready_writer)
    os.close(lifeline)
    with open(ready) as f:
        line = f.readline().strip()
    took = time.perf_counter() - since
    if not line:
        sys.exit('demo: mpmd did not start (exit code %s)' % server.wait())
    return server, line, KEY.hex().encode(), took, lifeline_writer


def connect(address, key):
    multiprocessing.current_process().authkey = key
    manager = SyncManager(address=address, authkey=key)
    manager.connect()
    return manager


def read_namespace(ns, lock, event):
    ns.is_running


def take_lock(ns, lock, event):
    lock.acquire()
    lock.release()


def read_event(ns, lock, event):
    event.is_set()


OPERATIONS = (('read a Namespace attribute', read_namespace, 1), ('Lock acquire + release', take_lock, 2),
              ('Event.is_set', read_event, 1))


def client(operation, objects, gate, counts, i):
    operation(*objects)               # connects
    gate.wait()
    n = 0
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        operation(*objects)
        n += 1
    counts[i] = n


def measure(manager, operation, clients):
    """Rounds of `operation` per second, done by so many processes at once on one set of objects."""
    context = multiprocessing.get_context('fork')
    objects = manager.Namespace(is_running=True), manager.Lock(), manager.Event()
    gate = context.Barrier(clients)
    counts = context.Array('q', clients)
    processes = [context.Process(target=client, args=(operation, objects, gate, counts, i)) for i in range(clients)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
    return sum(counts) / SECONDS


def compare(address, key):
    ours = connect(address, key)
    stock = SyncManager(authkey=key, ctx=multiprocessing.get_context('fork'))
    stock.start()
    print('\ncalls per second      %-28s %10s %10s %8s' % ('', 'stock', 'mpmd', 'ratio'))
    try:
        for clients in CLIENTS:
            for name, operation, calls in OPERATIONS:
                best = [0, 0]
                for _ in range(ROUNDS):
                    for i, manager in enumerate((stock, ours)):
                        best[i] = max(best[i], calls * measure(manager, operation, clients))
                print('  %d Python process%-4s  %-28s %10d %10d %8.1f' % (
                    clients, 'es' if clients > 1 else '', name, best[0], best[1], best[1] / best[0]))
    finally:
        stock.shutdown()
    print('The clients are Python and share this machine\'s %d processors with the server.' % os.cpu_count())


def main():
    binary = sys.argv[1]
    if not os.access(binary, os.X_OK):
        sys.exit('demo: there is no program %s yet' % binary)
    folder = tempfile.mkdtemp(prefix='mpmd-demo-')
    server = None
    try:
        server, address, key, took, lifeline = start_mpmd(binary, folder)
        print('mpmd (pid %d) is ready on %s, %.1f ms after this program began to start it\n' % (
            server.pid, address, took * 1000), flush=True)
        board = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'examples', 'board.py')
        print('$ python3 examples/board.py    # a stock program: Pool, Namespace, Lock', flush=True)
        subprocess.run([sys.executable, board], check=True, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, MPMD_ADDRESS=address, MPMD_AUTHKEY=key.decode()))
        compare(address, key)
        server.terminate()
        print('\nSIGTERM: mpmd ended with exit code %d; its socket is %s.' % (
            server.wait(), 'still there' if os.path.exists(address) else 'gone'))
        print('To use it in a program of your own: README.md, "A first program". The server is %s.' % binary)
    except subprocess.CalledProcessError as e:
        sys.exit('demo: the program failed with exit code %d' % e.returncode)
    finally:
        if server is not None and server.poll() is None:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
