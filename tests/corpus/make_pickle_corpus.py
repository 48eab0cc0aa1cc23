#!/usr/bin/env python3
"""make_pickle_corpus.py FOLDER - writes corpus/pickle from recorded sessions (FOLDER/py*.json: sessions of steps of
frames [connection, direction, hex]) and from a few pickles made here. Of the recorded messages those are kept in which
an opcode follows another for the first time."""
import glob
import json
import os
import pickle
import pickletools
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, data):
    folder = os.path.join(HERE, 'pickle')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as out:
        out.write(data)


def messages(path):
    """(label, message) of every whole frame that holds a pickle."""
    with open(path) as file:
        sessions = json.load(file)['sessions']
    for steps in sessions.values():
        for step in steps:
            for frame in step['frames']:
                if len(frame) != 3:
                    continue
                body = bytes.fromhex(frame[2])[4:]
                try:
                    opcodes = [op.name for op, _, _ in pickletools.genops(body)]
                except Exception:
                    continue
                yield step['label'], body, opcodes


class Instance:
    pass


def made():
    nested = Instance()
    nested.set = {nested, 'a'}
    nested.frozen = frozenset([nested])
    recursive = []
    recursive.append((recursive, 1, 2, 3, 4))
    values = [nested, recursive, {1, 2, 3}, frozenset('ab'), bytearray(b'abc'), Instance, len, 1 << 2050, b'x' * 300,
              '\ud800\U0001f600', {'k': [1.5, None, True, -1]}]
    for protocol in range(6):
        for n, value in enumerate(values):
            yield 'made-%d-%d' % (protocol, n), pickle.dumps((None, 'put', (value, values[-1]), {}), protocol)
    yield 'dup', b']2a.'
    yield 'both-numberings', b'(Nq\0]\x94h\1t.'
    yield 'taken-twice', b'(Nq\0]q\0h\0t.'
    yield 'late', b'(]q\0h\0Na](h\0et.'
    yield 'inst', b'(N](I1\nim\nC\n}b(cm\nC\nNo}t.'
    yield 'newobj-ex', b'(\x8c\1m\x94\x8c\3A.B\x93)}\x92h\0t.'


def main():
    seen = set()
    for path in sorted(glob.glob(os.path.join(sys.argv[1], 'py*.json'))):
        version = os.path.basename(path)[2:-5]
        for n, (label, body, opcodes) in enumerate(messages(path)):
            pairs = set(zip(opcodes, opcodes[1:]))
            if pairs - seen:
                seen |= pairs
                write('%s-%d' % (version, n), body)
    for name, data in made():
        write(name, data)


main()
