# A client process that does what it is told, for tests in which it is killed or interrupted half-way.
# Reads one JSON line per command and answers each with one JSON line. One source for CPython 2.7 and 3.x.
#
#   ["run", TEXT]            runs a statement or evaluates an expression
#   ["block", PROXY, TEXT]   the same, for a call on PROXY: says {"sent": true} once the request is on its way
#
# What TEXT sees: the manager `m`, whatever it named before, share(), attach(), and the functions below.
from __future__ import print_function
import json
import multiprocessing
import multiprocessing.managers
import os
import sys
import threading
import traceback
from multiprocessing.managers import SyncManager, Token


def parse_address(text):
    if text.startswith("/") or ":" not in text:
        return text
    host, port = text.rsplit(":", 1)
    return (host, int(port))


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Announcing(object):
    """A connection that says when a request has gone out."""

    def __init__(self, connection):
        self.connection = connection

    def send(self, what):
        self.connection.send(what)
        say(sent=True)

    def __getattr__(self, name):
        return getattr(self.connection, name)


def share(proxy):
    """What attach() of another agent makes a proxy of the same object from."""
    token = proxy._token
    return [type(proxy).__name__.split("[")[0], token.typeid, token.id]     # AutoProxy[Queue]: a class made there


def attach(what):
    name, typeid, ident = what
    cls = getattr(multiprocessing.managers, name)
    return cls(Token(str(typeid), address, str(ident)), "pickle", manager=m, authkey=key)


def run(text):
    try:
        code = compile(text, "<agent>", "eval")
    except SyntaxError:
        exec(compile(text, "<agent>", "exec"), globals())
        return None
    return eval(code, globals())


def block(name, text):
    proxy = globals()[name]
    if not hasattr(proxy._tls, "connection"):
        proxy._connect()
    plain = proxy._tls.connection
    proxy._tls.connection = Announcing(plain)
    try:
        return run(text)
    finally:
        proxy._tls.connection = plain


def plain(value):
    try:
        json.dumps(value)
        return value
    except (TypeError, ValueError):
        return repr(value)


def main():
    say(pid=os.getpid())
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        command = json.loads(line)
        try:
            value = run(str(command[1])) if command[0] == "run" else block(str(command[1]), str(command[2]))
        except (Exception, KeyboardInterrupt) as e:
            say(error=type(e).__name__, text=str(e), traceback=traceback.format_exc())
        else:
            say(value=plain(value))


if __name__ == "__main__":
    address = parse_address(sys.argv[1])
    with open(sys.argv[2], "rb") as f:
        key = f.read()
    multiprocessing.current_process().authkey = key
    m = SyncManager(address=address, authkey=key)
    m.connect()
    main()
