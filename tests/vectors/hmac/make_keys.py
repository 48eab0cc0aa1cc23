#!/usr/bin/env python3
"""make_keys.py - HMACs with keys around each digest's block size, by CPython's hmac: writes keys.inc beside itself."""
import hashlib
import hmac
import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'keys.inc'), 'w') as out:
    out.write('/* made by make_keys.py: digest, bytes of the key, HMAC of "message" */\n')
    for name in 'md5', 'sha256', 'sha384', 'sha3_256', 'sha3_384':
        block = hashlib.new(name).block_size
        for n in 0, 1, block - 1, block, block + 1, 200:
            out.write('{ "%s", %d,\n    "%s" },\n' % (name, n, hmac.new(b'k' * n, b'message', name).hexdigest()))
