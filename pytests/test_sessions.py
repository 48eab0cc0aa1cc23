"""Recorded sessions of stock clients with stock servers, played to mpmd: tests/vectors/sessions.

Each request goes out as its CPython wrote it, but for the idents. The reply has to be the one recorded, or that of
3.13, whose texts mpmd has. No CPython but the one that runs pytest is needed. What is meant to differ stands in DIFFERENCES.
"""
import collections
import os
import re

import pytest

import recorded
import servers
import wire

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vectors", "sessions", "sessions.txt")

Difference = collections.namedtuple("Difference", "step reply reason")
# `step` and `reply`, mpmd's, are patterns for the whole of them; each is needed with every version.
DIFFERENCES = [
    Difference(r"(raw|data)\.(notatuple|none|dict4)", r"#TRACEBACK TypeError: cannot unpack the request: .*",
               "a request is a tuple or a list; mpmd says what of"),
    Difference(r"raw.get_methods.0|data.ident0", r"#TRACEBACK KeyError: '0'",
               "CPython has an object '0', the server itself"),
    Difference(r"raw.get_methods.str", r"#TRACEBACK AttributeError: get_methods\(\) wants a Token: .*",
               "it says what is wanted"),
    Difference(r"(raw|data).garbage", r"#TRACEBACK _pickle.UnpicklingError: .*", "it says where"),
    Difference(r"Namespace.del.missing", r"#ERROR builtins.AttributeError\(\"'Namespace' object has no .*",
               "the text is 3.11's, and the exception has the name of the attribute, as when one is read"),
    Difference(r"raw.empty", r"closed", "nothing, where a request should be, is no request"),
]
# 3.14 exposes locked, mpmd to all.
BEFORE_314 = [
    Difference(r".*\.create|Condition.of_lock", r"#RETURN \('ident', \['acquire', 'locked', .*", "exposed"),
    Difference(r"Lock.locked", r"#RETURN False", "and called"),
]


def read():
    """{version: [(step, connection, request, reply)]}"""
    sessions = collections.OrderedDict()
    with open(FILE) as f:
        for line in f.read().splitlines():
            if line.startswith("step "):
                step = line[len("step "):]
            elif line and not line.startswith("#"):
                versions, _, rest = line.partition(": ")
                for version in versions.split():
                    session = sessions.setdefault(version, [])
                    if rest[0] == ">":
                        connection, _, digits = rest[2:].partition(" ")
                        session.append([step, int(connection), bytes.fromhex(digits)])
                    else:
                        session[-1].append(rest[2:])
    return sessions


SESSIONS = read()


class Player(object):
    def __init__(self, server):
        self.server = server
        self.connections = {}
        self.idents = []

    def connection(self, number, body):
        if number not in self.connections:
            self.connections[number] = wire.Connection(self.server.address, self.server.key)
            if b"accept_connection" not in body:
                self.connections[number].open_data()
        return self.connections[number]

    def play(self, number, body):
        for i, ident in enumerate(self.idents):
            body = body.replace(b"ident%07d" % (i + 1), ident)
        connection = self.connection(number, body) if number else wire.Connection(self.server.address, self.server.key)
        connection.send(body)
        reply = connection.recv()
        if number == 0:
            connection.close()
        if reply is None:
            self.connections.pop(number, connection).close()
            return "closed"
        kind, value = recorded.load(reply)
        if b"create" in body and kind == "#RETURN":
            assert len(value[0]) == 12, "it does not fit into the requests"
            self.idents.append(value[0].encode())
        return recorded.in_words(reply)

    def close(self):
        for connection in self.connections.values():
            connection.close()


@pytest.mark.parametrize("version", list(SESSIONS))
def test_recorded_requests_get_the_recorded_replies(start, tmp_path, version):
    # The socket's name stands in the requests.
    player = Player(start(servers.Mpmd, listen=str(tmp_path / "m.sock")))
    of_texts = collections.defaultdict(list)
    for step, _, _, reply in SESSIONS["3.13"]:
        of_texts[step].append(reply)
    differences = DIFFERENCES + ([] if version == "3.14" else BEFORE_314)
    places = collections.Counter()
    complaints, used = [], set()
    for step, number, request, reply in SESSIONS[version]:
        got = player.play(number, request)
        also = of_texts[step][places[step]:places[step] + 1]
        places[step] += 1
        if got in [reply] + also:
            continue
        fitting = [d for d in differences if re.fullmatch(d.step, step) and re.fullmatch(d.reply, got)]
        used.update(fitting)
        if not fitting:
            complaints.append("%s\n    recorded: %s\n    mpmd:     %s" % (step, reply, got))
    player.close()
    if complaints:
        pytest.fail("%d of %d\n%s" % (len(complaints), len(SESSIONS[version]), "\n".join(complaints)), pytrace=False)
    useless = [d for d in differences if d not in used]
    assert not useless, "nothing differs like this any more"
