"""Programs that change nothing: multiprocessing's managers, and those of its cousins, packages made from a copy of it.

A cousin's managers are changed when the program imports them, so that no other program waits for that. multiprocess is the
one: its protocol is CPython's, its pickles are dill's. Not billiard: its server puts the object itself where it is sent a
proxy, and its programs expect to read a copy there.
"""
import importlib.abc
import importlib.machinery
import sys
import typing

from . import managers

# The module that has the managers, and the package of ours that installs itself in it.
_COUSINS = {"multiprocess.managers": "mpmd.multiprocess"}


class _Finder(importlib.abc.MetaPathFinder):
    """Of a cousin's managers: when they have been loaded, ours are, too."""

    def find_spec(self, fullname: str, path: typing.Any = None, target: typing.Any = None) -> typing.Any:
        if fullname not in _COUSINS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        loader = spec and spec.loader  # type: typing.Any
        if loader is None:
            return None
        load = loader.exec_module

        def load_both(module: typing.Any) -> None:
            load(module)
            importlib.import_module(_COUSINS[fullname])

        loader.exec_module = load_both
        return spec


_finder = _Finder()


def install(options: typing.Any = None) -> None:
    """Have every manager of this process and of its children served by mpmd, those of multiprocessing included."""
    managers.install(options)
    for cousin, ours in _COUSINS.items():
        if ours in sys.modules:
            sys.modules[ours].install(managers._installed)  # type: ignore
        elif cousin in sys.modules:
            importlib.import_module(ours)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
