"""The programs of examples/, each as its first lines say; one function for each."""
import os
import subprocess
import sys

import pytest

import servers
from drivers import build
from test_ndarray import NUMPYS

TOP = os.path.dirname(servers.HERE)
EXAMPLES = os.path.join(TOP, "examples")


def run(server, program, *arguments, python=sys.executable):
    """What it prints, run against a server, or without one (None)."""
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1",
                       PYTHONPATH=os.path.join(TOP, "compat", "python"))
    environment.pop("MPMD_ADDRESS", None)
    environment["MPMD_AUTHKEY"] = servers.KEY.decode()
    if server is not None:
        environment.update(MPMD_ADDRESS=server.text, MPMD_AUTHKEY=server.key.decode())
    process = subprocess.Popen([python, os.path.join(EXAMPLES, program)] + list(arguments), env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    try:
        out, err = process.communicate(timeout=servers.HANG)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.parametrize("where", ["mpmd", "mpmd by tcp", "stock"])
def test_mixed_pool(start, where):
    server = None if where == "stock" else start(servers.Mpmd, "tcp" if "tcp" in where else "unix")
    assert run(server, "mixed_pool.py", build("examples/mixed_pool")) == (
        "1000 jobs, each done once: both kinds of workers worked\n")


@pytest.mark.parametrize("where", ["mpmd", "stock"])
def test_mandelbrot(start, where):
    server = start(servers.Mpmd) if where == "mpmd" else None
    lines = run(server, "mandelbrot.py", build("examples/mandelbrot"), "60", "21").splitlines()
    assert len(lines) == 21
    assert max(line.count("@") for line in lines) > 20       # the set itself
    assert lines[10].count("@") > lines[2].count("@")


def test_embedded(python):
    if python.version[0] == 2:
        pytest.skip("embedded.py is for Python 3")
    environment = dict(os.environ, MPMD_AUTHKEY=servers.KEY.decode())
    host = subprocess.Popen([build("examples/embedded")], env=environment, stdout=subprocess.PIPE,
                            universal_newlines=True)
    try:
        environment["MPMD_ADDRESS"] = address = host.stdout.readline().strip()
        workers = [subprocess.Popen([python.path, os.path.join(EXAMPLES, "embedded.py")], env=environment,
                                    stdout=subprocess.PIPE, universal_newlines=True) for n in range(2)]
        said = [worker.communicate(timeout=servers.HANG)[0] for worker in workers]
        done = host.communicate(timeout=servers.HANG)[0]
    finally:
        host.kill()
        host.wait()
    assert host.returncode == 0
    assert sum(int(text.split()[0]) for text in said) == 100
    assert done == "the squares of 0 to 99 add up to 328350\n"
    assert not os.path.exists(address)


def test_stock_worker(python, tmp_path):
    journal = str(tmp_path / "journal")
    text = run(None, "stock_program.py", journal, build("examples/stock_worker"), python=python.path)
    assert text.endswith("200 jobs done\n"), text
    with open(journal) as f:
        lines = [line.split() for line in f]
    assert sorted(int(number) for kind, number in lines) == list(range(200))
    assert "C" in [kind for kind, number in lines]


@pytest.mark.skipif(not NUMPYS, reason="no Python has NumPy: install python3-numpy")
@pytest.mark.parametrize("numpy", sorted(NUMPYS))
def test_ndarray(start, numpy):
    server = start(servers.Mpmd, register=["get_in=Queue", "get_out=Queue"])
    c = subprocess.Popen([build("examples/ndarray"), server.text],
                         env=dict(os.environ, MPMD_AUTHKEY=server.key.decode()))
    try:
        text = run(server, "ndarray.py", python=NUMPYS[numpy].path)
        assert c.wait(servers.HANG) == 0
    finally:
        c.kill()
        c.wait()
    assert text == "give a matrix of float64\nthe arrays that came back are right\n"
