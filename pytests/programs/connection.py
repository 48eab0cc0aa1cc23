"""A Listener or Client that sends messages of many lengths and wants each back.

    connection.py client|listen ADDRESS KEYFILE|-

ADDRESS is a path or host:port. listen prints its address when it listens. Prints "good", or the name of the exception.
"""
from __future__ import print_function

import sys
from multiprocessing.connection import Client, Listener

LENGTHS = [1, 2, 255, 256, 16383, 16384, 16385, 65535, 65536, 1000003]


def parse(text):
    if "/" in text:
        return text
    host, port = text.rsplit(":", 1)
    return host, int(port)


def talk(connection):
    for value in [None, "text", {"key": [1, 2.5, (b"bytes",)]}, list(range(100000))]:
        connection.send(value)
        assert connection.recv() == value
    for length in LENGTHS:
        message = bytes(bytearray(i * 7 % 256 for i in range(length)))
        connection.send_bytes(message)
        assert connection.recv_bytes() == message, length
    for n in range(100):  # sent ahead
        connection.send(n)
    assert [connection.recv() for n in range(100)] == list(range(100))
    connection.send_bytes(b"")
    assert connection.recv_bytes() == b""


def main(role, address, keyfile):
    key = None
    if keyfile != "-":
        with open(keyfile, "rb") as f:
            key = f.read()
    try:
        if role == "listen":
            listener = Listener(parse(address), authkey=key)
            print(address if "/" in address else "%s:%d" % listener.address)
            sys.stdout.flush()
            connection = listener.accept()
        else:
            connection = Client(parse(address), authkey=key)
        talk(connection)
        connection.close()
        print("good")
    except Exception as e:
        print(type(e).__name__)


main(*sys.argv[1:])
