"""Random programs do the same with mpmd as with CPython's own server of the same version.

Compared are, for each step, the value with the types of all its parts, or the exception with its arguments and text,
and str() of the object afterwards; for other versions than 3.13, whose texts mpmd has, no texts, and 3.13's behaviour
will do as well. A program that differs is made as small as it can be and printed with its seed.

    MPMD_DIFFERENTIAL=STEPS    so many steps in each version, in place of a few thousand in 3.13 and a few hundred elsewhere
    MPMD_SEED=N                the first seed; fixed by default
    MPMD_DIFFERENTIAL_TYPES    "list dict": only these

What is meant to differ stands in DIFFERENCES.
"""
import collections
import os
import re

import pytest

import agents
import conftest
import random_programs
import servers

TEXTS = (3, 13)
STEPS = int(os.environ.get("MPMD_DIFFERENTIAL", "0"))
SEED = int(os.environ.get("MPMD_SEED", "1"))
TYPES = os.environ.get("MPMD_DIFFERENTIAL_TYPES", "").split() or None
STEPS_OF_A_PROGRAM = 20
COMPLAINTS = int(os.environ.get("MPMD_COMPLAINTS", "5"))      # then it gives up

Difference = collections.namedtuple("Difference", "step stock mpmd reason")
# `step`, `stock` and `mpmd` are patterns for the whole step and for what in_words() makes of its outcome.
DIFFERENCES = [
    Difference(r".*", r".*", r"raises RecursionError.*maximum recursion depth exceeded.*",
               "a value that contains itself is compared with nothing"),
    Difference(r".*", r"raises MemoryError.*", r"raises MemoryError.* that mpmd makes in one call.*", "it names the limit"),
    Difference(r".*__i?r?mul__.*", r"raises TypeError.*\[str ' expected 1 argument.*", r"raises TypeError.*'expected 1 argument.*",
               "CPython's text begins with a blank"),
    Difference(r".*Point\(.*", r"raises TypeError.*", r".*", "an instance is hashed by its structure, not by its class's rule"),
    Difference(r".*", r"raises InvalidOperation.*", r".*", "a Decimal's NaN is compared as a float's, which is less than nothing"),
    Difference(r".*", r"raises .*TypeError.* object is not iterable.*", r"raises .*TypeError.* mpmd cannot iterate over an? .*",
               "whether a class can be iterated over is not in the pickle"),
    Difference(r".*", r".*",
               r"raises TypeError.*mpmd runs no Python and calls no __lt__.*",
               "whether a class has a __lt__ is not in the pickle"),
    Difference(r".*move_to_end\(.*|.*pop\(.*|.*\[.*\]", r"raises KeyError tuple \[.*", r"raises KeyError tuple \[tuple .*",
               "a missing key of an OrderedDict that is a tuple arrives whole"),
    Difference(r".*move_to_end\(None.*|.*pop\(None.*|.*\[None\]", r"raises KeyError tuple \[\].*",
               r"raises KeyError tuple \[NoneType None\].*", "as does None"),
    Difference(r".*(Color|Level).*", r"raises ValueError.* object> is not in (deque|list).*", r"raises ValueError.* is not in .*",
               "what is in TEXT_DIFFERENCES may have quotes around it"),
    Difference(r".*__reversed__\(\).*", r"(raises RemoteError|value _deque_reverse_iterator).*",
               r"value list.*", "most CPythons cannot pickle their own"),
    Difference(r".*(Decimal|Fraction)\(.*", r"done.*|value.*", r"raises .*TypeError.*must be real number.*",
               "their __float__ would need Python"),
    Difference(r".*_callmethod\(.*", r"raises RemoteError of KeyError.*", r"(?!raises RemoteError).*",
               "all have the methods of the newest version, and an Array those of array.array"),
]
# With 2.7, in addition.
DIFFERENCES_2 = [
    Difference(r".*", r"raises RemoteError of TypeError.*can't pickle.*", r".*", "3 pickles iterators and NotImplemented"),
    Difference(r".*(Decimal|Fraction)\(.*", r".*", r".*", "2.7 has a Decimal and a Fraction unequal, mpmd as 3"),
    Difference(r".*", r"value .*long -?\d+L.*", r"value .*int -?\d+.*", "a small number of 2.7 that came from an array or a Counter is an int"),
    Difference(r".*acquire[(,)].*", r"value int 1.*", r"value bool True.*", "2.7's own RLock says 1 when it is taken again"),
    Difference(r".*(deque|rotate)\(.*\d\.\d.*", r".*", r"raises .*TypeError.*", "2.7 takes a float for an int"),
    Difference(r".*", r".*", r"raises .*TypeError.*(Error|Exception)'? object is not iterable.*", "2.7's exceptions are sequences"),
    Difference(r".*(Latch|count_down)\(.*", r".*", r"raises .*TypeError.*", "2.7 compares the count with anything"),
    Difference(r".*Array\('\w', ?bytearray.*", r".*", r".*", "as in 3, a bytearray is the items' bytes"),
    Difference(r".*issuperset\(.*", r"raises TypeError.*unhashable.*", r"value bool False.*", "2.7 makes a set of the argument first"),
    Difference(r".*slice\(.*", r"raises TypeError.*unhashable.*", r".*", "3.12 and later hash slices"),
    Difference(r".*Array\('[qQ]'.*", r"raises .*ValueError.*", r".*", "2.7 has no such typecode"),
    Difference(r".*", r"(?!raises ).*", r"raises TypeError.*not supported between instances.*", "2.7 orders everything, mpmd as 3"),
    Difference(r".*", r".*", r"raises RuntimeError.*maximum recursion depth exceeded.*", "as RecursionError above"),
]
# What differs no more with another value in its place.
SUBSTITUTES = [
    (r"Level\.LOW", "Color.RED", "that the class of an IntEnum is an int is not in the pickle"),
    (r"Pair\(", "Point(", "nor that a namedtuple is a tuple"),
    (r"Error\(", "Error or (", "an instance without __eq__ equals its copies"),
]
SUBSTITUTES_2 = [
    (r"Decimal\(", "float(", "2.7 has a Decimal and a complex unequal, mpmd as 3"),
    (r"Queue\((?!\d).*", "Queue(3)", "2.7 compares the size with anything"),
]
# After these outcomes, of both servers, a program is not compared further: (step, outcome, reason).
STOPS = [
    (r".*put.*", r"raises TypeError.*not supported between instances.*", "heapq keeps an item that it cannot compare"),
]
# What a text of a stock server would be in mpmd's words.
TEXT_DIFFERENCES = [
    (r"<random_calls\.(\w+) object at 0x>", r"<random_calls.\1 object>", "an instance of a class has no address"),
    (r"<(Color|Level)\.\w+: [^<>]*>", r"<random_calls.\1 object>", "the names of members are not in the pickle"),
    (r"<enum '(\w+)'>", r"<class 'random_calls.\1'>", "nor is what kind of class it is"),
    (r"Pair\(left=[^()]*, right=[^()]*\)", r"<random_calls.Pair object>", "the names of the fields are not in the pickle"),
]


class Side(object):
    """A server and a client process of it; a broken pair is replaced by a new one."""

    def __init__(self, python, start, make):
        self.python, self.start, self.make = python, start, make
        self.agent = None

    def begin(self, program):
        if self.agent is None:
            self.server = self.make()
            self.agent = agents.Agent(self.python, self.server)
            self.agent.run("import sys; sys.path.append(%r)" % conftest.PROGRAMS)
            self.agent.run("import random_calls")
            self.agent.run("m = random_calls.connect(SyncManager, address, key)")
        self.agent.begin("random_calls.play(m, %s)" % ascii(program))

    def result(self):
        try:
            return self.agent.result()
        except (AssertionError, agents.AgentError) as e:
            self.end()
            return [[["broken", "%s: %s" % (type(e).__name__, e)], ""]]

    def is_alive(self):
        return self.server.process.poll() is None

    def end(self):
        if self.agent is not None:
            self.agent.kill()
            self.agent = None


def plain(text):
    """A text without the order of sets and what TEXT_DIFFERENCES has."""
    for pattern, instead, _ in TEXT_DIFFERENCES:
        text = re.sub(pattern, instead, text)
    out, stack, at = "", [], 0
    quoted = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.S)
    parts = [""]
    while at < len(text):
        match = quoted.match(text, at)
        if match:
            parts[-1] += match.group()
            at = match.end()
            continue
        c = text[at]
        at += 1
        if c in "{[(":
            stack.append((c, parts))
            parts = [""]
        elif c in "}])" and stack:
            opened, outer = stack.pop()
            if opened == "{" and not any(re.search(r"(?<!: ): ", part) for part in parts):
                parts = sorted(part.strip() for part in parts)
                inside = ", ".join(parts)
            else:
                inside = ",".join(parts)
            outer[-1] += opened + inside + c
            parts = outer
        elif c == ",":
            parts.append("")
        else:
            parts[-1] += c
    while stack:
        opened, outer = stack.pop()
        outer[-1] += opened + ",".join(parts)
        parts = outer
    return out + ",".join(parts)


def in_words(answer, with_texts):
    outcome, after = answer
    if outcome[0] == "raises":
        said = "raises %s" % outcome[1] + (" %s %s" % (plain(outcome[2]), plain(outcome[3])) if with_texts else "")
    else:
        said = plain(" ".join(outcome)) if with_texts else " ".join(outcome)
    return said + (" -> " + plain(after) if with_texts else "")


class Comparison(object):
    def __init__(self, python, start, with_itself):
        self.python = python
        self.with_texts = python.version == TEXTS
        self.stock = Side(python, start, lambda: start(servers.Stock, python))
        self.mpmd = self.stock if with_itself else \
            Side(python, start, lambda: start(servers.Mpmd, options=["--log-level", "error"]))
        self.newest = None
        if not self.with_texts and python.version[0] == 3:
            found = [i for i in conftest.FOUND if i.version == TEXTS and i.implementation == "CPython"]
            if found:
                self.newest = Side(found[0], start, lambda: start(servers.Stock, found[0]))
        self.explained = collections.Counter()
        self.compared = 0

    def answers(self, *sides_and_program):
        sides, program = sides_and_program[:-1], sides_and_program[-1]
        if len(set(sides)) < len(sides):      # --stock
            return [self.answers(side, program)[0] for side in sides]
        for side in sides:
            side.begin(program)
        return [side.result() for side in sides]

    def differs(self, program):
        """None, or (number of the step, what stock says, what mpmd says)."""
        stock, mpmd = self.answers(self.stock, self.mpmd, program)
        also, texts = None, {}
        for said in (stock, mpmd):
            if said[0][0][0] == "broken":
                return 0, in_words(stock[0], True), in_words(mpmd[0], True)
        for i, (step, shown) in enumerate(program):
            before = texts.get(shown)
            texts[shown] = stock[i][1], mpmd[i][1]
            if mpmd[i][0][0] == stock[i][0][0] == "raises" and before and mpmd[i][1] == before[1] and stock[i][1] != before[0]:
                self.explained["a failed method changed nothing"] += 1
                return None
            theirs, ours = in_words(stock[i], self.with_texts), in_words(mpmd[i], self.with_texts)
            self.compared += 1
            if theirs == ours:
                if any(re.fullmatch(text, step, re.S) and re.match(said, in_words(mpmd[i], True)) for text, said, _ in STOPS):
                    return None
                continue
            if self.newest and also is None:
                also, = self.answers(self.newest, program)
            if also and i < len(also) and ours == in_words(also[i], False):
                continue
            for d in DIFFERENCES + (DIFFERENCES_2 if self.python.version[0] == 2 else []):
                if re.fullmatch(d.step, step, re.S) and re.fullmatch(d.stock, in_words(stock[i], True), re.S) and \
                        re.fullmatch(d.mpmd, in_words(mpmd[i], True), re.S):
                    self.explained[d] += 1
                    return None      # what follows may differ for the same reason
            for value, instead, reason in SUBSTITUTES + (SUBSTITUTES_2 if self.python.version[0] == 2 else []):
                other = [[re.sub(value, instead, text), shown] for text, shown in program[:i + 1]]
                if other != [list(step) for step in program[:i + 1]] and self.differs(other) is None:
                    self.explained[reason] += 1
                    return None
            return i, theirs, ours
        return None

    def end(self):
        for side in (self.stock, self.mpmd, self.newest):
            if side:
                side.end()


def show(comparison, seed, program, found):
    """The smallest program with that difference, in words."""
    if found[1].startswith("broken") or found[2].startswith("broken"):    # a hang would be too long to repeat
        return "seed %d\n    %s\n  stock: %s\n  mpmd:  %s" % (
            (seed, "\n    ".join(text for text, _ in program)) + found[1:])
    def kind(found):
        return found and [re.sub(r"'[^']*'|\d+", "", said[:150]) if said.startswith("raises") else said.split(" ")[0]
                          for said in found[1:]]

    wanted = kind(found)
    small = random_programs.shrink(program, lambda p: kind(comparison.differs(p)) == wanted)
    found = comparison.differs(small)
    if found is None:
        return "seed %d: differs only sometimes:\n    %s" % (seed, "\n    ".join(text for text, _ in program))
    at, stock, mpmd = found
    return "seed %d, step %d of\n    %s\n  stock: %s\n  mpmd:  %s" % (seed, at + 1, "\n    ".join(text for text, _ in small), stock, mpmd)


@pytest.fixture
def comparison(start, python, request):
    made = Comparison(python, start, request.config.getoption("--stock"))
    yield made
    made.end()


def test_random_programs_do_the_same(comparison, python):
    steps = STEPS or (4000 if python.version == TEXTS else 600)
    seed, complaints = SEED, []
    while comparison.compared < steps and len(complaints) < COMPLAINTS:
        program = random_programs.Writer(seed, python.version, TYPES).program(STEPS_OF_A_PROGRAM)
        found = comparison.differs(program)
        if found:
            complaints.append(show(comparison, seed, program, found))
        seed += 1
    print("seeds %d to %d, %d steps, %s" % (SEED, seed - 1, comparison.compared, dict(comparison.explained)))
    if complaints:
        pytest.fail("%d differ\n%s" % (len(complaints), "\n".join(complaints)), pytrace=False)
