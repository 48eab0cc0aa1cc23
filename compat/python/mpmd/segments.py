"""Shared memory whose segments mpmd unlinks, and what the resource tracker of this process is to know of it.

multiprocessing's resource tracker unlinks, with a complaint, every segment that some process of the program has opened
and nobody has reported as gone. A stock server, a child of the program, reports what it unlinks to the same tracker.
mpmd does not know it, so the process that shuts mpmd down reports for it. Until then the tracker is the second net: it
unlinks what is left when mpmd itself was killed.

Source: CPython Lib/multiprocessing/managers.py, SharedMemoryManager; resource_tracker.py. Since CPython 3.8.
"""
import functools
import importlib
import os
import typing

from ._stock import connection, multiprocessing, stock, util

if typing.TYPE_CHECKING:
    from multiprocessing import shared_memory

_Items = typing.Iterable[typing.Any]
_MANAGER = getattr(stock, "SharedMemoryManager", None)  # type: typing.Any

# Names of the segments that this process made, by their server's address.
_made = {}  # type: typing.Dict[typing.Any, typing.Set[str]]
_made_by = None  # type: typing.Optional[int]


def _note(manager: typing.Any, name: str) -> None:
    global _made_by
    if _made_by != os.getpid():  # a child has no part in what its parent made
        _made.clear()
        _made_by = os.getpid()
    address = manager._address
    if address not in _made and getattr(manager, "_mpmd_owned", None) is None:
        # The server is not of this process and lives on; so do the segments, which are the server's now.
        util.Finalize(None, _hand_over, args=(address,), exitpriority=-10)
    _made.setdefault(address, set()).add(name)


def _hand_over(address: typing.Any) -> None:
    for name in _made.pop(address, ()):
        _untrack(name)


def _untrack(name: str) -> None:
    """The tracker complains of names that it does not know: it is told first."""
    resource_tracker = importlib.import_module(multiprocessing.__name__ + ".resource_tracker")  # type: typing.Any
    path = name if name.startswith("/") else "/" + name
    resource_tracker.register(path, "shared_memory")
    resource_tracker.unregister(path, "shared_memory")


def _is_gone(name: str) -> bool:
    import _posixshmem  # type: ignore
    try:
        path = name if name.startswith("/") else "/" + name
        os.close(_posixshmem.shm_open(path, os.O_RDONLY | os.O_NONBLOCK, mode=0o600))
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def _finalize(finalize: typing.Any, process: typing.Any, address: typing.Any, authkey: bytes,
              *more: typing.Any) -> None:
    """Shuts the server down and reports what it unlinked."""
    names = _made.pop(address, set()) if _made_by == os.getpid() else set()
    try:
        conn = connection.Client(address, authkey=authkey)
        try:
            names.update(stock.dispatch(conn, None, "list_segments"))
        finally:
            conn.close()
    except (OSError, EOFError, stock.RemoteError):
        pass  # it has ended already
    finalize(process, address, authkey, *more)
    for name in names:
        if _is_gone(name):
            _untrack(name)


def finalizer(cls: typing.Any) -> typing.Any:
    """What shuts down a server of this class of managers."""
    if _MANAGER is None or not issubclass(cls, _MANAGER):
        return cls._finalize_manager
    return functools.partial(_finalize, cls._finalize_manager)


class Tracked:
    """What differs from a stock SharedMemoryManager."""

    if _MANAGER is not None:
        _stock_segment = _MANAGER.SharedMemory
        _stock_list = _MANAGER.ShareableList

    def SharedMemory(self, size: int) -> "shared_memory.SharedMemory":
        """A new SharedMemory of so many bytes, unlinked when the manager ends."""
        segment = Tracked._stock_segment(self, size)
        _note(self, segment.name)
        return segment

    def ShareableList(self, sequence: typing.Optional[_Items]) -> "shared_memory.ShareableList[typing.Any]":
        """A new ShareableList of these values, unlinked when the manager ends."""
        result = Tracked._stock_list(self, sequence)
        _note(self, result.shm.name)
        return result


def replacements() -> typing.Iterator[typing.Tuple[typing.Any, str, typing.Any]]:
    """Class, name and method to be written over the stock ones."""
    if _MANAGER is not None:
        yield _MANAGER, "SharedMemory", Tracked.SharedMemory
        yield _MANAGER, "ShareableList", Tracked.ShareableList
