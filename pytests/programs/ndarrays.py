"""NumPy arrays to tests/ndarray_driver and back, pickled with every protocol.

    ndarrays.py mpmd|stock ADDRESS KEYFILE

A stock server loads what it is given, and NumPy then has byte order and memory order as it likes. Prints how many arrays came back as they were. Warnings are errors: NumPy warns of names that it has moved.
"""
import pickle
import sys
import warnings
from multiprocessing import reduction
from multiprocessing.managers import BaseManager

import numpy as np

from common import parse_address

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "S3", "U2"]
REFUSED = [
    (np.array([1, "a"], dtype=object), "Python objects"),
    (np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), "structures"),
    (np.array(["2020-01-01"], dtype="M8[s]"), "dates"),
    (np.ma.array([1, 2]), "not a NumPy array"),
    ([1, 2], "not a NumPy array"),
]


class Manager(BaseManager):
    pass


Manager.register("get_in")
Manager.register("get_out")


def arrays():
    for dtype in DTYPES:
        for order in "<>":
            kind = np.dtype(dtype).newbyteorder(order)
            items = np.array([0, 1, 2, 3, 4, 250], dtype="u1").astype(kind)
            yield items
            yield items[:0]
            yield items[3]                            # a scalar
            yield items[3].reshape(())                # an array without dimensions
            yield items.reshape(1, 2, 3)
            yield items[::2]
            yield items.reshape(2, 3).T
            yield np.asfortranarray(items.reshape(2, 3))
            yield np.asfortranarray(items.reshape(1, 2, 3))[:, ::-1]
    yield np.arange(300000, dtype="f8").reshape(300, 1000)
    yield np.arange(256, dtype="u1")
    yield np.array([[np.nan, np.inf], [-0.0, 1e308]])


def same(got, wanted):
    """NumPy keeps neither the byte order nor, of what is one item wide, the order in memory; the items it keeps."""
    assert isinstance(got, np.ndarray) and got.shape == wanted.shape
    assert got.dtype.newbyteorder("=") == wanted.dtype.newbyteorder("=")
    assert got.astype(wanted.dtype).tobytes("C") == wanted.tobytes("C")
    assert got.flags.writeable


def main(server, address, keyfile):
    protocol = [None]
    dumps = reduction.ForkingPickler.dumps
    reduction.ForkingPickler.dumps = classmethod(lambda cls, obj, ignored=None: dumps(obj, protocol[0]))
    with open(keyfile, "rb") as f:
        manager = Manager(parse_address(address), f.read())
    manager.connect()
    there, back = manager.get_in(), manager.get_out()
    n = 0
    # mpmd takes those who write protocol 2 for Python 2, and answers accordingly.
    for protocol[0] in range(3 if server == "mpmd" else 2, pickle.HIGHEST_PROTOCOL + 1):
        for array in arrays():
            there.put(array)
            answer = back.get()
            wanted = np.asarray(array)
            assert isinstance(answer, tuple), answer
            kind, order, itemsize, fortran, returned = answer[:5]
            assert (kind, itemsize) == (wanted.dtype.kind, wanted.dtype.itemsize), wanted.dtype
            if server == "mpmd":
                assert np.dtype(order + wanted.dtype.str[1:]) == wanted.dtype, (order, wanted.dtype)
                assert fortran is bool(wanted.flags.fnc), wanted.flags
            same(returned, wanted)
            for pickled in answer[5:]:
                if not (pickled[1] == 2 and wanted.size and max(wanted.tobytes()) > 127):  # for Python 2
                    same(pickle.loads(pickled), wanted)
            n += 1
        for value, text in REFUSED:
            there.put(value)
            answer = back.get()
            assert isinstance(answer, str) and text in answer, answer
    there.put(None)
    print("%d arrays" % n)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(*sys.argv[1:])
