"""The package whose managers these are: multiprocess."""
import multiprocess as multiprocessing  # type: ignore
import multiprocess.pool  # type: ignore
import multiprocess.spawn  # type: ignore
from multiprocess import connection, managers as stock, process, util  # type: ignore

__all__ = ["connection", "multiprocessing", "process", "stock", "util"]

multiprocessing.managers = stock  # which it is only later when this is part of importing it
