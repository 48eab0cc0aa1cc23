"""SIGKILL at random moments: the program, a child of it, the server, the companion, several at once. Whatever was killed, those
who are left end by themselves, say why, and nothing stays behind.

A moment is a number of lines that the program has written, and a few microseconds more or less. "any" is any process of the
program, "newborn" one that has only just been started. MPMD_KILLS=N: so many kills (an ordinary run has 42);
MPMD_KILLS_SEED: other moments.
"""
import os
import random
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import conftest
import servers
import test_dropin

KILLS = int(os.environ.get("MPMD_KILLS", "42"))
SEED = os.environ.get("MPMD_KILLS_SEED", "1")
WHO = [["program"], ["child"], ["server"], ["companion"], ["segments"], ["program", "server"], ["server", "companion"],
       ["program", "companion"], ["program", "server", "companion", "segments", "child"], ["any"], ["newborn"]]
METHODS = ["fork", "spawn", "forkserver"]
MARK = "MPMD_TEST_MARK"
# How an exception ends that tells that somebody at the other end of a connection is gone.
CLEAR = {"ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "EOFError", "FileNotFoundError",
         "multiprocessing.managers.RemoteError", "ConnectionError"}

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open") or not os.path.isdir("/dev/shm"),
                                reason="needs pidfds, /proc and /dev/shm to see what is left")


def marked(mark):
    """The processes that have the mark in their environment."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/environ" % name, "rb") as f:
                if mark.encode() in f.read():
                    found.append(int(name))
        except OSError:
            pass  # it has ended, or is somebody else's
    return found


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode()
    except OSError:
        return "?"


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for_all(mark):
    """Returns those that did not end."""
    until = time.monotonic() + servers.HANG
    while True:
        left = marked(mark)
        if not left:
            return []
        for pid in left:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            ended = select.select([fd], [], [], max(0, until - time.monotonic()))[0]
            os.close(fd)
            if not ended:
                return ["%d %s" % (pid, command_of(pid)) for pid in left]


class Kill:
    """One run of the program, in which somebody is killed."""

    def __init__(self, python, method, who, seed, start):
        self.random = random.Random(seed)
        self.python, self.method, self.who, self.start = python, method, who, start
        self.pool = "pool" if self.random.random() < 0.4 and len(who[0]) > 3 and who != ["newborn"] else "no pool"
        self.after = 0 if self.random.random() < 0.15 else self.random.randrange(44)
        self.folder = tempfile.mkdtemp(prefix="mpmd-")
        self.mark = "%s=%s" % (MARK, os.path.basename(self.folder))
        self.prefix = "/k" + os.path.basename(self.folder)[-4:]
        self.killed = []
        self.lines = []
        self.what = "CPython %s, %s, %s, %s killed after %d lines, seed %r" % (
            python.full, method, self.pool, "+".join(who), self.after, seed)

    def targets(self, pids):
        if self.who == ["any"]:
            everybody = marked(self.mark)
            return [self.random.choice(everybody)] if everybody else []
        # Who is not there yet: the program, which always is.
        return [self.random.choice(pids[who][-2:]) for who in self.who if who in pids] or pids["any"][:1]

    def run(self):
        key, value = self.mark.split("=")
        environment = dict(test_dropin.environment(TMPDIR=self.folder), PYTHONDONTWRITEBYTECODE="1", **{key: value})
        command = [self.python.path, "-m", "mpmd", "--on-owner-death", "release",
                   os.path.join(servers.HERE, "dropin", "killed.py"), self.method, self.pool, self.prefix]
        with open(os.path.join(self.folder, "err"), "wb") as err:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=err, start_new_session=True)
        try:
            self.watch(process)
            process.wait(servers.HANG)
            left = wait_for_all(self.mark)
            assert not left, "%s: these live on: %s\n%s" % (self.what, left, self.told())
            self.look(process.returncode)
        except subprocess.TimeoutExpired:
            pytest.fail("%s: hangs: %s\n%s" % (self.what, [command_of(p) for p in marked(self.mark)], self.told()))
        finally:
            for pid in marked(self.mark):
                kill(pid)
            process.kill()
            process.wait()
            process.stdout.close()
            shutil.rmtree(self.folder)

    def watch(self, process):
        """Reads what it writes, kills in time, and reads on until everybody has closed it."""
        pids = {"any": [process.pid]}
        if self.who == ["newborn"]:
            self.kill_newborn(process)
        elif self.after == 0:
            # At any time from before Python has begun until its first line: by turns, not by the clock.
            for _ in range(self.random.randrange(400)):
                marked(self.mark) if self.who == ["any"] else os.stat("/proc/self")
                if self.who == ["any"] and self.random.random() < 0.02:
                    break
            self.kill(pids)
        while True:
            if not select.select([process.stdout], [], [], servers.HANG)[0]:
                raise subprocess.TimeoutExpired("program", servers.HANG)
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            for line in data.decode().splitlines():
                self.lines.append(line)
                if line.startswith("pid "):
                    _, who, pid = line.split()
                    pids.setdefault(who, []).append(int(pid))
                if len(self.lines) == self.after and self.who != ["newborn"]:
                    for _ in range(self.random.randrange(200)):
                        os.stat("/proc/self")
                    self.kill(pids)

    def kill_newborn(self, process):
        """The nth process that appears, as soon as it is seen."""
        nth, seen = self.random.randrange(1, 8), {process.pid}
        while process.poll() is None:
            for pid in marked(self.mark):
                if pid not in seen:
                    seen.add(pid)
                    if len(seen) == nth + 1:
                        self.what += " (the %d. of its processes: %s)" % (nth, command_of(pid))
                        self.killed = [pid]
                        kill(pid)
                        return

    def kill(self, pids):
        self.killed = self.targets(pids)
        for pid in self.killed:  # at once: nobody sees another's end before his own
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        for pid in self.killed:
            kill(pid)

    def told(self):
        with open(os.path.join(self.folder, "err"), errors="replace") as f:
            return "\n".join(self.lines) + "\n" + f.read()

    def look(self, code):
        told = self.told()
        # The last exception of each traceback, not those that it came from.
        for name in re.findall(r"^([A-Za-z_.]*(?:Error|Exception|Exit|Interrupt))(?:: .*)?$(?!\n\n(?:During|The above))",
                               told, re.M):
            if name not in CLEAR:
                pytest.fail("%s: is %s clear?\n%s" % (self.what, name, told))
        was_killed = code == -signal.SIGKILL
        if not was_killed and code == 0:
            assert "step end" in self.lines, self.what + "\n" + told
        segments = [name for name in os.listdir("/dev/shm") if name.startswith(self.prefix[1:])]
        left = [name for name in os.listdir(self.folder) if name != "err"]
        if was_killed and left:
            # Nobody was there who could remove it: the next server does.
            next_one = self.start(servers.Mpmd, "private", environment=dict(TMPDIR=self.folder))
            next_one.dispatch("dummy")
            next_one.stop()
            left = [name for name in os.listdir(self.folder) if name != "err"]
        if self.method == "forkserver":
            left = [name for name in left if not name.startswith("pymp-")]  # multiprocessing's own
        for name in segments:
            os.unlink("/dev/shm/" + name)
        assert not left and not segments, "%s: left behind: %s %s\n%s" % (self.what, left, segments, told)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("part", range(2))
def test_whoever_is_killed_nothing_hangs_and_nothing_stays(request, start, method, part):
    pythons = [i for i in conftest.chosen(request.config) if i.version >= (3, 6)]
    for i in range(part, max(1, KILLS // len(METHODS)), 2):
        seed = "%s %s %d" % (SEED, method, i)
        choice = random.Random(seed + " who")
        who = WHO[(i + METHODS.index(method)) % len(WHO)]
        Kill(choice.choice(pythons), method, who, seed, start).run()
