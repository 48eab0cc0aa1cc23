"""NumPy arrays between Python and C, through a queue of mpmd and of a stock manager.

Runs with any interpreter that has NumPy (Debian: python3-numpy); without one it is skipped."""
import os
import re
import subprocess
import sys

import pytest

import interpreters
import servers
from conftest import FOUND, PROGRAMS
from drivers import build_tool

QUEUES = ["get_in=Queue", "get_out=Queue"]
VERSION = "import numpy; print(numpy.__version__)"


def with_numpy():
    """{major version of NumPy: an interpreter that has it}"""
    found = {}
    own = [interpreters._probe(sys.executable), interpreters._probe("/usr/bin/python3")]
    for python in own + FOUND[::-1]:
        if python is not None and python.version[0] == 3:
            asked = subprocess.run([python.path, "-c", VERSION], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
            if asked.returncode == 0:
                found.setdefault(asked.stdout.decode().split(".")[0], python)
    return found


NUMPYS = with_numpy()


@pytest.mark.skipif(not NUMPYS, reason="no Python has NumPy: install python3-numpy")
@pytest.mark.parametrize("numpy", sorted(NUMPYS))
@pytest.mark.parametrize("kind", ["mpmd", "stock"])
def test_arrays_cross_both_ways(start, numpy, kind):
    python, driver = NUMPYS[numpy], build_tool("ndarray_driver")
    if kind == "mpmd":
        server = start(servers.Mpmd, register=QUEUES)
    else:
        server = start(servers.Stock, python, register=QUEUES)
    c = subprocess.Popen([driver, server.text, server.keyfile])
    program = subprocess.run([python.path, os.path.join(PROGRAMS, "ndarrays.py"), kind, server.text,
                              server.keyfile],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=servers.HANG)
    if program.returncode != 0:
        c.kill()
    assert program.returncode == 0, program.stdout.decode()
    assert c.wait(servers.HANG) == 0
    assert int(re.match(r"(\d+) arrays", program.stdout.decode()).group(1)) > 800
