"""Replies of manager servers in words, so that those of different servers and versions can be compared.

Nothing is imported for what a reply names: classes become names. Knows nothing of sockets, pytest or mpmd.
"""
import io
import pickle
import re

RENAMED = {"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg", "thread": "_thread"}


class Name(type):
    def __repr__(cls):
        return cls.__name__


class Thing(object):
    """An object of any class: what it was made of."""
    def __new__(cls, *args):
        self = object.__new__(cls)
        self.parts = [args]
        return self

    def __setstate__(self, state):
        self.parts.append(sorted(state.items()) if isinstance(state, dict) else state)

    def __repr__(self):
        return type(self).__name__ + " ".join(map(repr, self.parts))


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        return Name("%s.%s" % (RENAMED.get(module, module), name), (Thing,), {})


def load(body):
    return Reader(io.BytesIO(body), encoding="latin-1").load()


def in_words(body):
    """The reply without what differs from run to run: kind and value; of a traceback the exception only."""
    kind, value = load(body)
    if kind in ("#TRACEBACK", "#UNSERIALIZABLE"):
        text = value.strip().splitlines()[-1]
    elif isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple):
        text = repr((value[0], sorted(value[1])))    # create: CPython's order is that of a set
    else:
        text = repr(value)
    text = re.sub(r"0x[0-9a-fA-F]+", "0x", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "ident", text)
    return kind + " " + re.sub(r"owner=([1-9][0-9]*|'[^']*')", "owner=N", text)
