"""What bad input gets, as far as a client can see it: raw sockets, whatever a stock client would never send.

After each offence another client is served as if nothing had happened.
"""
import os
import pickle
import re
import socket
import struct
import threading

import pytest

import servers
import wire
from wire import Connection, mac


@pytest.fixture
def server(start, transport, request, newest):
    register = ["get_board=Namespace(x=1)", "get_lock=Lock"]
    if request.config.getoption("--stock"):
        server = start(servers.Stock, newest, transport, register=register)
    else:
        server = start(servers.Mpmd, transport, register=register)
    yield server
    # Others notice nothing.
    assert server.dispatch("dummy") is None
    with connect(server) as c:
        assert c.call(board(server), "__getattribute__", "x") == 1


def connect(server):
    return wire.data(server.address, server.key)


def board(server):
    return server.dispatch("create", "get_board")[0]


def last_line(text):
    assert text.startswith("Traceback (most recent call last):\n") and text.endswith("\n"), text
    return text.splitlines()[-1]


def assert_traceback(reply, end):
    """`end` is a pattern for the whole last line."""
    assert reply[0] == "#TRACEBACK", reply
    assert type(reply[1]) is str
    line = last_line(reply[1])
    assert re.fullmatch(end, line), line


# --- before authentication


def assert_refused(connection):
    """#FAILURE#, or simply closed; nothing else is told to a stranger."""
    frames = connection.drain()
    assert frames in ([], [b"#FAILURE#"]), frames


def warned(server):
    return [line for line in server.log().splitlines() if "auth" in line.lower() or "handshake" in line.lower() or
            "refused" in line.lower() or "protocol" in line.lower()]


@pytest.mark.parametrize("digest", ["md5", "sha256", "sha384", "sha3_256", "sha3_384"])
def test_every_digest_of_the_right_key_is_welcome(server, digest):
    with Connection(server.address) as c:
        message = c.challenge()
        c.send(b"{" + digest.encode() + b"}" + mac(server.key, message, digest))
        assert c.recv() == b"#WELCOME#"


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_bare_answers_of_old_pythons_are_welcome(server, digest):
    """2.7 to 3.11 send 16 bytes of MD5; where MD5 is forbidden, some send 32 bytes of SHA-256."""
    with Connection(server.address) as c:
        c.send(mac(server.key, c.challenge(), digest))
        assert c.recv() == b"#WELCOME#"
        c.send(b"#CHALLENGE#" + b"A" * 20)
        # The key was shown to be right, so the rest follows.
        assert len(c.recv()) in (16, 32)


@pytest.mark.parametrize("answer", [
    lambda m: b"{sha256}" + mac(b"another key", m), lambda m: mac(b"another key", m, "md5"),
    lambda m: b"", lambda m: b"{sha256}", lambda m: b"{sha256}" + b"x" * 3, lambda m: b"{sha1}" + b"x" * 20,
    lambda m: b"{sha512}" + b"x" * 64, lambda m: b"x" * 20, lambda m: b"#WELCOME#", lambda m: b"#CHALLENGE#" + m,
    lambda m: b"{" * 256, lambda m: m, lambda m: b"{sha256}" + mac(b"", m), lambda m: b"\x00" * 256,
], ids=["wrong_key", "wrong_key_md5", "empty", "no_mac", "short_mac", "sha1", "sha512", "20_bytes", "welcome",
        "challenge", "braces", "echo", "empty_key", "zeros"])
def test_a_wrong_answer_is_refused(server, answer):
    with Connection(server.address) as c:
        c.send(answer(c.challenge()))
        assert_refused(c)


def test_a_prefix_of_the_right_answer_is_refused(server):
    for n in (15, 16, 31):
        with Connection(server.address) as c:
            c.send(b"{sha256}" + mac(server.key, c.challenge())[:n])
            assert_refused(c)


def test_a_wrong_key_is_logged_in_one_line_without_the_key(server):
    with Connection(server.address) as c:
        c.send(b"{sha256}" + mac(b"another key", c.challenge()))
        assert_refused(c)
    server.settle()
    assert len(warned(server)) == 1, server.log()
    if server.transport == "tcp":
        assert "127.0.0.1" in warned(server)[0]
    else:
        assert str(os.getpid()) in warned(server)[0]
    assert server.key.decode() not in server.log()


def test_the_log_of_failed_handshakes_is_rate_limited(server):
    for _ in range(200):
        with Connection(server.address) as c:
            c.send(b"{sha256}" + mac(b"another key", c.challenge()))
            assert_refused(c)
    server.settle()
    assert len(warned(server)) < 100, "%d lines" % len(warned(server))


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64, b"\x80\x00\x00\x00", b"\xff\xff\xff\xfe",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", struct.pack("!i", 257) + b"x" * 257, struct.pack("!i", 0x7fffffff),
    b"\xff\xff\xff\xff" + struct.pack("!Q", 1 << 40), b"\xff\xff\xff\xff" + b"\xff" * 8,
], ids=["http", "ff", "most_negative", "minus_2", "tls", "257_bytes", "2_gib", "1_tib", "2_64"])
def test_garbage_before_authentication_closes_the_connection(server, garbage):
    with Connection(server.address) as c:
        c.challenge()
        try:
            c.send_bytes(garbage)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert_refused(c)


def test_a_request_without_authentication_is_refused(server):
    with Connection(server.address) as c:
        c.challenge()
        c.send(pickle.dumps((None, "shutdown", (), {}), 4))
        assert_refused(c)


def test_a_wrong_welcome_is_not_followed_by_service(server):
    """We proved the key; then we say that the server did not."""
    with Connection(server.address) as c:
        c.answer(server.key)
        assert c.recv() == b"#WELCOME#"
        c.send(b"#CHALLENGE#{sha256}" + b"x" * 40)
        assert len(c.recv()) == 40
        c.send(b"#FAILURE#")
        try:
            c.send(pickle.dumps((None, "number_of_objects", (), {}), 4))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert c.drain() == []


@pytest.mark.parametrize("challenge", [b"", b"#CHALLENGE#", b"#CHALLENGE#" + b"x" * 5, b"#CHALLENGE#" + b"x" * 19,
                                       b"#CHALLENGE#{sha512}" + b"x" * 40, b"nonsense" * 5, b"#WELCOME#"],
                         ids=["empty", "no_bytes", "5_bytes", "19_bytes", "sha512", "nonsense", "welcome"])
def test_a_bad_challenge_is_not_answered(server, challenge):
    with Connection(server.address) as c:
        c.answer(server.key)
        assert c.recv() == b"#WELCOME#"
        c.send(challenge)
        assert_refused(c)


@pytest.mark.parametrize("begin", [b"", b"\x00", b"\x00\x00\x00\x28", b"\x00\x00\x00\x28{sha256}"],
                         ids=["silent", "half_a_header", "header", "half_an_answer"])
def test_who_does_not_authenticate_is_closed_after_a_while(start, transport, begin):
    server = start(servers.Mpmd, transport, options=["--auth-timeout", "0.2"])
    with Connection(server.address) as c:
        c.challenge()
        c.send_bytes(begin)
        assert_refused(c)
    # Who has authenticated may be silent for as long as he likes: this one is older than the next to be closed.
    with connect(server) as quiet, Connection(server.address) as c:
        c.challenge()
        assert_refused(c)
        quiet.send(pickle.dumps((None, "dummy", (), {}), 4))
        assert quiet.reply()[0] == "#TRACEBACK"     # there is no object None; but it answers


def test_a_half_finished_handshake_is_closed_after_a_while(start):
    server = start(servers.Mpmd, options=["--auth-timeout", "0.2"])
    with Connection(server.address) as c:
        c.answer(server.key)
        assert c.recv() == b"#WELCOME#"
        assert_refused(c)


def test_a_handshake_byte_by_byte_is_served(server):
    with Connection(server.address) as c:
        message = c.challenge()
        for part in (b"{sha256}" + mac(server.key, message), b"#CHALLENGE#" + b"x" * 20, b"#WELCOME#",
                     pickle.dumps((None, "number_of_objects", (), {}), 4)):
            if part == b"#CHALLENGE#" + b"x" * 20:
                assert c.recv() == b"#WELCOME#"
            if part == b"#WELCOME#":
                assert len(c.recv()) == 16
            for byte in struct.pack("!i", len(part)) + part:
                c.send_bytes(bytes([byte]))
        assert c.reply() == ("#RETURN", 0)
        assert c.recv() is None


def test_handshake_and_request_in_one_write_are_served(server):
    """Nothing is lost when messages come together."""
    with Connection(server.address) as c:
        c.answer(server.key)
        assert c.recv() == b"#WELCOME#"
        c.send(b"#CHALLENGE#" + b"x" * 20)
        c.recv()
        together = b""
        for body in (b"#WELCOME#", pickle.dumps((None, "accept_connection", ("x",), {}), 4)):
            together += struct.pack("!i", len(body)) + body
        for n in range(3):
            body = pickle.dumps(("dead%d" % n, "x", (), {}), 4)
            together += struct.pack("!i", len(body)) + body
        c.send_bytes(together)
        assert c.reply() == ("#RETURN", None)
        for n in range(3):
            assert_traceback(c.reply(), "KeyError: 'dead%d'" % n)


# --- long frames


def test_a_frame_over_the_limit_is_refused_from_its_header(start, transport):
    server = start(servers.Mpmd, transport, options=["--max-message", "1000000"])
    for header, size in ((struct.pack("!i", 1000001), 1000001),
                         (b"\xff\xff\xff\xff" + struct.pack("!Q", 1 << 40), 1 << 40)):
        with connect(server) as c:
            c.send_bytes(header)                    # and nothing of the body
            kind, text = c.reply()
            assert kind == "#TRACEBACK"
            assert str(size) in text and "1000000" in text, text
            # What is a little too long may still be sent, as a stock client does before it reads the answer.
            if size < 2000000:
                c.send_bytes(b"x" * size)
            assert c.recv() is None
    with connect(server) as c:
        ident = server.dispatch("create", "Namespace")[0]
        big = b"x" * 999000
        assert c.call(ident, "__setattr__", "big", big) is None
        assert c.call(ident, "__getattribute__", "big") == big


def test_a_long_header_for_a_short_message_is_read(server):
    with connect(server) as c:
        body = pickle.dumps((board(server), "__getattribute__", ("x",), {}), 4)
        c.send_bytes(b"\xff\xff\xff\xff" + struct.pack("!Q", len(body)) + body)
        assert c.reply() == ("#RETURN", 1)


def test_a_negative_length_closes_the_connection(server):
    with connect(server) as c:
        c.send_bytes(b"\xff\xff\xff\xfe")
        frames = c.drain()
        assert len(frames) <= 1
        if frames:
            assert pickle.loads(frames[0])[0] == "#TRACEBACK"


# --- malformed pickles

MALFORMED = {
    "empty": b"",
    "no_stop": b"\x80\x04K\x01",
    "only_stop": b"\x80\x04.",
    "unknown_opcode": b"\x80\x04\xff.",
    "unknown_protocol": b"\x80\x06N.",
    "protocol_cut": b"\x80",
    "get_of_nothing": b"\x80\x04h\x05.",
    "long_get_of_nothing": b"\x80\x04j\xff\xff\xff\xff.",
    "bytes_after_stop": b"\x80\x04N.N.",
    "two_values": b"\x80\x04NN.",
    "text_cut": b"\x80\x04\x8c\x05abc",
    "text_2_gib": b"\x80\x04X\xff\xff\xff\x7fabc.",
    "bytes8_huge": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.",
    "not_utf8": b"\x80\x04\x8c\x02\xff\xfe.",
    "tuple_of_nothing": b"\x80\x04\x86.",
    "append_to_nothing": b"\x80\x04Na.",
    "append_to_none": b"\x80\x04NNa.",
    "setitem_odd": b"\x80\x04}(K\x01u.",
    "mark_left": b"\x80\x04(N.",
    "tuple_without_mark": b"\x80\x04Nt.",
    "pop_nothing": b"\x80\x040N.",
    "reduce_not_a_tuple": b"\x80\x04cbuiltins\nlist\nNR.",
    "persistent_id": b"\x80\x04NQ.",
    "persistent_id_0": b"Pabc\n.",
    "next_buffer": b"\x80\x05\x97.",
    "readonly_buffer": b"\x80\x05N\x98.",
    "frame_over_the_end": b"\x80\x04\x95\xff\xff\x00\x00\x00\x00\x00\x00N.",
    "long_negative_length": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "int_of_letters": b"Iabc\n.",
    "float_of_letters": b"Fabc\n.",
    "line_without_end": b"I12",
    "nested_too_deep": b"\x80\x04" + b"(" * 100000 + b"t" * 100000 + b".",
    "nested_too_deep_lists": b"\x80\x04" + b"]" * 100000 + b"a" * 99999 + b".",
    "build_nothing": b"\x80\x04b.",
    "memoize_nothing": b"\x80\x04\x94.",
    "ext": b"\x80\x02\x82\x01.",
    "http": b"GET / HTTP/1.1\r\n",
}


@pytest.mark.parametrize("name", [n for n in MALFORMED if n != "empty"])
def test_a_malformed_pickle_is_an_error_and_the_connection_lives_on(server, name):
    ident = board(server)
    with connect(server) as c:
        c.send(MALFORMED[name])
        kind, text = c.reply()
        assert kind == "#TRACEBACK", (kind, text)
        last_line(text)
        assert c.call(ident, "__getattribute__", "x") == 1


@pytest.mark.parametrize("name", ["unknown_opcode", "get_of_nothing", "tuple_of_nothing", "append_to_none"])
def test_a_malformed_pickle_is_named_by_offset_and_opcode(start, name):
    server = start(servers.Mpmd)
    with connect(server) as c:
        c.send(MALFORMED[name])
        kind, text = c.reply()
        assert kind == "#TRACEBACK"
        line = last_line(text)
        assert re.search(r"\b(at|byte|offset) ?(byte|offset)? ?\d+", line), line
        opcode = {"unknown_opcode": "ff", "get_of_nothing": "BINGET|68", "tuple_of_nothing": "TUPLE2|86",
                  "append_to_none": "APPEND|61"}[name]
        assert re.search(opcode, line, re.I), line


def test_a_malformed_pickle_as_the_first_request_is_an_error(server):
    for name in MALFORMED:
        with Connection(server.address, server.key) as c:
            c.send(MALFORMED[name])
            frames = c.drain()
            assert len(frames) == 1 or name == "empty", (name, frames)
            if frames:
                assert pickle.loads(frames[0])[0] == "#TRACEBACK"


def test_an_empty_message_does_not_hang(server):
    """CPython 3.10 and later close the connection; either is an answer."""
    with connect(server) as c:
        c.send(b"")
        body = c.recv()
        assert body is None or pickle.loads(body)[0] == "#TRACEBACK"


def bomb(form, levels=60):
    """Each level is a list of the one before, twice: 2**60 items when it is read as a tree."""
    def get(n):
        return b"h" + bytes([n])

    def put(n):
        return b"q" + bytes([n])

    if form == "nested":                        # as a pickler writes it
        return b"(" * levels + b"]" + put(0) + b"".join(get(n) + b"l" + put(n + 1) for n in range(levels))
    # Each level is made, named and thrown away; only the last is fetched.
    return (b"]" + put(0) + b"0" + b"".join(b"(" + get(n) + get(n) + b"l" + put(n + 1) + b"0" for n in range(levels)) +
            get(levels))


@pytest.mark.parametrize("form", ["nested", "popped"])
def test_a_pickle_that_grows_stays_small(server, form):
    ident = board(server)
    body = b"\x80\x04(\x8c" + bytes([len(ident)]) + ident.encode() + b"\x8c\x0b__setattr__(\x8c\x04bomb"
    body += bomb(form) + b"t}t."
    with connect(server) as c:
        c.send(body)
        kind, payload = c.reply()
        if kind == "#RETURN":
            for protocol in (2, 3, 4, 5):
                c.send(pickle.dumps((ident, "__getattribute__", ("bomb",), {}), protocol))
                reply = c.recv()
                assert len(reply) < 20 * len(body), len(reply)
                kind, value = pickle.loads(reply)
                assert kind == "#RETURN"
                for _ in range(60):
                    assert len(value) == 2 and value[0] is value[1]
                    value = value[0]
                assert value == []
        else:
            assert form != "nested" and kind == "#TRACEBACK", payload
        assert c.call(ident, "__getattribute__", "x") == 1


def test_a_class_that_does_not_exist_passes_through(server):
    """The server imports nothing, so it can neither fail on it nor run it."""
    ident = board(server)
    value = b"\x8c\x0cnot_a_module\x8c\x05Thing\x93)R"
    with connect(server) as c:
        head = b"\x80\x04(\x8c" + bytes([len(ident)]) + ident.encode()
        c.send(head + b"\x8c\x0b__setattr__(\x8c\x05thing" + value + b"t}t.")
        assert c.reply() == ("#RETURN", None)
        c.send(pickle.dumps((ident, "__getattribute__", ("thing",), {}), 4))
        reply = c.recv()
        assert b"not_a_module" in reply and b"Thing" in reply
        with pytest.raises(ModuleNotFoundError):
            pickle.loads(reply)


# --- requests


@pytest.mark.parametrize("request_, end", [
    ((1, 2, 3), r"ValueError: not enough values to unpack \(expected 4, got 3\)"),
    ((), r"ValueError: not enough values to unpack \(expected 4, got 0\)"),
    ((1, 2, 3, 4, 5), r"ValueError: too many values to unpack \(expected 4\)"),
    (None, r"TypeError: cannot unpack .+"),
    (7, r"TypeError: cannot unpack .+"),
    (("dead", "x", (), {}), r"KeyError: 'dead'"),
    ((None, "x", (), {}), r"KeyError: None"),
    (("", "x", (), {}), r"KeyError: ''"),
    (("0", "x", (), {}), r"(ValueError: not enough values to unpack \(expected 3, got 2\)|KeyError: '0')"),
], ids=["3", "0", "5", "None", "int", "dead", "ident_None", "ident_empty", "ident_0"])
def test_a_wrong_request_is_a_traceback(server, request_, end):
    ident = board(server)
    with connect(server) as c:
        assert_traceback(c.request(request_), end)
        assert c.call(ident, "__getattribute__", "x") == 1


@pytest.mark.parametrize("request_", [
    "abcd", [1], {}, {"a": 1, "b": 2, "c": 3, "d": 4}, set(), b"1234", 1.5, ([], "x", (), {}),
    ({}, {}, {}, {}), ("x", 5, (), {}), ("x", None, None, None), (("x",), "y", (), {}),
], ids=repr)
def test_a_strange_request_is_a_traceback(server, request_):
    with connect(server) as c:
        kind, text = c.request(request_)
        assert kind == "#TRACEBACK", (kind, text)
        last_line(text)
        assert c.call(board(server), "__getattribute__", "x") == 1


def test_a_list_is_as_good_as_a_tuple(server):
    with connect(server) as c:
        assert c.request([board(server), "__getattribute__", ["x"], {}]) == ("#RETURN", 1)
        for protocol in range(6):
            assert c.request((board(server), "__getattribute__", ("x",), {}), protocol) == ("#RETURN", 1)


@pytest.mark.parametrize("function", ["nosuch", "", "__init__", "serve_client", "a" * 10000, "\u20ac"],
                         ids=lambda name: ascii(name)[:20])
def test_an_unknown_function_is_an_assertion(server, function):
    with Connection(server.address, server.key) as c:
        reply = c.request((None, function, (), {}))
        assert reply[0] == "#TRACEBACK"
        line = last_line(reply[1])
        assert line.startswith("AssertionError: "), line[:100]
        if len(function) < 100:
            assert line == "AssertionError: %r unrecognized" % function
        assert c.recv() is None


@pytest.mark.parametrize("function, args, end", [
    ("create", ("nosuch",), r"KeyError: 'nosuch'"),
    ("create", (), r"TypeError: .*create\(\) .*typeid.*|TypeError: .*missing.*"),
    ("create", (5,), r"KeyError: 5"),
    ("create", ([],), r"TypeError: unhashable type: 'list'"),
    ("create", ("Semaphore", -1), r"ValueError: semaphore initial value must be >= 0"),
    ("create", ("Semaphore", "x"), r"TypeError: .*"),
    ("create", ("Lock", 1, 2, 3), r"TypeError: .*"),
    ("create", ("Barrier",), r"TypeError: .*parties.*"),
    ("create", ("Barrier", "x"), r"TypeError: .*"),
    ("incref", ("dead",), r"KeyError: 'dead'"),
    ("decref", ("dead",), r"KeyError: 'dead'"),
    ("incref", (), r"TypeError: .*incref\(\).*"),
    ("decref", (1, 2, 3), r"(TypeError: .*decref\(\).*|KeyError: .*)"),
    ("incref", ([],), r"(TypeError: unhashable type: 'list'|KeyError: .*)"),
    ("get_methods", ("x",), r"AttributeError: .+ has no attribute 'id'"),
    ("dummy", (1,), r"TypeError: (Server\.)?dummy\(\) takes .*"),
    ("number_of_objects", (1,), r"TypeError: (Server\.)?number_of_objects\(\) takes .*"),
    ("debug_info", (1, 2), r"TypeError: (Server\.)?debug_info\(\) takes .*"),
    ("accept_connection", (), r"TypeError: .*accept_connection\(\).*"),
], ids=lambda v: str(v)[:30])
def test_a_wrong_one_shot_request_is_a_traceback(server, function, args, end):
    with Connection(server.address, server.key) as c:
        assert_traceback(c.request((None, function, args, {})), end)
        assert c.recv() is None


def test_a_one_shot_request_with_unknown_keywords_is_a_traceback(server):
    with Connection(server.address, server.key) as c:
        assert_traceback(c.request((None, "dummy", (), {"x": 1})), r"TypeError: .*unexpected keyword argument 'x'.*")


def test_a_second_decref_is_a_key_error_and_harms_nobody(server):
    ident, exposed = server.dispatch("create", "Namespace")
    other, exposed = server.dispatch("create", "Namespace")
    assert server.dispatch("decref", ident) is None
    for _ in range(2):
        with Connection(server.address, server.key) as c:
            assert_traceback(c.request((None, "decref", (ident,), {})), "KeyError: '%s'" % ident)
    assert server.number_of_objects() == 1
    assert server.dispatch("decref", other) is None
    assert server.number_of_objects() == 0


def test_an_ident_is_never_used_again(server):
    idents = set()
    for _ in range(50):
        ident, exposed = server.dispatch("create", "Lock")
        server.dispatch("decref", ident)
        idents.add(ident)
    assert len(idents) == 50
    with connect(server) as c:
        for ident in idents:
            assert_traceback(c.request((ident, "acquire", (), {})), "KeyError: '%s'" % ident)


@pytest.mark.parametrize("method", ["nosuch", "__class__", "__init__", "__reduce__", "", "wait", "a" * 10000],
                         ids=lambda name: ascii(name)[:20])
def test_an_unexposed_method_is_a_key_error(server, method):
    ident = server.dispatch("create", "get_lock")[0]
    with connect(server) as c:
        reply = c.request((ident, method, (), {}))
        assert reply[0] == "#TRACEBACK"
        assert last_line(reply[1]).startswith("KeyError: '%s" % method[:50])
        assert "AttributeError" in reply[1]
        assert c.call(ident, "acquire") is True
        assert c.call(ident, "release") is None


@pytest.mark.parametrize("method, args, kwds", [
    ("acquire", (1, 2, 3), {}), ("acquire", (), {"x": 1}), ("release", (1,), {}),
    ("acquire", (True,), {"blocking": True}), ("acquire", (True, "soon"), {}), ("release", (), {"x": None}), ("acquire", (True, []), {}),
])
def test_wrong_arguments_of_a_method_are_a_type_error(server, method, args, kwds):
    ident = server.dispatch("create", "get_lock")[0]
    with connect(server) as c:
        kind, error = c.request((ident, method, args, kwds))
        assert kind == "#ERROR" and type(error) is TypeError, (kind, error)
        assert str(error)
        assert c.call(ident, "acquire", False) is True
        c.call(ident, "release")


@pytest.mark.parametrize("args, kwds", [(None, {}), (5, {}), ((), None), ((), 5), ((), {1: 2}), ((), [])],
                         ids=repr)
def test_arguments_that_are_none_are_an_error(server, args, kwds):
    ident = server.dispatch("create", "get_lock")[0]
    with connect(server) as c:
        kind, error = c.request((ident, "release", args, kwds))
        assert kind in ("#ERROR", "#TRACEBACK"), kind
        if kind == "#ERROR":
            assert isinstance(error, (TypeError, RuntimeError)), error
        assert c.call(ident, "acquire", False) is True
        c.call(ident, "release")


def test_fallback_methods_answer(server):
    ident = board(server)
    with connect(server) as c:
        assert c.call(ident, "__str__") == "Namespace(x=1)"
        assert c.call(ident, "__repr__") == "Namespace(x=1)"
        assert c.call(ident, "#GETVALUE").x == 1
        lock = server.dispatch("create", "get_lock")[0]
        assert "unlocked" in c.call(lock, "__str__")
        kind, text = c.request((lock, "#GETVALUE", (), {}))
        assert kind == "#UNSERIALIZABLE" and "lock" in text, (kind, text)
        assert c.call(ident, "__getattribute__", "x") == 1


def test_a_reply_has_the_protocol_of_its_request(server):
    ident = board(server)
    with connect(server) as c:
        for protocol in (2, 3, 4, 5):
            c.send(pickle.dumps((ident, "__getattribute__", ("x",), {}), protocol))
            assert c.recv()[:2] == bytes([0x80, protocol])


# --- clients that do not keep up


def test_who_never_reads_does_not_harm_others(start, transport):
    """Asks for a large value without end and reads nothing: it is not read from any more, memory stays bounded."""
    # Freed memory is to be freed, not kept by the address sanitizer to watch it.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    server = start(servers.Mpmd, transport, environment={"ASAN_OPTIONS": sanitizer})
    ident = server.dispatch("create", "Namespace")[0]
    big = b"x" * 100000
    with connect(server) as reader, connect(server) as other:
        other.call(ident, "__setattr__", "big", big)
        before = memory(server.pid)
        body = pickle.dumps((ident, "__getattribute__", ("big",), {}), 4)
        frame = struct.pack("!i", len(body)) + body
        reader.socket.setblocking(False)
        sent = 0
        rounds = 0
        # Until the pipe is full for good: whenever it is, the server gets the chance to read more.
        while rounds < 50 and sent < 1 << 30:
            try:
                sent += reader.socket.send(frame * 1000)
                rounds = 0
            except BlockingIOError:
                rounds += 1
                assert other.call(ident, "__getattribute__", "big") == big
        assert rounds == 50, "it never stopped reading"
        after = memory(server.pid)
        assert after - before < 64 << 20, "grew by %d KiB" % ((after - before) >> 10)
        # It is slow, not dead: whole replies are there once it reads.
        reader.socket.settimeout(wire.HANG)
        for _ in range(100):
            assert pickle.loads(reader.recv()) == ("#RETURN", big)
        assert other.call(ident, "__getattribute__", "big") == big


def memory(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_who_closes_without_reading_does_not_harm_others(server):
    ident = board(server)
    for _ in range(20):
        c = connect(server)
        for _ in range(20):
            c.send(pickle.dumps((ident, "__getattribute__", ("x",), {}), 4))
        c.close()
    with connect(server) as c:
        assert c.call(ident, "__getattribute__", "x") == 1


def test_who_says_nothing_more_still_gets_his_replies(server):
    """Half-closed: all requests are there, and are answered before the end."""
    ident = board(server)
    with connect(server) as c:
        for _ in range(10):
            c.send(pickle.dumps((ident, "__getattribute__", ("x",), {}), 4))
        c.socket.shutdown(socket.SHUT_WR)
        assert [pickle.loads(body) for body in c.drain()] == [("#RETURN", 1)] * 10


def test_a_frame_in_pieces_is_one_message(server):
    ident = board(server)
    value = {"k": list(range(2000))}
    with connect(server) as c:
        body = pickle.dumps((ident, "__setattr__", ("v", value), {}), 4)
        frame = struct.pack("!i", len(body)) + body
        for cut in (1, 2, 3, 4, 5, 100, len(frame) - 1):
            c.send_bytes(frame[:cut])
            server.settle()
            c.send_bytes(frame[cut:])
            assert c.reply() == ("#RETURN", None)
        assert c.call(ident, "__getattribute__", "v") == value


def test_a_client_gone_in_the_middle_of_a_frame_leaves_nothing(server):
    ident = board(server)
    before = server.dispatch("debug_info")
    for cut in (1, 4, 10, 50):
        c = connect(server)
        body = pickle.dumps((ident, "__setattr__", ("x", "must not be seen" * 10), {}), 4)
        c.send_bytes((struct.pack("!i", len(body)) + body)[:cut])
        c.close()
    server.settle()
    assert server.dispatch("debug_info") == before


def test_many_connections_at_once_are_served(server):
    ident = board(server)
    clients = [connect(server) for _ in range(200)]
    for c in clients:
        c.send(pickle.dumps((ident, "__getattribute__", ("x",), {}), 4))
    for c in reversed(clients):
        assert c.reply() == ("#RETURN", 1)
        c.close()


def test_requests_of_many_threads_are_answered_to_whom_asked(server):
    ident = server.dispatch("create", "Namespace")[0]
    problems = []

    def work(n):
        try:
            with connect(server) as c:
                for i in range(100):
                    c.call(ident, "__setattr__", "a%d" % n, (n, i))
                    assert c.call(ident, "__getattribute__", "a%d" % n) == (n, i)
        except BaseException as e:
            problems.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems, problems
