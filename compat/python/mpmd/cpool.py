"""Functions written in C, called as futures: a concurrent.futures.Executor whose workers are C programs.

    with CPoolExecutor(manager) as executor:            # a SyncManager, of mpmd or of CPython
        executor.start(["./mandelbrot"], workers=4)     # a program made with <mpmd/worker.h>
        row = executor.submit("mandelbrot_row", y, width)
        print(row.result())

Jobs go through two managed queues, so workers may also be started elsewhere: worker_environment() says with what. What
becomes of the jobs of a worker that dies is written in <mpmd/worker.h>; in short, with an mpmd server another worker
does them, with a stock manager their futures raise RuntimeError.
"""
import atexit
import collections
import concurrent.futures
import itertools
import os
import subprocess
import threading
import uuid
import weakref
from multiprocessing.managers import BaseManager
from typing import Any, Deque, Dict, List, Optional, Sequence, Tuple, Union

from ._server import address_text, parse_address

try:
    from concurrent.futures._base import BrokenExecutor
except ImportError:                                     # Python 3.6
    class BrokenExecutor(RuntimeError):                 # type: ignore
        """The executor can do no more work."""

__all__ = ["CPoolExecutor", "BrokenExecutor"]

Address = Union[str, bytes, Tuple[str, int]]
_Job = Tuple[str, str, tuple, dict]

GONE = (EOFError, OSError)      # what a proxy raises when its server is gone
IN_FLIGHT = 64                  # jobs in the queue or with workers, when it is not known how many workers there are
STARTS_IN_VAIN = 3              # so often a program may end without a job done since it started


def _python_address(address: Address) -> Address:
    """An address as multiprocessing takes it; text may be as mpmd writes it."""
    if isinstance(address, str) and (address.startswith(("/", "@")) or ":" in address) and "\0" not in address:
        return parse_address(address)                   # type: ignore
    return address


def _queues(address: Address, authkey: bytes, names: Sequence[str]) -> List[Any]:
    """Proxies of objects by typeid or registered name, by a connection of our own."""
    class Manager(BaseManager):
        pass

    for name in names:
        Manager.register(name)
    manager = Manager(address=address, authkey=authkey)
    manager.connect()
    return [getattr(manager, name)() for name in names]


class _Program:
    """A worker program that start() runs."""

    def __init__(self, command: Sequence[str], workers: int) -> None:
        self.command = list(command)
        self.workers = workers
        self.process = None             # type: Optional[subprocess.Popen]
        self.lifeline = -1              # while this is open, the program may live
        self.done_before = 0            # results when it was started
        self.in_vain = 0
        self.thread = None              # type: Optional[threading.Thread]


class CPoolExecutor(concurrent.futures.Executor):
    """Runs jobs in C workers. submit(), map(), shutdown() and the futures are those of concurrent.futures, with the
    name of a function in place of the function.

    manager        a started or connected manager; or
    address        the address of its server, as text or as multiprocessing has it, and
    authkey        its key
    jobs, results  names of queues that are registered in the server, when it is not to make new ones ("JoinableQueue"
                   and "Queue", which every SyncManager has). Only one executor at a time may read a queue of results.
    max_in_flight  so many jobs are handed out at a time; the others can still be cancelled. None: four for each worker
                   that start() started, and as many again; 64 when there is none.
    """

    def __init__(self, manager: Any = None, *, address: Optional[Address] = None, authkey: Optional[bytes] = None,
                 jobs: str = "JoinableQueue", results: str = "Queue", max_in_flight: Optional[int] = None) -> None:
        if (manager is None) == (address is None):
            raise TypeError("CPoolExecutor() takes a manager, or an address and an authkey")
        if max_in_flight is not None and max_in_flight < 1:
            raise ValueError("max_in_flight must be at least 1")
        if manager is not None:
            address, authkey = manager.address, manager._authkey
        self._manager = manager                         # lives at least as long
        self._address = _python_address(address)        # type: ignore
        self._authkey = bytes(authkey or b"")
        self._max_in_flight = max_in_flight
        self._jobs, self._results = _queues(self._address, self._authkey, [jobs, results])
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._prefix = uuid.uuid4().hex[:12]
        self._pid = os.getpid()                         # a fork of it has neither the threads nor the programs
        self._pending = collections.deque()             # type: Deque[Tuple[_Job, concurrent.futures.Future]]
        self._running = {}                              # type: Dict[str, concurrent.futures.Future]
        self._programs = []                             # type: List[_Program]
        self._done = 0
        self._shut_down = False
        self._finished = False                          # nothing is left to do
        self._broken = None                             # type: Optional[str]
        self._collector = None                          # type: Optional[threading.Thread]
        _executors.add(self)

    # --- what workers need to know

    @property
    def leases(self) -> bool:
        """Whether the server keeps a job until it is done (mpmd), so that none is lost with a worker."""
        return hasattr(self._jobs, "lease")

    def worker_environment(self) -> Dict[str, str]:
        """What a program made with <mpmd/worker.h> wants in its environment, but for the key: that is to be read from a
        descriptor, whose number is in MPMD_WORKER_AUTHKEY_FD."""
        return {"MPMD_WORKER_ADDRESS": str(address_text(self._address)),
                "MPMD_WORKER_JOBS": self._token(self._jobs), "MPMD_WORKER_RESULTS": self._token(self._results)}

    def _token(self, proxy: Any) -> str:
        token = proxy._token
        return "%s:%s@%s" % (token.typeid, token.id, address_text(self._address))

    def start(self, command: Union[str, Sequence[str]], workers: int = 1) -> None:
        """Starts a program made with <mpmd/worker.h>, with that many worker processes, and starts it again should it
        die. It ends with this executor, and with this process."""
        if workers < 1:
            raise ValueError("workers must be at least 1")
        program = _Program([command] if isinstance(command, str) else command, workers)
        self._refuse_fork()
        with self._lock:
            self._refuse_when_over()
            self._run(program)
            self._programs.append(program)
        program.thread = threading.Thread(target=self._watch, args=(program,), name="CPoolExecutor.start", daemon=True)
        program.thread.start()
        self._feed()

    def _run(self, program: _Program) -> None:
        key, key_writer = os.pipe()
        lifeline, program.lifeline = os.pipe()
        try:
            os.write(key_writer, self._authkey)         # less than any pipe takes
            os.close(key_writer)
            environment = dict(os.environ, MPMD_WORKER_AUTHKEY_FD=str(key), MPMD_WORKER_LIFELINE_FD=str(lifeline),
                               MPMD_WORKER_PROCESSES=str(program.workers), **self.worker_environment())
            program.process = subprocess.Popen(program.command, stdin=subprocess.DEVNULL, env=environment,
                                               pass_fds=(key, lifeline))
        except BaseException:
            os.close(program.lifeline)
            raise
        finally:
            os.close(key)
            os.close(lifeline)
        program.done_before = self._done

    def _watch(self, program: _Program) -> None:
        """Waits for a program's end, and decides what that means."""
        while True:
            code = program.process.wait()               # type: ignore
            os.close(program.lifeline)
            with self._lock:
                if self._finished or self._broken is not None:
                    return
                program.in_vain = 0 if self._done != program.done_before else program.in_vain + 1
                again = code != 0 and self.leases and program.in_vain < STARTS_IN_VAIN
                if again:
                    try:
                        self._run(program)
                    except OSError:
                        again = False
                if not again:
                    self._programs.remove(program)
                last = not self._programs
            if again:
                continue
            if code != 0 and not self.leases:
                # Which jobs it had nobody knows: as with a ProcessPoolExecutor.
                self._break("the worker program %s ended with %s" % (program.command[0], code))
            elif last:
                self._break("all worker programs have ended, the last one with %s" % code)
            return

    # --- jobs

    def submit(*args: Any, **kwargs: Any) -> concurrent.futures.Future:     # type: ignore
        """submit(name, *args, **kwargs): calls the function that workers know by that name."""
        if len(args) < 2:
            raise TypeError("submit() takes the name of a function and its arguments")
        self, name = args[:2]
        if not isinstance(name, str):
            raise TypeError("submit() takes the name of a function in C as a str, not %r" % (name,))
        self._refuse_fork()                             # whose lock may be held for ever
        future = concurrent.futures.Future()            # type: concurrent.futures.Future
        with self._lock:
            self._refuse_when_over()
            job = ("%s-%d" % (self._prefix, next(self._numbers)), name, args[2:], kwargs)
            self._pending.append((job, future))
            if self._collector is None:
                self._collector = threading.Thread(target=self._collect, name="CPoolExecutor", daemon=True)
                self._collector.start()
        self._feed()
        return future

    submit.__text_signature__ = "($self, name, /, *args, **kwargs)"     # type: ignore

    def _refuse_fork(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("a CPoolExecutor works only in the process that made it")

    def _refuse_when_over(self) -> None:
        if self._broken is not None:
            raise BrokenExecutor(self._broken)
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def _limit(self) -> int:
        if self._max_in_flight is not None:
            return self._max_in_flight
        return 8 * sum(p.workers for p in self._programs) or IN_FLIGHT

    def _feed(self) -> None:
        """Hands out jobs, as many as may be."""
        while True:
            with self._lock:
                if self._broken is not None or not self._pending or len(self._running) >= self._limit():
                    return
                job, future = self._pending.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                self._running[job[0]] = future
            try:
                self._jobs.put(job)
            except GONE as error:
                self._break("the manager at %s is gone: %r" % (address_text(self._address), error))
            except Exception as error:                  # cannot be pickled, is too long, ...
                self._settle(job[0], False, error)

    def _settle(self, job: str, ok: bool, value: Any) -> None:
        """What became of a job; of one that was done twice, the first time counts."""
        with self._lock:
            future = self._running.pop(job, None)
            self._done += future is not None
        if future is None:
            return
        if ok:
            future.set_result(value)
        else:
            future.set_exception(value if isinstance(value, BaseException) else RuntimeError(value))

    def _collect(self) -> None:
        """The thread that waits for results."""
        while True:
            with self._lock:
                if self._broken is not None or (self._shut_down and not self._pending and not self._running):
                    self._finished = True
                    break
            try:
                item = self._results.get()
            except GONE as error:
                self._break("the manager at %s is gone: %r" % (address_text(self._address), error))
                continue
            except Exception as error:                  # whose it was cannot be told
                self._break("a result cannot be read: %r" % (error,))
                continue
            if isinstance(item, tuple) and len(item) == 3 and isinstance(item[0], str):
                self._settle(*item)
            # else None, to look around, or the answer to a job that is not ours
            self._feed()
        self._end_programs()

    def _wake(self) -> None:
        try:
            self._results.put(None)
        except Exception:                               # then it notices by itself
            pass

    def _break(self, why: str) -> None:
        with self._lock:
            if self._broken is not None or self._finished:
                return
            self._broken = why
            futures = list(self._running.values()) + [future for _, future in self._pending]
            self._running.clear()
            self._pending.clear()
        for future in futures:
            try:
                future.set_exception(BrokenExecutor(why))
            except Exception:                           # it was cancelled
                pass
        if self._collector is None:
            self._end_programs()
        elif threading.current_thread() is not self._collector:
            self._wake()

    # --- the end

    def _end_programs(self) -> None:
        with self._lock:
            programs = list(self._programs)
        for program in programs:
            try:
                if self._broken is None:
                    program.process.terminate()         # type: ignore
                else:
                    program.process.kill()              # type: ignore
            except OSError:
                pass

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more jobs. Those that were submitted are done, but for those that cancel_futures can still cancel; then
        the programs of start() end. Workers that were started elsewhere go on. Does nothing in a forked process."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._shut_down = True
            collector = self._collector
            if cancel_futures:
                for _, future in self._pending:
                    future.cancel()
            self._finished = self._finished or collector is None
        self._feed()                                    # takes out what was cancelled
        if collector is None:
            self._end_programs()
        else:
            self._wake()
        if wait and collector is not None:
            collector.join()
        if wait:
            for program in list(self._programs):
                if program.thread is not None and program.thread is not threading.current_thread():
                    program.thread.join()


_executors = weakref.WeakSet()                          # type: ignore


@atexit.register
def _end_all() -> None:
    """As concurrent.futures does: what was submitted is done before the interpreter ends, when there are workers."""
    for executor in list(_executors):
        executor.shutdown(wait=bool(executor._programs))
