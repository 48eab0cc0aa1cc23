"""Starts and ends servers for the tests: mpmd, and the stock manager server of a given CPython.

Every server gets a folder of its own, an authkey file of its own and is ended by its own pid.
"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import wire

HERE = os.path.dirname(os.path.abspath(__file__))
# Nothing here takes long; this only turns a hang into a failure.
HANG = int(os.environ.get("MPMD_TEST_HANG", "180"))
KEY = b"a key of the tests"
SANITIZER = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer", "Assertion")


def find_binary():
    """$MPMD_BINARY, else the newest one built in or beside the source tree, else the one on PATH; None."""
    named = os.environ.get("MPMD_BINARY")
    if named:
        return os.path.abspath(named)
    top = os.path.dirname(HERE)
    found = [path for pattern in ("mpmd", "build*/mpmd", "build/*/mpmd", "../build*/mpmd")
             for path in glob.glob(os.path.join(top, pattern)) if os.path.isfile(path) and os.access(path, os.X_OK)]
    return os.path.abspath(max(found, key=os.path.getmtime)) if found else shutil.which("mpmd")


def parse_address(text):
    """The address as Python has it: a str for AF_UNIX, (host, port) for TCP."""
    if text.startswith("@"):
        return "\0" + text[1:]
    if text.startswith("/") or ":" not in text:
        return text
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def read_lines(fd):
    """All lines until EOF; the writer closes it when it is ready or dies."""
    with os.fdopen(fd, "rb") as f:
        return [line.decode() for line in f.read().splitlines()]


class Server(object):
    """A running server. `address` is for Python clients, `text` for command lines."""

    def __init__(self, transport="unix", key=KEY):
        self.key = key
        self.folder = tempfile.mkdtemp(prefix="mpmd-")
        self.keyfile = os.path.join(self.folder, "key")
        with open(self.keyfile, "wb") as f:
            f.write(key)
        os.chmod(self.keyfile, 0o600)
        self.transport = transport
        self.logfile = os.path.join(self.folder, "log")
        self.process = None
        self.stopped = False

    def _run(self, command, ready_fd_option, environment=()):
        """Starts it and waits until it writes its addresses or ends."""
        reader, writer = os.pipe()
        log = open(self.logfile, "wb")
        try:
            self.process = subprocess.Popen(command + [ready_fd_option, str(writer)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, pass_fds=(writer,),
                                            env=dict(os.environ, **dict(environment)))
        finally:
            os.close(writer)
            log.close()
        self.addresses = read_lines(reader)
        if not self.addresses:
            code = self.process.wait(HANG)
            raise AssertionError("the server did not start, exit code %s: %s\n%s" % (code, command, self.log()))
        self.text = self.addresses[0]
        self.address = parse_address(self.text)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.logfile, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def dispatch(self, function, *args):
        """One request on a connection of its own, by this process."""
        return wire.dispatch(self.address, self.key, function, *args)

    def number_of_objects(self):
        return self.dispatch("number_of_objects")

    def settle(self):
        """Returns when the server has dealt with everything that reached it before.

        Two rounds: what was readable when the first answer was sent has been read when the second is."""
        self.dispatch("dummy")
        self.dispatch("dummy")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.stopped = True

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Mpmd(Server):
    kind = "mpmd"

    def __init__(self, transport="unix", options=(), register=(), key=KEY, listen=None, environment=()):
        Server.__init__(self, transport, key)
        binary = find_binary()
        assert binary, "no mpmd: build it, or name it with MPMD_BINARY"
        if listen is None:
            listen = os.path.join(self.folder, "socket") if transport == "unix" else "127.0.0.1:0"
        command = [binary, "--authkey-file", self.keyfile]
        if transport != "private":  # where mpmd itself finds a place
            command += ["--listen", listen]
        for definition in register:
            command += ["--register", definition]
        self._run(command + list(options), "--ready-fd", environment)

    def stop(self):
        """SIGTERM; it must end by itself, with 0, and leave no socket behind."""
        if self.stopped:
            return
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(HANG)
        finally:
            self.kill()
        log = self.log()
        for word in SANITIZER:
            assert word not in log, "the server's log has a complaint of a sanitizer or an assertion:\n" + log
        assert code == 0, "exit code %s\n%s" % (code, log)
        if self.transport == "unix" and isinstance(self.address, str) and self.address.startswith("/"):
            assert not os.path.exists(self.address), "the socket was left behind"


class Stock(Server):
    """The manager server of CPython itself, for what it does differently and to try the programs themselves."""
    kind = "stock"

    def __init__(self, interpreter, transport="unix", register=(), key=KEY):
        Server.__init__(self, transport, key)
        listen = os.path.join(self.folder, "socket") if transport == "unix" else "127.0.0.1:0"
        command = [interpreter.path, os.path.join(HERE, "stock_server.py"), "--listen", listen,
                   "--authkey-file", self.keyfile]
        for definition in register:
            command += ["--register", definition]
        self._run(command, "--ready-fd")

    def stop(self):
        self.kill()


if __name__ == "__main__":
    print(find_binary() or sys.exit("no mpmd found"))
