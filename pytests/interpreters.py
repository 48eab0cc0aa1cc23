"""Finds the CPythons of this machine that clients are run with, and the PyPys, which some tests use, too.

Looks at MPMD_PYTHONS (paths or names, separated by colons), then PATH, then pyenv. The first interpreter found of each
version is used. Knows nothing of pytest or of mpmd.
"""
import glob
import json
import os
import shutil
import subprocess

WANTED = [(2, 7)] + [(3, minor) for minor in range(6, 16)]
NAMES = {"CPython": ["python2.7", "python3"] + ["python%d.%d" % v for v in WANTED[1:]], "PyPy": ["pypy3"]}

PROBE = """
import json, platform, sys
import multiprocessing.managers
print(json.dumps([list(sys.version_info[:3]), platform.python_implementation(), sys.executable]))
"""


class Interpreter(object):
    def __init__(self, version, implementation, path):
        self.version = tuple(version[:2])
        self.full = ".".join(str(n) for n in version)
        self.implementation = implementation
        self.path = path

    @property
    def name(self):
        name = "%d.%d" % self.version
        return name if self.implementation == "CPython" else self.implementation.lower() + name

    @property
    def protocol(self):
        """The pickle protocol of what it sends."""
        if self.version[0] == 2:
            return 2
        return 3 if self.version < (3, 8) else 4 if self.version < (3, 14) else 5

    @property
    def start_methods(self):
        return ("fork",) if self.version[0] == 2 else ("fork", "spawn")

    def __repr__(self):
        return "%s (%s, %s)" % (self.name, self.full, self.path)


def _candidates(names):
    for entry in os.environ.get("MPMD_PYTHONS", "").split(":"):
        if entry:
            yield shutil.which(entry) or entry
    for name in names:
        path = shutil.which(name)
        if path:
            yield path
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for path in sorted(glob.glob(os.path.join(root, "versions", "*", "bin", "python"))):
        yield path


def _probe(path):
    """None for what is not a usable Python (a pyenv shim of a version that is not switched on, a broken one)."""
    try:
        out = subprocess.run([path, "-c", PROBE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=120).stdout
        return Interpreter(*json.loads(out.decode()))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find(implementation="CPython"):
    """Interpreters by version, oldest first; wanted versions only."""
    found = {}
    seen = set()
    for path in _candidates(NAMES[implementation]):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        interpreter = _probe(path)
        if interpreter is not None and interpreter.version in WANTED and interpreter.implementation == implementation:
            found.setdefault(interpreter.version, interpreter)
    return [found[key] for key in sorted(found)]


def missing(found):
    have = set(i.version for i in found if i.implementation == "CPython")
    names = ["%d.%d" % v for v in WANTED if v not in have]
    return names + ["pypy3"] * all(i.implementation != "PyPy" for i in found)


if __name__ == "__main__":
    everything = find() + find("PyPy")
    for interpreter in everything:
        print(interpreter)
    print("missing: " + " ".join(missing(everything)))
