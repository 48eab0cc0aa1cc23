"""Two hosts on this machine: network namespaces with a wire between them, for tests of what crosses a network.

A namespace lives as long as a process that is in it: nothing is left behind, however the test ends. Needs root, or user
namespaces, and ip (iproute2); Linux only.
"""
import os
import shutil
import subprocess

HOLD = ["sh", "-c", "echo there && exec cat"]


class NotPermitted(Exception):
    """Why there can be no hosts here."""


class Hosts(object):
    """`a` and `b`: addresses of the two hosts. What is run there is a command behind on_a() or on_b()."""
    a, b = "10.77.0.1", "10.77.0.2"

    def __init__(self):
        for tool in ("ip", "unshare", "nsenter"):
            if shutil.which(tool) is None:
                raise NotPermitted("there is no %s" % tool)
        self._holders = []
        try:
            own_users = os.geteuid() != 0
            self._users = ["--user", "--preserve-credentials"] if own_users else []
            first = self._hold(["unshare"] + (["--user", "--map-root-user"] if own_users else []) + ["--net"] + HOLD)
            # The second belongs to the same users, who may lay a wire between both.
            second = self._hold(["nsenter", "--target", str(first)] + self._users + ["unshare", "--net"] + HOLD)
            self._enter = [["nsenter", "--target", str(pid), "--net"] + self._users for pid in (first, second)]
            self._ip(0, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(second))
            for host, address in enumerate((self.a, self.b)):
                self._ip(host, "address", "add", address + "/24", "dev", "wire")
                for device in ("lo", "wire"):
                    self._ip(host, "link", "set", device, "up")
        except BaseException:
            self.close()
            raise

    def _hold(self, command):
        """Runs what keeps a namespace; its pid, once it is there."""
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._holders.append(holder)
        if holder.stdout.readline() != b"there\n":
            raise NotPermitted("%s: %s" % (" ".join(command), holder.stderr.read().decode().strip()))
        return holder.pid

    def _ip(self, host, *arguments):
        done = subprocess.run(self._enter[host] + ["ip"] + list(arguments), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise NotPermitted("ip %s: %s" % (" ".join(arguments), done.stdout.decode().strip()))

    def on_a(self, command):
        return self._enter[0] + command

    def on_b(self, command):
        return self._enter[1] + command

    def close(self):
        for holder in self._holders:
            for stream in (holder.stdin, holder.stdout, holder.stderr):
                stream.close()
            holder.kill()
            holder.wait()
