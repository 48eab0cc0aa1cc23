#!/usr/bin/env python3
"""make_corpus.py - writes corpus/frame and corpus/auth from vectors/handshakes/pairings.txt; tests/fuzz/fuzz_frame.c and
fuzz_auth.c say what their inputs look like."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def write(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as out:
        out.write(data)


def pairings():
    with open(os.path.join(HERE, '..', 'vectors', 'handshakes', 'pairings.txt')) as file:
        case = None
        for words in map(str.split, file):
            if words[:1] == ['pairing']:
                case = words[1:], []
            elif words and words[0] in 'SC':
                case[1].append((words[0], bytes.fromhex(words[1])))
            elif not words and case:
                yield case
        yield case


def challenge(frames, side):
    for who, frame in frames:
        if who == side and frame[4:15] == b'#CHALLENGE#':
            return frame[15:]
    return b'{sha256}' + bytes(40)


for (client, server, label, _, _), frames in pairings():
    if client not in ('2.7', '3.13') or server not in ('2.7', '3.13'):
        continue
    name = '%s-%s-%s' % (client, server, label)
    for role, us, them in (0, 'S', 'C'), (1, 'C', 'S'):
        ours = challenge(frames, us)
        theirs = b''.join(frame for who, frame in frames if who == them)
        write('auth', '%s-%s' % (name, 'client' if role else 'listener'), bytes([role, len(ours) - 20]) + ours + theirs)
    if label == 'good':
        write('frame', 'handshake-' + name, bytes([8, 5]) + b''.join(frame for _, frame in frames))

# Every way to write a length, and to break one.
short = lambda body: len(body).to_bytes(4, 'big') + body
extended = lambda body: b'\xff' * 4 + len(body).to_bytes(8, 'big') + body
for name, maximum, stream in (
        ('empty', 8, short(b'') * 3),
        ('extended', 8, extended(b'hello') + short(b'a') + extended(b'') + extended(b'end')),
        ('too-big', 4, short(b'ok') + short(b'x' * 17)),
        ('too-big-extended', 4, extended(b'x' * 17)),
        ('huge-extended', 39, b'\xff' * 12),
        ('negative', 39, short(b'ok') + b'\xff\xff\xff\xfe1234'),
        ('least', 39, b'\x80\0\0\0'),
        ('announced-only', 39, b'\x7f\xff\xff\xff' + b'few'),
        ('long', 17, short(b'ab' * 10000) + extended(b'cd' * 20000) + short(b'e'))):
    write('frame', name, bytes([maximum, 3]) + stream)
