"""libmpmd's connections and listeners talk to those of multiprocessing.connection, both ways, with every CPython."""
import os
import subprocess

import pytest

import servers
from drivers import build_tool

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "connection.py")


@pytest.fixture(scope="module")
def driver():
    return build_tool("connection_driver")


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True)


def finish(process):
    out = process.communicate(timeout=servers.HANG)[0]
    return out.strip(), process.returncode


def pair(listener, client, address, keys):
    """What both say in the end; `keys`: the listener's and the client's key file."""
    first = start(listener + ["listen", address, keys[0]])
    bound = first.stdout.readline().strip()
    second = start(client + ["client", bound, keys[1]])
    return finish(first), finish(second)


@pytest.fixture
def where(transport, tmp_path):
    return "127.0.0.1:0" if transport == "tcp" else str(tmp_path / "s")


def keyfile(tmp_path, name, key):
    (tmp_path / name).write_bytes(key)
    return str(tmp_path / name)


@pytest.mark.parametrize("key", [b"key", b"\x00long" * 40, None], ids=["key", "long", "none"])
def test_messages_come_back(python, driver, where, tmp_path, key):
    file = keyfile(tmp_path, "key", key) if key is not None else "-"
    assert pair([driver], [python.path, PEER], where, (file, file)) == (("", 0), ("good", 0))
    if "/" in where:
        assert not os.path.exists(where)
    assert pair([python.path, PEER], [driver], where, (file, file)) == (("good", 0), ("", 0))


def test_another_key_is_refused_on_both_sides(python, driver, where, tmp_path):
    keys = keyfile(tmp_path, "one", b"one"), keyfile(tmp_path, "other", b"other")
    (said, code), (peer, _) = pair([driver], [python.path, PEER], where, keys)
    assert code == 1 and said.startswith("authentication failed: ")
    assert peer in ("AuthenticationError", "EOFError", "ConnectionResetError")
    (peer, _), (said, code) = pair([python.path, PEER], [driver], where, keys)
    assert peer == "AuthenticationError"
    assert code == 1 and said.startswith("authentication failed: ")
