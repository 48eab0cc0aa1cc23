#!/usr/bin/env python3
"""make_client_corpus.py - writes corpus/client from vectors/sessions/sessions.txt and vectors/handshakes/pairings.txt;
tests/fuzz/fuzz_client.c says what its inputs look like."""
import os
import re
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, 'client')


def write(name, mode, data):
    with open(os.path.join(FOLDER, name), 'wb') as out:
        out.write(bytes([mode]) + data)


def frame(body):
    return struct.pack('!i', len(body)) + body


def unpack(text):
    data = b''
    for word in text.split():
        if word[2:3] == '*':
            data += bytes.fromhex(word[:2]) * int(word[3:])
        else:
            data += bytes.fromhex(word)
    return data


def replies():
    """Of each kind of reply and step, as an old and a new Python wrote it."""
    with open(os.path.join(HERE, '..', 'vectors', 'sessions', 'sessions.txt')) as file:
        step = None
        for line in file:
            if line.startswith('step '):
                step = line.split()[1]
            found = re.match(r'([0-9. ]*): < (8[0-9a-f *]*)$', line)
            if found and re.search(r'\b(2\.7|3\.13)$', found.group(1)):
                yield step, '2.7' if found.group(1).startswith('2.7') else '3', unpack(found.group(2))


os.makedirs(FOLDER, exist_ok=True)
by_age = {'2.7': [], '3': []}
for step, age, reply in replies():
    if len(reply) < 2000:
        by_age[age].append((step, reply))
for age, all_of_them in by_age.items():
    some = all_of_them[::max(1, len(all_of_them) // 60)]
    for i in range(0, len(some) - 5, 6):
        data = b''.join(frame(reply) for _, reply in some[i:i + 6])
        write('replies-%s-%d' % (age, i // 6), 1 + i // 6 % 3, data)
    created = [reply for step, reply in all_of_them if step.endswith('.create')][:1]
    proxies = [reply for step, reply in all_of_them if b'#PROXY' in reply][:1]
    write('create-%s' % age, 4, b''.join(map(frame, created + proxies)))
    write('proxy-%s' % age, 1, b''.join(map(frame, proxies)))

none = frame(b'\x80\x02U\x07#RETURNN\x86.')
write('none', 2, none * 6)
write('half', 1, none + none[:9])
write('more-than-asked', 2, none * 9)
write('nothing-between', 3, frame(b'') * 3)
write('long-length', 1, struct.pack('!i', 0x0fffffff) + b'x' * 100)
write('longer-length', 1, struct.pack('!iQ', -1, 1 << 62) + b'x' * 100)
write('negative-length', 2, struct.pack('!i', -2))
write('deep', 1, frame(b'\x80\x02U\x07#RETURN' + b']' * 3000 + b'a' * 2999 + b'\x86.'))
write('memo', 1, frame(b'\x80\x02U\x07#RETURN' + b'r\xff\xff\xff\x7f' + b'N\x86.'))
write('error-none', 3, frame(b'\x80\x02U\x06#ERRORN\x86.'))
write('exception', 1, frame(b'\x80\x02U\x06#ERRORc__builtin__\nKeyError\nU\x01k\x85R\x86.') * 2)

with open(os.path.join(HERE, '..', 'vectors', 'handshakes', 'pairings.txt')) as file:
    server, n = b'', 0
    for words in map(str.split, file):
        if words[:1] == ['S']:
            server += bytes.fromhex(words[1])
        elif words[:1] == ['pairing']:
            if server and n % 12 == 0:
                write('handshake-%d' % (n // 12), 0, server)
            server, n = b'', n + 1
