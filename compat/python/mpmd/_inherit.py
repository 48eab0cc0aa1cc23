"""What a companion that is forked does not take over from its parent.

A stock server is forked when its manager starts, a companion when it is first needed, with all that the program made
meanwhile: references to managed objects, which would live as long as the companion; ends of pipes, whose other ends
would not see them closed.

Source: CPython Lib/multiprocessing/popen_fork.py, util.py (register_after_fork), managers.py (BaseProxy._after_fork).
"""
import os
import sys
import typing

from ._stock import multiprocessing, stock, util

# How many registrations of util.register_after_fork() there were, and which file each descriptor is of.
Mark = typing.Tuple[int, typing.Dict[int, typing.Tuple[int, int]]]


def mark() -> Mark:
    """What there is now."""
    return next(util._afterfork_counter), _descriptors()  # type: ignore


def _descriptors() -> typing.Dict[int, typing.Tuple[int, int]]:
    found = {}  # type: typing.Dict[int, typing.Tuple[int, int]]
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                status = os.fstat(int(name))
            except OSError:
                continue  # that of the listing
            found[int(name)] = status.st_dev, status.st_ino
        break
    return found


def _of_tracker() -> typing.Optional[int]:
    """What the process tells the resource tracker by, which is there for all processes of the program."""
    names = [multiprocessing.__name__ + name for name in (".resource_tracker", ".semaphore_tracker")]
    module = sys.modules.get(names[0]) or sys.modules.get(names[1])
    tracker = getattr(module, "_resource_tracker", None) or getattr(module, "_semaphore_tracker", None)
    return getattr(tracker, "_fd", None)


def leave_behind(child: typing.Any, since: typing.Optional[Mark], keep: typing.Iterable[int]) -> None:
    """To be called before a process is started: if it is forked, it will not have what was made since, but these."""
    if getattr(child, "_start_method", None) != "fork":
        return
    count, before = since or (0, _descriptors())
    kept = {0, 1, 2, _of_tracker()}.union(keep)
    others = [fd for fd, file in _descriptors().items() if fd not in kept and before.get(fd) != file]
    bootstrap = child._bootstrap

    def without(*args: typing.Any, **kwds: typing.Any) -> typing.Any:
        registry = util._afterfork_registry  # type: ignore
        for key, thing in list(registry.items()):
            if key[0] >= count and isinstance(thing, stock.BaseProxy):
                del registry[key]
        if others:
            # The numbers stay taken: what has them here may close them. What closed its own at the fork left one to this.
            null = os.open(os.devnull, os.O_RDWR)
            for fd in others:
                if fd != null:
                    os.dup2(null, fd, inheritable=False)
            if null not in others:
                os.close(null)
        return bootstrap(*args, **kwds)

    child._bootstrap = without
