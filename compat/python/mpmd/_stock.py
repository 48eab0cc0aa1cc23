"""The package whose managers these are. mpmd.multiprocess has a module of this name with multiprocess in it."""
import multiprocessing
import multiprocessing.managers
import multiprocessing.pool
import multiprocessing.spawn
import typing
from multiprocessing import connection, process, util

__all__ = ["connection", "multiprocessing", "process", "stock", "util"]

# More of it than type stubs know.
stock = multiprocessing.managers  # type: typing.Any
