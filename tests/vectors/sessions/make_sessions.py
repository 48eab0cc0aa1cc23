#!/usr/bin/env python3
"""make_sessions.py FOLDER - writes sessions.txt beside itself, for pytests/test_sessions.py.

FOLDER has pyVERSION.json for each CPython: whole sessions between a stock client and a stock server of that version,
taken by a relay between two real processes:
    {"sessions": {"sync": [{"label": STEP, "frames": [[connection, "open"],
     [connection, ">"|"<", hex of header and body], ...]}, ...]}}
Kept are the steps with the types that mpmd has and with the functions of the server itself, one line for each frame;
what several versions have in common stands once, with all of them before the colon:
    step LABEL
    VERSIONS: > CONNECTION HEX     a request, its body; connection 0 is any new one
    VERSIONS: < WORDS              the reply to it, see pytests/recorded.py
Idents became ident0000001, ident0000002, ... in the order of making; those of objects of other types unknown00000.
Left out: handshakes; the references that proxies take and give back, but for one.
"""
import collections
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "pytests"))
import recorded                                                             # noqa: E402

TYPES = "Lock RLock Semaphore BoundedSemaphore Event Condition Barrier Namespace".split()
LISTS_AND_POOLS = """raw.get_methods raw.create.kw raw.create.raises raw.create.Iterator raw.number_of_objects
    raw.debug_info raw.decref2""".split()
DATA = "open unknown.ident ident0 identNone unhashable.ident short notatuple garbage".split()
OTHERS = ["connect", "server.dummy", "server.debug_info.empty"] + ["data." + d for d in DATA]


def is_wanted(label):
    return label in OTHERS or label.split(".")[0] in TYPES or label.startswith("raw.") and label not in LISTS_AND_POOLS


def exchanges(steps):
    """(label, connection, request, reply) without handshakes, in order."""
    for step in steps:
        waiting = {}
        frames = [f for f in step["frames"] if is_wanted(step["label"]) and f[1] in "<>"]
        while frames:
            connection, direction, digits = frames.pop(0)
            body = bytes.fromhex(digits)[4:]
            if body.startswith(b"#CHALLENGE#"):
                del frames[:5]
            elif direction == ">":
                waiting[connection] = body
            else:
                yield step["label"], connection, waiting.pop(connection), body


def is_counting(request):
    return b"incref" in request or b"decref" in request


def replace_idents(body, made):
    def name(match):
        ident = match.group(1)
        return match.group(0)[:-12] + (b"ident%07d" % (made.index(ident) + 1) if ident in made else b"unknown00000")
    # The three ways to write twelve bytes of text.
    return re.sub(rb"(?:\x8c\x0c|X\x0c\x00\x00\x00|U\x0c)([0-9a-f]{12})(?![0-9a-f])", name, body)


def main():
    found = [name for name in os.listdir(sys.argv[1]) if re.fullmatch(r"py\d\.\d+\.json", name)]
    versions = sorted((name[2:-5] for name in found), key=lambda v: [int(n) for n in v.split(".")])
    lines = {}    # (label, place in the step, which) -> line -> versions
    labels = []   # in an order that suits all versions
    for version in versions:
        with open(os.path.join(sys.argv[1], "py%s.json" % version)) as file:
            steps = json.load(file)["sessions"]["sync"]
        made, places, after = [], collections.Counter(), 0
        for label, connection, request, reply in exchanges(steps):
            if is_counting(request) and not label.startswith(("raw.", "Lock.create")):
                continue
            value = recorded.load(reply)[1]
            if b"create" in request and isinstance(value, tuple):
                made.append(value[0].encode())
            if label not in labels:
                labels.insert(after, label)
            after = labels.index(label) + 1
            place = places[label]
            places[label] += 1
            # The threads' own connection of the client, the one of data.*, or a new one.
            number = 1 if b"ident" in replace_idents(request, made) and label.split(".")[0] in TYPES and \
                not is_counting(request) and b"create" not in request else 2 if label.startswith("data.") else 0
            for which, line in ((0, ("> %d %s" % (number, replace_idents(request, made).hex())).rstrip()),
                                (1, "< " + recorded.in_words(reply))):
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
