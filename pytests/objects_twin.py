# Does with CPython's own proxies what tests/objects_driver.c does with libmpmd's, line by line, and answers in the same
# words. For test_objects.py. One source for CPython 2.7 and 3.x.
from __future__ import print_function
import array
import ast
import importlib
import multiprocessing
import sys
from multiprocessing.connection import Client
from multiprocessing.managers import BaseProxy, RemoteError, SyncManager, dispatch

PY2 = sys.version_info[0] == 2
NEW_NAMES = {"exceptions": "builtins", "Queue": "queue", "thread": "_thread"}
NEWER = {"error": "RuntimeError"}


def show(value):
    """repr() as Python 3 has it."""
    if not PY2:
        if isinstance(value, (set, frozenset)) and len(value) > 1:
            return "{" + ", ".join(sorted(map(repr, value))) + "}"
        return repr(value)
    if isinstance(value, unicode):
        return repr(value).lstrip("u")
    if isinstance(value, long):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, dict):
        return "{" + ", ".join(show(k) + ": " + show(v) for k, v in value.items()) + "}"
    return repr(value)


def arguments(text):
    """A tuple literal; slices and arrays may stand in it, and "%module.name" for a class or function."""
    args = eval(text, {"slice": slice, "array": array.array}) if "slice" in text else ast.literal_eval(text)

    def meant(value):
        if not isinstance(value, str) or not value.startswith("%"):
            return value
        module, name = value[1:].rsplit(".", 1)
        return getattr(importlib.import_module("__builtin__" if PY2 and module == "builtins" else module), name)

    return [meant(value) for value in args]


def describe(e):
    if isinstance(e, RemoteError):
        lines = [line for line in str(e).splitlines() if line.strip("- ")]
        return "! multiprocessing.managers.RemoteError: " + lines[-1]
    cls = type(e)
    module = NEW_NAMES.get(cls.__module__, cls.__module__)
    return "! %s.%s: %s" % (module, cls.__name__, e)


class Twin(object):
    def __init__(self, address, key):
        multiprocessing.current_process().authkey = key
        self.address, self.key = address, key
        self.manager = SyncManager(address=address, authkey=key)
        self.manager.connect()
        self.known = {}

    def create(self, typeid, args):
        token, exposed = self.manager._create(typeid, *args)
        proxy = BaseProxy(token, "pickle", manager=self.manager, authkey=self.key, exposed=exposed)
        self.ask("decref", token.id)
        return proxy

    def ask(self, function, *args):
        connection = Client(self.address, authkey=self.key)
        try:
            return dispatch(connection, None, function, args)
        finally:
            connection.close()

    def obey(self, line):
        target, rest = line.split(" ", 1)
        if target == "exposed":
            return " ".join(sorted(set(self.ask("get_methods", self.known[rest]._token))))
        try:
            if rest.startswith("= "):
                what, text = rest[2:].split(" ", 1)
                if "." in what:
                    name, method = what.split(".")
                    self.known[target] = self.known[name]._callmethod(method, arguments(text))
                else:
                    self.known[target] = self.create(what, arguments(text))
                return "ok"
            name, method = target.split(".")
            return show(self.known[name]._callmethod(method, arguments(rest)))
        except Exception as e:
            return describe(e)


def main():
    address = sys.argv[1]
    if not address.startswith("/"):
        host, port = address.rsplit(":", 1)
        address = (host, int(port))
    with open(sys.argv[2], "rb") as f:
        twin = Twin(address, f.read())
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        print(twin.obey(line.rstrip("\n")))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
