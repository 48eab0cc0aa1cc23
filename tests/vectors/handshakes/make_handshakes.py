#!/usr/bin/env python3
"""make_handshakes.py HANDSHAKES.JSON - writes pairings.txt beside itself.

The recording holds whole first connections between stock CPythons of 2.7, 3.6, 3.11, 3.12 and 3.13, every client against
every server, once with the right key and once with a wrong one, taken by a relay between two real processes:
    {"authkey": ..., "badkey": ..., "sessions": {"client V > server W": [{"label": "good"|"bad",
     "frames": [[connection, ">"|"<", hex of header and body], ...]}, ...]}}
Kept here is what belongs to the handshake, one block for each connection:
    pairing CLIENT SERVER good|bad CLIENT'S-KEY SERVER'S-KEY
    S HEX       a frame from the server, header and body
    C HEX       a frame from the client
Left out is what a server sends after #FAILURE#: a pickled traceback that no client reads.
"""
import json
import os
import re
import sys


def main():
    with open(sys.argv[1]) as file:
        recording = json.load(file)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, 'pairings.txt'), 'w') as out:
        out.write('# made by make_handshakes.py, which says what the lines mean\n')
        for name, steps in recording['sessions'].items():
            client, server = re.fullmatch(r'client (\S+) > server (\S+)', name).groups()
            for step in steps:
                key = recording['authkey' if step['label'] == 'good' else 'badkey']
                out.write('\npairing %s %s %s %s %s\n' % (client, server, step['label'], key, recording['authkey']))
                frames = [frame for frame in step['frames'] if frame[1] in '<>']
                for _, direction, digits in frames[:6 if step['label'] == 'good' else 3]:
                    out.write('%s %s\n' % ('S' if direction == '<' else 'C', digits))


main()
