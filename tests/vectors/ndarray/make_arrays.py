"""python3 make_arrays.py > arrays.txt - pickles of NumPy arrays for tests/test_ndarray.c. Needs NumPy.

Each line: name, kind, byte order, itemsize, C or F, shape (1,2 or - for none), the items and the pickle in hexadecimal.
What this NumPy and Python do not write themselves is written by hand: the names of NumPy 2 (or 1), and the str of
Python 2; this NumPy loads the latter before it is taken.
"""
import io
import pickle
import struct
import sys
import types

import numpy as np

CASES = [
    ("bools", np.array([[True, False], [False, True]])),
    ("int8", np.arange(-3, 3, dtype="i1")),
    ("int16_big", np.arange(6, dtype=">i2").reshape(2, 3)),
    ("int32", np.arange(6, dtype="<i4").reshape(2, 3)),
    ("int64_fortran", np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3))),
    ("uint8_3d", np.arange(24, dtype="u1").reshape(2, 3, 4)),
    ("uint64", np.array([2 ** 64 - 1], dtype="<u8")),
    ("float16", np.array([0.5, -2], dtype="<f2")),
    ("float32", np.array([0.5, -2, float("inf")], dtype="<f4")),
    ("float64_big_fortran", np.asfortranarray(np.arange(6, dtype=">f8").reshape(3, 2))),
    ("complex64", np.array([1 + 2j], dtype="<c8")),
    ("complex128", np.array([1 - 2j, 0.5j], dtype="<c16")),
    ("high_bytes", np.array([0x80, 0xff, 0x7f, 0], dtype="u1")),
    ("single", np.array(5, dtype="<i8")),
    ("empty", np.zeros((0, 3), dtype="<f8")),
    ("strided", np.arange(6, dtype="<i8")[::2]),
    ("bytes", np.array([b"ab", b"c"])),
    ("str", np.array(["ab", "\u00fc"], dtype="<U2")),
    ("str_big", np.array(["a", "b"], dtype=">U1")),
    ("scalar", np.float64(1.5)),
    ("scalar_int", np.uint16(65535)),
    ("scalar_bool", np.bool_(True)),
]


def describe(name, array, pickled):
    array = np.asarray(array)
    dtype = array.dtype
    order = {"=": "<" if sys.byteorder == "little" else ">"}.get(dtype.byteorder, dtype.byteorder)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    print(name, dtype.kind, order, dtype.itemsize, "F" if fortran else "C", ",".join(map(str, array.shape)) or "-",
          array.tobytes("F" if fortran else "C").hex() or "-", pickled.hex())


class OtherNames(pickle._Pickler):
    """As the other of NumPy 1 and 2 names its modules."""
    def reducer_override(self, obj):
        if not isinstance(obj, (np.ndarray, np.generic)):
            return NotImplemented
        reduced = obj.__reduce_ex__(self.proto)
        function = types.FunctionType((lambda *args: None).__code__, {}, reduced[0].__name__)
        module = reduced[0].__module__
        other = module.replace("._core", ".core") if "._core" in module else module.replace(".core", "._core")
        function.__module__, function.__qualname__ = other, function.__name__
        sys.modules[other] = types.ModuleType(other)
        setattr(sys.modules[other], function.__name__, function)
        return (function,) + reduced[1:]


def other_names(array, protocol):
    kept = dict(sys.modules)
    out = io.BytesIO()
    try:
        OtherNames(out, protocol).dump(array)
    finally:
        sys.modules.clear()
        sys.modules.update(kept)
    return out.getvalue()


def python2(array):
    """What NumPy 1.16 writes on Python 2.7: protocol 2, native strings."""
    def text(s):
        return b"U" + bytes([len(s)]) + s
    order = array.dtype.str[0].encode()
    name = (array.dtype.kind + str(array.dtype.itemsize)).encode()
    data = array.tobytes("A")
    pickled = (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02" + text(b"b")
               + b"q\x03\x87q\x04Rq\x05(K\x01" + b"(" + b"".join(b"K" + bytes([n]) for n in array.shape) + b"tq\x06"
               + b"cnumpy\ndtype\nq\x07" + text(name) + b"q\x08K\x00K\x01\x87q\tRq\n(K\x03" + text(order)
               + b"q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0cb"
               + (b"\x88" if array.flags.fnc else b"\x89")
               + b"T" + struct.pack("<I", len(data)) + data + b"q\rtq\x0eb.")
    loaded = pickle.loads(pickled, encoding="latin1")
    assert loaded.dtype == array.dtype.newbyteorder("=") and (loaded == array).all(), (loaded, array)
    return pickled


for name, array in CASES:
    for protocol in range(6):
        describe("%s/%d" % (name, protocol), array, pickle.dumps(array, protocol))
for name, array in CASES[3:6] + CASES[19:20]:
    for protocol in (2, 4, 5):
        describe("other_names_%s/%d" % (name, protocol), array, other_names(array, protocol))
for name, array in CASES[2:7]:
    describe("python2_%s/2" % name, array, python2(array))
# The second has the dtype of the first by reference.
pair = pickle.dumps((CASES[3][1], CASES[3][1] + 1), 4)
describe("second_of_pair/4", CASES[3][1] + 1, pair)
