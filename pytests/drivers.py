"""Programs of tests/ that the Python tests run: how to get at them, and those that answer line by line."""
import fcntl
import os
import struct
import subprocess

import pytest

import servers


def build(path):
    """A program of the build that the other tests use; without a build the test is skipped."""
    binary = servers.find_binary()
    folder = os.path.dirname(binary) if binary else os.getcwd()
    if not os.path.exists(os.path.join(folder, "Makefile")):
        pytest.skip("no build to take %s from: MPMD_BINARY is to be in a build tree" % path)
    with open(os.path.join(folder, "Makefile")) as f:
        fcntl.flock(f, fcntl.LOCK_EX)  # pytest-xdist: two that link a program, or one that runs it meanwhile
        done = subprocess.run(["make", "-s", "-C", folder, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()
    return os.path.join(folder, path)


def build_tool(name):
    return build("tests/" + name)


def records(data):
    """What such a program writes: texts, each behind its length."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + length]
        at += 4 + length


class Driver(object):
    """A program that answers each line by one."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), universal_newlines=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        said = self.process.stdout.readline()
        assert said, "it has ended"
        return said.rstrip("\n")

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(servers.HANG) == 0
        self.process.stdout.close()
