"""Managers of multiprocessing, served by mpmd: `from mpmd import Manager`, or `python -m mpmd program.py`.

Manager, SyncManager, BaseManager and SharedMemoryManager are used as those of multiprocessing; their further keywords
are the fields of Options. mpmd.objects has the methods and types that multiprocessing has not, mpmd.aio managed objects
for asyncio, mpmd.cpool functions written in C as futures.
"""
from ._server import ServerNotFound
from .cousins import install
from .managers import BaseManager, Manager, Options, SyncManager

try:
    from .managers import SharedMemoryManager  # CPython 3.8 and later
except ImportError:
    pass

__version__ = "0.1.0"
__all__ = ["BaseManager", "Manager", "Options", "ServerNotFound", "SharedMemoryManager", "SyncManager", "install"]
if "SharedMemoryManager" not in globals():
    __all__.remove("SharedMemoryManager")
