"""Managers of multiprocessing, served by mpmd: `from mpmd import Manager`, or `python -m mpmd program.py`."""
from .managers import BaseManager, Manager, Options, SyncManager, install

try:
    from .managers import SharedMemoryManager  # CPython 3.8 and later
except ImportError:
    pass

__all__ = ["BaseManager", "Manager", "Options", "SharedMemoryManager", "SyncManager", "install"]
if "SharedMemoryManager" not in globals():
    __all__.remove("SharedMemoryManager")
