"""CPython's own proxies at the jobs of bench/client.c. Usage: proxies.py SOCKET KEY JOB OPERATIONS"""
import sys
import time
from multiprocessing.managers import SyncManager

N_KEYS = 1000


def main():
    address, key, job, n = sys.argv[1], sys.argv[2].encode(), sys.argv[3], int(sys.argv[4])
    keys = ["key%03d" % i for i in range(N_KEYS)]
    manager = SyncManager(address=address, authkey=key)
    manager.connect()
    target = manager.list() if job == "list" else manager.dict({k: 100000 + i for i, k in enumerate(keys)})
    len(target)  # the connection for calls is opened before the clock starts
    start, cpu = time.perf_counter(), time.process_time()
    if job == "get":
        for i in range(n):
            target[keys[i * 389 % N_KEYS]]
    elif job == "set":
        for i in range(n):
            target[keys[i * 389 % N_KEYS]] = 100000 + i
    else:
        for i in range(n):
            target.append(100000 + i)
            target.pop()
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - start
    print("operations=%d seconds=%.6f per_second=%.1f cpu_us=%.2f" % (n, seconds, n / seconds, cpu * 1e6 / n))


if __name__ == "__main__":
    main()
