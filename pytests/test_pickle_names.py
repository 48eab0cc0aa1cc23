"""src/pickle/names.def against Lib/_compat_pickle.py of each CPython found."""
import ast
import os
import re
import subprocess

import pytest

import interpreters

NAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "pickle", "names.def")
DUMP = """
import _compat_pickle as c
pair = lambda x: x if isinstance(x, tuple) else (x, "")
print([sorted((d, pair(a), pair(b)) for part in parts for a, b in part.items())
       for d, parts in (("3", (c.IMPORT_MAPPING, c.NAME_MAPPING)),
                        ("2", (c.REVERSE_IMPORT_MAPPING, c.REVERSE_NAME_MAPPING)))])
"""
# What names.def says beyond CPython's tables; its head says why.
OWN = {
    ("3", ("multiprocessing.forking", "_rebuild_partial")),
    ("2", ("multiprocessing.reduction", "_rebuild_partial")),
    ("2", ("_operator", "")),
    ("2", ("_queue", "")),
    ("2", ("builtins", "BlockingIOError")),
    ("2", ("builtins", "EncodingWarning")),
    ("2", ("builtins", "PythonFinalizationError")),
    ("2", ("builtins", "RecursionError")),
    ("2", ("builtins", "ResourceWarning")),
}


PYTHONS = [i.path for i in interpreters.find() if i.version[0] == 3]


def rows():
    """{(direction, (module, name)): (module, name) or None} of names.def."""
    table = {}
    for macro, operands in re.findall(r"^(MPM_TO_\w+)\((.*)\)$", open(NAMES).read(), re.M):
        fields = [ast.literal_eval(f) if f != "WHOLE" else "" for f in operands.split(", ")]
        key = (macro[7], tuple(fields[:2]))
        assert key not in table
        table[key] = None if macro.endswith("_NONE") else tuple(fields[2:])
    return table


@pytest.mark.parametrize("path", PYTHONS)
def test_every_row_of_cpython_is_ours(path):
    ours = rows()
    theirs = ast.literal_eval(subprocess.run([path, "-c", DUMP], check=True, capture_output=True, text=True).stdout)
    assert all(len(part) > 100 for part in theirs)
    for direction, old, new in theirs[0] + theirs[1]:
        assert ours[direction, old] == new


def test_rows_beyond_cpythons_are_known():
    theirs = set()
    for path in PYTHONS:
        out = subprocess.run([path, "-c", DUMP], check=True, capture_output=True, text=True).stdout
        theirs.update((direction, old) for part in ast.literal_eval(out) for direction, old, new in part)
    own = {key for key, new in rows().items() if new is not None} - theirs
    # Older rows that the interpreters found no longer have (3.13 dropped Tix) are CPython's all the same.
    assert own - {("3", ("Tix", "")), ("2", ("tkinter.tix", ""))} == OWN
