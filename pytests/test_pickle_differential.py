"""The checker, splicer and transcoder against CPython's own pickler and unpickler.

Every Python found writes random values with every protocol it has (pickles/peer.py), each inside a request whose other
parts share objects with it. The value is spliced out, once as it is and once for the reader of each protocol, and
loaded by the CPythons that send that protocol: the same value, with the same identity structure, or a refusal that
names what the reader's Python does not have.

MPMD_DIFFERENTIAL=N multiplies the number of values; MPMD_DIFFERENTIAL_SEED changes them.
"""
import concurrent.futures
import os
import struct
import subprocess

import interpreters
from drivers import build_tool, records

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "pickles", "peer.py")
VALUES = 210 * int(os.environ.get("MPMD_DIFFERENTIAL", "1"))
SEED = int(os.environ.get("MPMD_DIFFERENTIAL_SEED", "1"))
EUNSUP = -10
# Flags of a case: it has something that Python 2 does not have; that can be told from the pickle.
ONLY_3, NAMED_ONLY_3 = 1, 2


def run(command, data=b""):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Case(object):
    """One pickled request and what its third item is."""

    def __init__(self, writer, n, flags, exact, loose, pickle):
        self.writer, self.n, self.exact, self.loose, self.pickle = writer, n, exact.decode(), loose.decode(), pickle
        self.protocol, self.flags, self.changed = struct.unpack("<BBB", flags)

    def __repr__(self):
        return "case %d of %s, protocol %d:\n  request %s" % (self.n, self.writer.name, self.protocol,
                                                              self.pickle.hex())


class Job(object):
    """A case for one reader; protocol None: spliced, nothing else, for its own writer."""

    def __init__(self, case, reader, protocol):
        self.case, self.reader, self.protocol = case, reader, protocol
        self.loose = (case.writer.version[0] == 2) != (reader.version[0] == 2)
        # What Python 3 writes for Python 2 itself is not rewritten: 2.7 is to read what it would read in the request.
        self.as_in_request = reader.version[0] == 2 and case.writer.version[0] == 3 and case.protocol <= 2

    def request(self):
        mode, protocol = (b"s", 0) if self.protocol is None else (b"t", self.protocol)
        base = (0, 1, 254, 300)[self.case.n % 4]
        body = mode + struct.pack("<BI", protocol, base) + self.case.pickle
        return struct.pack("<I", len(body)) + body

    def may_be_refused(self):
        return self.loose and self.reader.version[0] == 2 and self.case.flags & NAMED_ONLY_3

    def complaint(self, answer, in_request):
        want = self.case.loose if self.loose else self.case.exact
        if self.as_in_request:
            want = in_request
            if want.startswith("ERROR "):
                return None  # maybe for the sake of its other parts
        if answer == want:
            return None
        return "%r\n  for %s by %s\n  want %s\n  got  %s\n  pickle %s" % (
            self.case, self.protocol, self.reader.name, want, answer, self.output.hex())


def write(writer):
    out = list(records(run([writer.path, PEER, "write", str(SEED), str(VALUES)])))
    return [Case(writer, i // 4, *out[i:i + 4]) for i in range(0, len(out), 4)]


def read(reader, jobs):
    asked = [(j.output, j.loose) for j in jobs] + [(j.case.pickle, j.loose | 2) for j in jobs if j.as_in_request]
    data = b"".join(struct.pack("<IB", len(pickle), flags) + pickle for pickle, flags in asked)
    answers = [a.decode() for a in records(run([reader.path, PEER, "read"], data))]
    assert len(answers) == len(asked)
    in_request = iter(answers[len(jobs):])
    complaints = [j.complaint(a, next(in_request) if j.as_in_request else None) for j, a in zip(jobs, answers)]
    return [c for c in complaints if c is not None]


def readers_of(protocol, found):
    if protocol == 2:
        return [i for i in found if i.version[0] == 2]
    if protocol == 5:
        return [i for i in found if i.version >= (3, 8)]
    return [i for i in found if i.version[0] == 3 and i.protocol == protocol]


def sort_out(job, code, payload, complaints):
    """Whether the driver's answer is a pickle to load."""
    job.output = payload
    if code == 0:
        return True
    if not (code == EUNSUP and job.may_be_refused() and payload.startswith(b"Python 2 has no ")):
        complaints.append("%r\n  for %s: %d %s" % (job.case, job.protocol, code, payload.decode()))
    return False


def test_every_value_comes_back_equal():
    driver = build_tool("pickle_driver")
    found = [i for i in interpreters.find() if i.implementation == "CPython"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        cases = [case for part in pool.map(write, found) for case in part]
        jobs = []
        for case in cases:
            jobs.append(Job(case, case.writer, None))
            for protocol in (2, 3, 4, 5):
                readers = readers_of(protocol, found)
                if protocol == 2 and case.protocol > 2 and case.flags == ONLY_3:
                    continue  # 2.7 itself says what it does not have
                if readers:
                    jobs.append(Job(case, readers[case.n % len(readers)], protocol))
        out = run([driver], b"".join(job.request() for job in jobs))
        complaints, by_reader, refused = [], {}, 0
        for job, answer in zip(jobs, records(out)):
            (code,) = struct.unpack_from("<i", answer)
            if sort_out(job, code, answer[4:], complaints):
                by_reader.setdefault(job.reader, []).append(job)
            else:
                refused += 1
        for part in pool.map(lambda item: read(*item), by_reader.items()):
            complaints.extend(part)
    loaded = sum(len(part) for part in by_reader.values())
    print("%d values written, %d loaded, %d refused" % (len(cases), loaded, refused))
    complaints.sort(key=len)
    assert not complaints, "%d of %d, the shortest:\n%s" % (len(complaints), len(jobs), "\n".join(complaints[:5]))
    assert sum(case.changed for case in cases) < len(cases) // 20
    if len(found) >= 9:
        assert len(cases) >= 10000
