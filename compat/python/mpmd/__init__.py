"""Managers of multiprocessing, served by mpmd: `from mpmd import Manager`, or `python -m mpmd program.py`."""
from .managers import BaseManager, Manager, Options, SyncManager, install

__all__ = ["BaseManager", "Manager", "Options", "SyncManager", "install"]
