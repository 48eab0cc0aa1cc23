"""mpmd for programs that use multiprocess, a copy of multiprocessing that pickles with dill.

`from mpmd.multiprocess import Manager` in place of `from multiprocess import Manager`; `python -m mpmd program.py` does it
for programs that change nothing. The modules are those of mpmd, loaded once more: only _stock.py differs.
"""
import os

from .. import managers as _of_multiprocessing

__path__.append(os.path.dirname(__path__[0]))

from .managers import BaseManager, Manager, Options, SyncManager, install  # type: ignore # noqa: E402

try:
    from .managers import SharedMemoryManager  # type: ignore
except ImportError:
    pass

__all__ = ["BaseManager", "Manager", "Options", "SharedMemoryManager", "SyncManager", "install"]
if "SharedMemoryManager" not in globals():
    __all__.remove("SharedMemoryManager")

if _of_multiprocessing._installed is not None:
    install(_of_multiprocessing._installed)
