"""Finds the program mpmd and starts it as a child of this process, as a stock manager does with its Process."""
import contextlib
import fcntl
import glob
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from ._stock import process, util

Address = Union[str, bytes, Tuple[str, int], None]


class Options(NamedTuple):
    """How managers are served: keywords of the managers of this package, and flags of `python -m mpmd`.

    server            path of the program mpmd; None: $MPMD_BINARY, else the one on PATH, else the one beside this package
    address           where to listen when the program does not say; as mpmd --listen has it
    on_owner_death    what becomes of what a killed process held: "keep" (as CPython does), "release" or "break"
    log_level         of the server, on standard error: see mpmd(1)
    fallback          without the program mpmd, use a stock manager and warn; else that is an error
    plain             none of the speed-ups that stock proxies do not have
    report            say at the end on standard error what was called how often and waited for how long
    """
    server: Optional[str] = None
    address: Optional[str] = None
    on_owner_death: str = "keep"
    log_level: str = "warning"
    fallback: bool = False
    plain: bool = False
    report: bool = False


# What fields of Options may be, where that is a few words.
CHOICES = {"on_owner_death": ("keep", "release", "break"), "log_level": ("error", "warning", "info", "debug")}


class ServerNotFound(FileNotFoundError):
    """There is no program mpmd where it was looked for."""


class SetupRefused(EOFError):
    """The server cannot make what it is to have from the beginning."""


def find_server(path: Optional[str] = None) -> str:
    """The path of the program mpmd; ServerNotFound."""
    named = path or os.environ.get("MPMD_BINARY")
    if named:
        found = shutil.which(named)
        if found is None:
            raise ServerNotFound("%s (%s) is no program: name the program mpmd there" %
                                 (named, "server" if path else "MPMD_BINARY"))
        return found
    found = shutil.which("mpmd")
    if found is None:
        # PREFIX/lib/pythonX.Y/site-packages/mpmd, or compat/python/mpmd of a source tree.
        here = os.path.dirname(os.path.abspath(__file__))
        patterns = ["../../../../bin/mpmd"] + ["../../../" + name for name in ("mpmd", "build*/mpmd", "build/demo/mpmd")]
        built = [path for pattern in patterns for path in glob.glob(os.path.normpath(os.path.join(here, pattern)))
                 if os.path.isfile(path) and os.access(path, os.X_OK)]
        found = max(built, key=os.path.getmtime) if built else None
    if found is None:
        raise ServerNotFound("the program mpmd is not on PATH: install it, name it with MPMD_BINARY or server=, "
                             "or allow a stock manager with fallback (python -m mpmd --fallback)")
    return found


def address_text(address: Address) -> Optional[str]:
    """An address as Python has it, as mpmd --listen wants it."""
    if address is None:
        return None
    if isinstance(address, tuple):
        host, port = address
        host = host or "0.0.0.0"
        return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)
    text = os.fsdecode(address)
    return "@" + text[1:] if text.startswith("\0") else os.path.abspath(text)


def parse_address(text: str) -> Address:
    """What mpmd writes when it is ready, as Python has it."""
    if text.startswith("@"):
        return "\0" + text[1:]
    if "/" in text or ":" not in text:
        return os.path.abspath(text)
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


# Ends of pipes that no child of this process may have: a server would live on, or a reader wait, until that child ends;
# and which file each is: a program may close all numbers from 3 on, and open others.
# A fork waits while it is not known which they are.
_private = {}  # type: Dict[int, Optional[Tuple[int, int]]]
_piping = threading.RLock()


def _file_of(fd: int) -> Optional[Tuple[int, int]]:
    """None: it is closed."""
    try:
        found = os.fstat(fd)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _pipe() -> Tuple[int, int]:
    reader, writer = (_above_standard(fd) for fd in os.pipe())
    _private.update((fd, _file_of(fd)) for fd in (reader, writer))
    return reader, writer


def _above_standard(fd: int) -> int:
    """The same under a number that is not of a standard stream, which this process may have closed."""
    if fd > 2:
        return fd
    try:
        other = fcntl.fcntl(fd, fcntl.F_DUPFD, 3)  # PyPy has no F_DUPFD_CLOEXEC
    finally:
        os.close(fd)
    os.set_inheritable(other, False)
    return other


def _let_go(fd: int) -> None:
    if _private.pop(fd, None) == _file_of(fd) is not None:
        os.close(fd)


def _close(fd: int, open_fds: List[int]) -> None:
    """If it is among them; by now it may be the number of something else."""
    with _piping:
        if fd in open_fds:
            open_fds.remove(fd)
            _let_go(fd)


def _close_private(_: Any = None) -> None:
    for fd in list(_private):
        _let_go(fd)


def _after_fork() -> None:
    _close_private()
    _piping.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_piping.acquire, after_in_parent=_piping.release, after_in_child=_after_fork)
else:  # CPython 3.6: children of multiprocessing only
    util.register_after_fork(_close_private, _close_private)


def _wait_by_pidfd(pid: int, timeout: float) -> bool:
    """Waits for a child of this process to end; False: there are no pidfds (CPython 3.8, Linux 5.2 and before)."""
    try:
        fd = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return False
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll(timeout * 1000)
    finally:
        os.close(fd)
    return True


@contextlib.contextmanager
def without_interrupt() -> Iterator[None]:
    """A process that is started in here does not hear of Ctrl-C before it ignores it; this one hears of it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


if TYPE_CHECKING:
    _StockPopen = subprocess.Popen[bytes]
else:
    _StockPopen = subprocess.Popen


class _Popen(_StockPopen):
    _mpmd_parent = None  # type: Optional[int]

    def __init__(self, *args: Any, **kwds: Any) -> None:
        self._mpmd_parent = os.getpid()
        super().__init__(*args, **kwds)

    def __del__(self, *args: Any) -> None:
        if self._mpmd_parent == os.getpid():  # a forked child does not complain that it still runs
            super().__del__(*args)  # type: ignore[misc]


class ServerProcess:
    """The server's process, with what a manager and its users ask of a multiprocessing.Process."""

    daemon = False

    def __init__(self, popen: "subprocess.Popen[bytes]", lifeline: int, name: str, address: Address) -> None:
        self._popen = popen
        self._lifeline = lifeline
        self._open = [lifeline]
        self._file = _private.get(lifeline)
        self._address = address
        self._parent_pid = os.getpid()
        # Counted among the processes of multiprocessing, so that those which follow are called as ever.
        self._identity = process.current_process()._identity + (next(process._process_counter),)  # type: ignore
        self.name = name + "-" + ":".join(str(n) for n in self._identity)
        self.authkey = None  # the server has it, the process does not

    def __repr__(self) -> str:
        code = self.exitcode
        return "<%s name=%r pid=%d %s>" % (type(self).__name__, self.name, self.pid,
                                           "started" if code is None else "stopped exitcode=%d" % code)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    ident = pid

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends: nobody else has the other end of its lifeline."""
        return self._lifeline

    @property
    def exitcode(self) -> Optional[int]:
        """How it ended; negative: by this signal. None: it runs, or is not of this process."""
        return self._popen.poll() if os.getpid() == self._parent_pid else None

    def is_alive(self) -> bool:
        """Whether it runs."""
        assert os.getpid() == self._parent_pid, "can only test a child process"
        return self.exitcode is None

    def join(self, timeout: Optional[float] = None) -> None:
        """Wait for its end, or so many seconds."""
        assert os.getpid() == self._parent_pid, "can only join a child process"
        if timeout is not None and self.is_alive() and _wait_by_pidfd(self.pid, timeout):
            timeout = 0
        try:
            self._popen.wait(timeout)  # looks every now and then, when it has a timeout
        except subprocess.TimeoutExpired:
            return
        _children().discard(self)
        with _piping:
            if _private.get(self._lifeline) == self._file:  # not the lifeline of a later one, if the program closed this
                _close(self._lifeline, self._open)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._popen.terminate()

    def kill(self) -> None:
        """End it (SIGKILL)."""
        self._popen.kill()

    def tidy(self) -> None:
        """Once it was asked to end: lets go of it, and removes what it could not remove when it was killed."""
        self.join(0)
        if (self.exitcode or 0) >= 0:
            return
        sweep()
        remove_socket(self._address)


def start(address: Address, authkey: bytes, options: Options, name: str,
          register: Tuple[str, ...] = (), setup: bytes = b"") -> Tuple[ServerProcess, Address]:
    """Starts a server that ends with this process; returns it and where it listens.

    setup: messages for --setup-fd. ServerNotFound; SetupRefused; EOFError when it does not start, as a stock manager
    has it: it wrote why to standard error.
    """
    config = process.current_process()._config  # type: ignore
    assert not config.get("daemon"), "daemonic processes are not allowed to have children"  # as stock managers have it
    command = [find_server(options.server)]
    listen = address_text(address) or options.address
    if listen is not None:
        command += ["--listen", listen]
    for definition in register:
        command += ["--register", definition]
    command += ["--on-owner-death", options.on_owner_death, "--log-level", options.log_level]

    ours, theirs, open_fds = [], [], []  # type: List[int], List[int], List[int]

    def tell(fd: int, what: bytes) -> None:
        try:
            with os.fdopen(fd, "wb", closefd=False) as f:
                f.write(what)
        except BrokenPipeError:
            pass  # it has ended, and says why
        _close(fd, open_fds)

    try:
        with _piping:
            for option in ("--lifeline-fd", "--authkey-fd", "--ready-fd") + (("--setup-fd",) if setup else ()):
                mine, its = _pipe() if option == "--ready-fd" else _pipe()[::-1]
                ours.append(mine)
                theirs.append(its)
                open_fds += mine, its
                command += [option, str(its)]
            with without_interrupt():
                popen = _Popen(command, stdin=subprocess.DEVNULL, pass_fds=theirs)
            for fd in theirs:
                _close(fd, open_fds)
        keep, key, ready = ours[:3]
        tell(key, bytes(authkey))
        if setup:
            tell(ours[3], setup)
        with os.fdopen(ready, "rb", closefd=False) as f:
            lines = f.read().splitlines()
        if not lines:
            code = popen.wait()
            if code < 0:
                sweep()
                raise EOFError("%s was killed by signal %d while it started" % (command[0], -code))
            raise (SetupRefused if setup and code == 2 else EOFError)(
                "%s did not start (exit code %d): see what it wrote to standard error" % (command[0], code))
        open_fds.remove(keep)
    finally:
        for fd in tuple(open_fds):
            _close(fd, open_fds)
    where = parse_address(os.fsdecode(lines[0]))
    server = ServerProcess(popen, keep, name, where)
    _children().add(server)
    return server, where


def _children() -> Set[Any]:
    """What multiprocessing.active_children() tells of, where a program finds the process of a stock manager, too."""
    return process._children  # type: ignore


# --- what a killed server left ----------------------------------------------------------------------------------------
# The next server would remove it (src/net/folder.c has the rules); a program does not leave it till then.

_FOLDER = "mpmd-run-"


def private_folder(address: Address) -> Optional[str]:
    """The folder that mpmd made for this socket; None: it made none."""
    if not isinstance(address, str):
        return None
    folder, name = os.path.split(address)
    return folder if name == "socket" and os.path.basename(folder).startswith(_FOLDER) else None


def is_private(address: str) -> bool:
    """Whether only a server of ours, or its companion, would listen there."""
    return os.path.basename(os.path.dirname(address)).startswith(_FOLDER) or address.startswith("\0mpmd-")


def sweep() -> None:
    """Removes the folders of this user's servers that are dead, and the shared memory that they had noted."""
    for base in {os.environ.get("TMPDIR", "/tmp"), "/tmp"}:
        try:
            names = [name for name in os.listdir(base) if name.startswith(_FOLDER)]
        except OSError:
            continue
        for name in names:
            try:
                _sweep_one(os.path.join(base, name))
            except OSError:
                pass  # somebody else is at it, or it is not ours


def _sweep_one(folder: str) -> None:
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) != 0o700 or found.st_uid != os.geteuid():
        return
    try:
        lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        os.rmdir(folder)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        notes = os.path.join(folder, "segments")
        for name in os.listdir(notes) if os.path.isdir(notes) else ():
            try:
                _remove_segment("/" + name, os.path.join(notes, name))
            except (OSError, ImportError):
                pass  # it is gone; before CPython 3.8 nobody here has any
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _remove_segment(name: str, note: str) -> None:
    """If it is the one that was noted, and not a later one of the same name."""
    import _posixshmem  # type: ignore
    fd = _posixshmem.shm_open(name, os.O_RDONLY | os.O_NONBLOCK, mode=0o600)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    if (os.readlink(note) == "%d:%d" % (found.st_dev, found.st_ino) and
            found.st_mtime_ns <= os.lstat(note).st_mtime_ns):
        _posixshmem.shm_unlink(name)


def remove_socket(address: Address) -> None:
    """Of a server that was killed, unless another listens there by now; mpmd looks and binds under the same lock."""
    if not isinstance(address, str) or not address.startswith("/"):
        return
    folder = os.path.dirname(address)
    try:
        lock = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # it is gone
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(address)
            except ConnectionRefusedError:
                os.unlink(address)
                if os.path.basename(folder).startswith("pymp-"):  # that of a stock server
                    os.rmdir(folder)
    except OSError:
        pass  # it is gone, or not ours
    finally:
        os.close(lock)


_warned = set()  # type: Set[str]


def warn(text: str) -> None:
    """Says it on standard error, once."""
    if text not in _warned and sys.stderr is not None:
        _warned.add(text)
        sys.stderr.write("mpmd: %s\n" % text)
