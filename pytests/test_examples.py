"""The programs of examples/, each as its first lines say; one function for each."""
import os
import subprocess
import sys

import pytest

import servers

TOP = os.path.dirname(servers.HERE)
EXAMPLES = os.path.join(TOP, "examples")


def build(name):
    """examples/NAME of the build that the other tests use."""
    binary = servers.find_binary()
    folder = os.path.dirname(binary) if binary else os.getcwd()
    if not os.path.exists(os.path.join(folder, "Makefile")):
        pytest.skip("no build tree: MPMD_BINARY is to be in one")
    done = subprocess.run(["make", "-s", "-C", folder, "examples/" + name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()
    return os.path.join(folder, "examples", name)


def run(server, program, *arguments, python=sys.executable):
    """What it prints, run against a server, or without one (None)."""
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1",
                       PYTHONPATH=os.path.join(TOP, "compat", "python"))
    environment.pop("MPMD_ADDRESS", None)
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
    assert run(server, "mixed_pool.py", build("mixed_pool")) == (
        "1000 jobs, each done once: both kinds of workers worked\n")


@pytest.mark.parametrize("where", ["mpmd", "stock"])
def test_mandelbrot(start, where):
    server = start(servers.Mpmd) if where == "mpmd" else None
    lines = run(server, "mandelbrot.py", build("mandelbrot"), "60", "21").splitlines()
    assert len(lines) == 21
    assert max(line.count("@") for line in lines) > 20       # the set itself
    assert lines[10].count("@") > lines[2].count("@")
