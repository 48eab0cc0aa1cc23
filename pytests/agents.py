"""The test's side of agent.py."""
import json
import os
import select
import signal
import subprocess

import servers


class AgentError(Exception):
    def __init__(self, name, text, trace):
        Exception.__init__(self, "%s: %s\n%s" % (name, text, trace))
        self.name = name
        self.text = text


class Agent(object):
    def __init__(self, python, server):
        self.server = server
        self.python = python
        self.process = subprocess.Popen(
            [python.path, os.path.join(servers.HERE, "agent.py"), server.text, server.keyfile],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        self.pid = self.process.pid
        self.is_ready = False           # several may start at once

    def read(self):
        """The next line that it says."""
        data = b""
        while not data.endswith(b"\n"):
            # Byte-wise is enough here, and leaves nothing in a buffer where select() does not see it.
            ready = select.select([self.process.stdout], [], [], servers.HANG)[0]
            assert ready, "the agent hangs"
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, "the agent is gone"
            data += byte
        return json.loads(data.decode())

    def tell(self, *command):
        if not self.is_ready:
            assert self.read() == {"pid": self.pid}
            self.is_ready = True
        self.process.stdin.write((json.dumps(command) + "\n").encode())
        self.process.stdin.flush()

    def result(self):
        answer = self.read()
        if "error" in answer:
            raise AgentError(answer["error"], answer["text"], answer["traceback"])
        assert "value" in answer, answer
        return answer["value"]

    def run(self, text):
        self.tell("run", text)
        return self.result()

    def begin(self, text):
        """Begins something whose end result() waits for."""
        self.tell("run", text)

    def block(self, proxy, text):
        """Begins a call that blocks; returns when its request has gone out and the server has dealt with it."""
        self.tell("block", proxy, text)
        answer = self.read()
        assert answer == {"sent": True}, answer
        self.server.settle()

    def has_answered(self):
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def give(self, name, other):
        """The object that this agent calls `name`, to another agent under the same name."""
        other.run("%s = attach(%r)" % (name, self.run("share(%s)" % name)))

    def kill(self):
        """SIGKILL, and reaped: its connections are closed when this returns."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for f in (self.process.stdin, self.process.stdout):
            try:
                f.close()
            except OSError:
                pass

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
