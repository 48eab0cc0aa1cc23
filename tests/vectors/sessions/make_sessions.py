#!/usr/bin/env python3
"""make_sessions.py FOLDER - writes sessions.txt beside itself, for tests/test_sessions.c.

FOLDER has pyVERSION.json for each CPython: whole sessions between a stock client and a stock server of that version,
taken by a relay between two real processes:
    {"sessions": {"sync": [{"label": STEP, "py": the client's line, "frames": [[connection, "open"],
     [connection, ">"|"<", hex of header and body], ...]}, ...]}}
of frames above 2 KiB only both ends, with length and SHA-256. Kept is every step but those of LEFT_OUT, with all frames,
one a line; what several versions have in common stands once, with all of them before the colon:
    step LABEL
    VERSIONS: > CONNECTION HEX     a request, its body; connection 0 is a new one, which ends with the reply
    VERSIONS: < HEX                the reply to it
    VERSIONS: < None               the same: ('#RETURN', None)
    VERSIONS: < ! TEXT             the same: a traceback, of which only the last line is kept
    VERSIONS: < closed             the same: none
HEX has `XX*N` for a byte repeated N times. Idents became ident0000001, ident0000002, ... in the order in which objects
were made; those of left out steps unknown00000. The address is m.sock.
"""
import collections
import hashlib
import json
import os
import pickle
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Steps by the part of the label before the dot, or whole labels, with the reason.
LEFT_OUT = {
    "Pool": "runs Python in the server", "Foo": "a class of the recorder's own, as are the following", "Bar": "", "Baz": "",
    "gen": "", "shared": "", "nocall": "", "token": "", "nest.dict": "stores one of them", "nest.dict.get": "reads it",
    "nest.dict.call": "calls it", "data.unserializable": "calls one", "data.two": "", "data.exc.unpicklable": "",
    "data.after.unpicklable": "", "proxy.put.auto": "", "proxy.get.auto": "", "proxy.get.auto.use": "",
    "badauth": "the handshake is test_auth.c's", "noauth": "the same", "raw.get_methods.0": "the server is no object here",
    "nest.debug_info": "counts objects of left out steps", "nest.count": "the same", "raw.number_of_objects": "the same",
    "raw.debug_info": "the same", "shutdown.after": "no server any more",
    "value.userfunc": "a function of the recorder's", "value.userexc": "an exception of the recorder's",
    "Barrier0": "before 3.13 there were barriers of nobody", "data.ident0": "the server is no object here", "data.alive": "the connection ended with data.empty",
}


def is_wanted(label):
    return label.split(".")[0] not in LEFT_OUT and label not in LEFT_OUT


def whole(frame, step):
    """The bytes of a frame, with the middle that is not recorded."""
    if len(frame) == 3:
        return bytes.fromhex(frame[2])
    head, tail = (bytes.fromhex(part) for part in frame[2].split("..."))
    middle = frame[3] - len(head) - len(tail)
    if step.startswith("value.bytes"):
        data = head + b"x" * middle + tail
    else:       # the list of 1001 numbers: as a pickler of that protocol writes it
        numbers = pickle.dumps(list(range(1001)), head[5])
        data = b""
        for at in range(len(numbers)):
            if numbers[at:at + 24] in head:
                start = head.index(numbers[at:at + 24])
                data = head[:start] + numbers[at:]
                data = data[:frame[3] - len(tail)] + tail
                break
    assert hashlib.sha256(data).hexdigest() == frame[4], step
    return data


def exchanges(steps):
    """(label, connection, request, reply or None) without handshakes, in order. sort(key=abs) is an exception here: what
    follows is right after a sort() in its place."""
    plain_sort = [step for step in steps if step["label"] == "list.sort"][0]
    for step in steps:
        frames = [f for f in step["frames"] if f[1] in "<>" and (len(f) == 3 or is_wanted(step["label"]))]
        waiting = collections.OrderedDict()
        while frames:
            frame = frames.pop(0)
            body = whole(frame, step["label"])[4:]
            if body.startswith(b"#CHALLENGE#"):
                del frames[:5]
            elif frame[1] == ">":
                waiting[frame[0]] = body
            elif frame[0] in waiting:
                yield step["label"], frame[0], waiting.pop(frame[0]), body
                if step["label"] == "list.sort.key":
                    yield (step["label"], frame[0]) + tuple(bytes.fromhex(f[2])[4:] for f in plain_sort["frames"][-2:])
        for connection, body in waiting.items():
            yield step["label"], connection, body, None


def in_short(body):
    """A reply that is not kept as bytes; None for others."""
    if re.fullmatch(rb"\x80..*#RETURN(\x94|q.)?N\x86(\x94|q.)?\.", body, re.S):
        return "None"
    if not body.partition(b"#")[2].startswith((b"TRACEBACK", b"UNSERIALIZABLE")):
        return None
    kind, text = pickle.loads(body, encoding="latin-1")
    return "! " + kind + " " + text.strip().splitlines()[-1]


IDENT = re.compile(rb"(?:\x8c\x0c|X\x0c\x00\x00\x00|U\x0c)([0-9a-f]{12})(?![0-9a-f])")    # three ways to write 12 bytes of text


def hexed(data):
    out = re.sub(rb"(.)\1{19,}", lambda m: b"\0*%02x*%d*\0" % (m.group(1)[0], len(m.group())), data, flags=re.S)
    words = []
    for i, part in enumerate(re.split(rb"\0\*(..\*\d+)\*\0", out)):
        words.append(part.decode() if i % 2 else part.hex())
    return " ".join(word for word in words if word)


def main():
    found = [name for name in os.listdir(sys.argv[1]) if re.fullmatch(r"py\d\.\d+\.json", name)]
    versions = sorted((name[2:-5] for name in found), key=lambda v: [int(n) for n in v.split(".")])
    lines = {}    # (label, place in the step, which) -> line -> versions
    labels = []   # in an order that suits all versions
    for version in versions:
        with open(os.path.join(sys.argv[1], "py%s.json" % version)) as file:
            steps = json.load(file)["sessions"]["sync"]
        uses = collections.Counter(c for _, c, _, _ in exchanges(steps))
        numbers = {}
        names, n_made = {}, 0      # of idents, which are used again
        places, after = collections.Counter(), 0

        def renamed(body):
            for ident, name in names.items():
                body = body.replace(ident, name)
            return IDENT.sub(lambda match: match.group()[:-12] + b"unknown00000", body)

        for label, connection, request, reply in exchanges(steps):
            number = 0
            if uses[connection] > 1 or b"accept_connection" in request:
                number = numbers.setdefault(connection, len(numbers) + 1)
            request = renamed(request)
            short = in_short(reply) if reply is not None else "closed"
            if short is None and (b"create" in request or b"#PROXY" in reply):
                n_made += is_wanted(label)
                names[IDENT.search(reply).group(1)] = b"ident%07d" % n_made if is_wanted(label) else b"unknown00000"
            if not is_wanted(label):
                continue
            if label not in labels:
                labels.insert(after, label)
            after = labels.index(label) + 1
            place = places[label]
            places[label] += 1
            for which, line in ((0, ("> %d %s" % (number, hexed(request))).rstrip()), (1, "< " + (renamed(short.encode()).decode() if short else hexed(renamed(reply))))):
                assert "\n" not in line
                lines.setdefault((label, place, which), collections.OrderedDict()).setdefault(line, []).append(version)
    with open(os.path.join(HERE, "sessions.txt"), "w") as out:
        out.write("# made by make_sessions.py, which says what the lines mean\n")
        for label in labels:
            out.write("\nstep %s\n" % label)
            for key in sorted(k for k in lines if k[0] == label):
                for line, which in lines[key].items():
                    out.write("%s: %s\n" % (" ".join(which), line))


main()
