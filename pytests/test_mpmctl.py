"""mpmctl as people and scripts use it: against mpmd, against CPython's own servers, and where there is no server.

Who waits is a real Python process that waits; it is known to because its request went out and the server has answered
others since (agents.Agent.block).
"""
import ast
import json
import os
import pty
import signal
import stat
import subprocess

import pytest

import conftest
import servers
import wire

STOCK = [i for i in conftest.FOUND if i.implementation == "CPython" and i.version in ((2, 7), (3, 6), (3, 13))]
CYCLE = "deadlock of %d: "


def binary():
    """mpmctl is built and installed beside mpmd."""
    server = servers.find_binary()
    path = server and os.path.join(os.path.dirname(server), "mpmctl")
    if not path or not os.path.exists(path):
        pytest.skip("no mpmctl beside %s" % server)
    return path


class Ended(object):
    def __init__(self, command, process, out, err):
        self.command, self.code = command, process.returncode
        self.out, self.err = out.decode(), err.decode()

    def good(self):
        assert self.code == 0 and not self.err, "%s: exit code %s: %s" % (self.command, self.code, self.err)
        return self.out

    def failed(self, code, *words):
        assert self.code == code, "%s: exit code %s: %s%s" % (self.command, self.code, self.out, self.err)
        for word in words:
            assert word in self.err, "%s: no %r in %r" % (self.command, word, self.err)
        return self.err


def run(*words, **more):
    """mpmctl with these words, in an environment without settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MPMD_") and k not in ("HOME", "XDG_CONFIG_HOME")}
    environment.update(more.get("environment", {}))
    command = [binary()] + list(words)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment)
    try:
        out, err = process.communicate(timeout=servers.HANG)
    finally:
        process.kill()
    for word in servers.SANITIZER:
        assert word not in err.decode("utf-8", "replace"), err
    return Ended(" ".join(command), process, out, err)


def until(condition):
    """Asks again until it is so; a hang guard only ends the test."""
    limit = 0
    while not condition():
        limit += 1
        assert limit < 10000, "it never becomes so"


def ctl(server, *words):
    return run("--address", server.text, "--authkey-file", server.keyfile, *words)


def asked(server, *words):
    """The JSON document."""
    out = ctl(server, *(words[:1] + ("--json",) + words[1:])).good()
    assert out.endswith("\n") and out.count("\n") == 1
    out.encode("ascii")
    return json.loads(out)


@pytest.fixture(params=STOCK, ids=[i.name for i in STOCK])
def stock(request, start):
    server = start(servers.Stock, request.param, register=["the_list=list([1, 2])"])
    server.python = request.param
    return server


# --- ping, and being told wrongly


def test_ping_tells_which_server_it_is(mpmd):
    assert "mpmd 0." in ctl(mpmd, "ping").good()
    told = asked(mpmd, "ping")
    assert sorted(told) == ["address", "milliseconds", "protocol", "server", "version"]
    assert told["server"] == "mpmd" and told["address"] == mpmd.text and told["milliseconds"] > 0


def test_ping_of_a_stock_server(stock):
    assert "CPython" in ctl(stock, "ping").good()
    told = asked(stock, "ping")
    assert told["server"] == "cpython" and told["version"] is None


def test_no_server_is_told(tmp_path, mpmd):
    nowhere = str(tmp_path / "nowhere")
    for command in ["ping"], ["ls"], ["waiters"], ["top"], ["call", "1", "x"], ["shutdown"]:
        run("-a", nowhere, "--authkey-file", mpmd.keyfile, *command).failed(1, "no server answers at " + nowhere)
    run("-a", "127.0.0.1:1", "--authkey-file", mpmd.keyfile, "ping").failed(1, "127.0.0.1:1")


def test_another_key_is_told(tmp_path, mpmd, stock):
    key = tmp_path / "key"
    key.write_bytes(b"another")
    key.chmod(0o600)
    for server in mpmd, stock:
        run("-a", server.text, "--authkey-file", str(key), "ls").failed(1, "another authkey")
    assert asked(mpmd, "top", "--count", "1", "--interval", "0.01")["refused"] == 1


def test_wrong_usage_is_told(mpmd):
    for words, said in [
            ([], "no command"), (["frobnicate"], "'frobnicate': unknown command"), (["ls", "--frob"], "--frob: unknown option"),
            (["ls", "x"], "takes no arguments"), (["show"], "give one object"), (["show", "a", "b"], "give one object"),
            (["call", "x"], "give the object, the method"), (["ls", "--json=1"], "takes no value"),
            (["top", "--interval", "0"], "--interval '0': give 0.01 seconds or more"), (["top", "--count", "x"], "--count 'x'"),
            (["ping", "--timeout", "-1"], "--timeout '-1'"), (["-a", "", "ping"], "the address is empty"),
            (["--authkey-env", "X", "ping"], "second authkey"), (["call", "l", "append", "hello"], "no Python literal: hello"),
            (["call", "l", "append", "[1"], "no Python literal"), (["call", "l", "append", "x=f(1)"], "no Python literal")]:
        ctl(mpmd, *words).failed(2, said)
    run("-a", mpmd.text, "ping").failed(2, "no authkey")
    run("--authkey-file", mpmd.keyfile, "ping").failed(2, "no address")
    run("-a", "no/where:", "--authkey-file", mpmd.keyfile, "ping").failed(1)
    run("-a", "host:port", "--authkey-file", mpmd.keyfile, "ping").failed(2, "host:port")
    run("-a", mpmd.text, "--authkey-file", "/nonexistent/key", "ping").failed(1, "/nonexistent/key")
    assert run("--help").good().startswith("usage: mpmctl")
    assert run("ls", "--version").good().startswith("mpmctl 0.")


def test_the_manual_has_each_option_and_command(mpmd):
    text = run("--help").good()
    with open(os.path.join(os.path.dirname(servers.HERE), "doc", "man", "mpmctl.1")) as f:
        manual = f.read()
    options = [w.strip(",") for w in text.split() if w.startswith("--")]
    assert len(options) >= 11
    for option in options:
        assert ".It Fl -%s" % option[2:] in manual or "Fl -%s" % option[2:] in manual, option
    for command in "ping", "ls", "show", "call", "waiters", "holders", "top", "shutdown":
        assert ".It Cm %s" % command in manual


def test_options_come_before_the_environment_and_that_before_the_file(tmp_path, start):
    one, two = start(servers.Mpmd, register=["one=Lock"]), start(servers.Mpmd, register=["two=Lock"])
    folder = tmp_path / "mpmd"
    folder.mkdir()
    config = folder / "mpmctl.conf"
    config.write_text("# where it is\n\n  address = %s\nauthkey-file=%s\n" % (one.text, one.keyfile))
    home = {"XDG_CONFIG_HOME": str(tmp_path)}

    def name(*words, **more):
        return json.loads(run("ls", "--json", *words, **more).good())["objects"][0]["name"]

    assert name(environment=home) == "one"
    assert name("--config", str(config)) == "one"
    assert name(environment=dict(home, MPMD_ADDRESS=two.text)) == "two"
    assert name("-a", one.text, environment=dict(home, MPMD_ADDRESS=two.text)) == "one"
    assert name(environment={"MPMD_ADDRESS": two.text, "MPMD_AUTHKEY_ENV": "K", "K": one.key.decode()}) == "two"
    assert name(environment=dict(home, MPMD_AUTHKEY_FILE=two.keyfile)) == "one"
    assert name("--authkey-env", "K", environment=dict(home, K=one.key.decode(), MPMD_AUTHKEY_FILE="/nonexistent")) == "one"
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    (home / ".config" / "mpmd").symlink_to(folder)
    assert name(environment={"HOME": str(home)}) == "one"
    run("ls", environment={"MPMD_AUTHKEY_FILE": "a", "MPMD_AUTHKEY_ENV": "b"}).failed(2, "both are set")
    run("ls", "--config", str(tmp_path / "none")).failed(1, "No such file")
    for text, said in [("address", "line 1: expected"), ("\nx = 1", "line 2: unknown key"), ("address =", "the value is empty"),
                       ("address=a\naddress=b", "line 2: the key is given twice"), ("x" * 5000, "too long"),
                       ("authkey-file=a\nauthkey-env=b", "second authkey")]:
        config.write_text(text)
        run("ls", "--config", str(config)).failed(2, said)


# --- ls and show


def test_ls_has_every_object(start, agent, newest):
    server = start(servers.Mpmd, register=["get_lock=Lock"])
    client = agent(newest, server)
    client.run("l = m.list([1, 2, 3])")
    client.run("k = m.RLock()")
    client.run("k.acquire(), k.acquire()")
    told = asked(server, "ls")
    assert told["server"] == "mpmd"
    named, items, lock = told["objects"]
    keys = ["holder", "holders", "ident", "name", "refs", "size", "str", "typeid", "waiters"]
    assert sorted(named) == sorted(items) == sorted(lock) == keys
    assert (named["name"], named["typeid"], named["refs"], named["holder"]) == ("get_lock", "Lock", 0, None)
    assert (items["typeid"], items["refs"], items["size"], items["name"]) == ("list", 1, 3, None)
    assert items["ident"] == client.run("l._id")
    assert lock["holders"] == 1 and lock["size"] is None
    holder = lock["holder"]
    assert holder["pid"] == client.pid and holder["thread"] == "MainProcess" and holder["count"] == 2
    with open("/proc/%d/comm" % client.pid) as f:
        assert holder["process"] == f.read().rstrip("\n")
    lines = ctl(server, "ls").good().splitlines()
    assert lines[0].split() == ["IDENT", "TYPEID", "NAME", "REFS", "WAITERS", "SIZE", "HOLDER"]
    assert lines[1].split() == [named["ident"], "Lock", "get_lock", "0", "0", "-"]
    assert lines[2].split() == [items["ident"], "list", "-", "1", "0", "3"]
    assert "pid %d (" % client.pid in lines[3]


def test_ls_of_thousands(mpmd):
    made = [wire.dispatch(mpmd.address, mpmd.key, "create", "Event")[0] for _ in range(3000)]
    assert [o["ident"] for o in asked(mpmd, "ls")["objects"]] == made


def test_show_tells_everything_of_one(agent, mpmd, newest):
    one, two = agent(newest, mpmd), agent(newest, mpmd)
    one.run("k = m.Lock()")
    one.run("l = m.list()")
    one.run("l.append(k)")
    one.give("k", two)
    one.run("k.acquire()")
    two.block("k", "k.acquire(True, 1000)")
    ident = one.run("k._id")
    told = asked(mpmd, "show", ident)
    assert sorted(told) == sorted(["server", "ident", "typeid", "name", "class", "str", "is_cut", "refs", "size", "exposed",
                                   "server_holds", "held", "waiting", "refs_of", "pinned_by"])
    assert told["class"] == "_thread.lock" and told["str"].startswith("<locked _thread.lock")
    assert told["exposed"] == ["acquire", "release", "locked"] and told["pinned_by"] == [one.run("l._id")]
    assert [h["pid"] for h in told["held"]] == [one.pid]
    assert [(w["pid"], w["method"], w["held_up_by"]) for w in told["waiting"]] == [(two.pid, "acquire", ident)]
    assert 0 < told["waiting"][0]["seconds_left"] <= 1000
    assert sorted(r["pid"] for r in told["refs_of"]) == sorted([one.pid, two.pid])
    text = ctl(mpmd, "show", "Lock:%s@%s" % (ident, mpmd.text)).good()
    assert "held by      pid %d" % one.pid in text and "waiting      pid %d" % two.pid in text and "gives up in" in text
    ctl(mpmd, "show", "cafe").failed(1, "no object 'cafe'")


def test_a_token_brings_its_address(mpmd):
    ident = wire.dispatch(mpmd.address, mpmd.key, "create", "list")[0]
    assert run("show", "--json", "list:%s@%s" % (ident, mpmd.text), "--authkey-file", mpmd.keyfile).good()


def test_nothing_from_elsewhere_reaches_the_terminal(mpmd, agent, newest):
    client = agent(newest, mpmd)
    client.run("import threading")
    client.run("multiprocessing.current_process().name = 'evil\\x1b[2J\\u202e\\x9b\\n'")
    client.run("d = m.dict({'\\x1b]0;x\\x07': b'\\xff', 'k': '\\u202e\\x9b'})")
    client.run("k = m.Lock()")
    client.run("k.acquire()")
    ident = client.run("d._id")
    for words in ["ls"], ["show", ident], ["call", ident, "copy"], ["holders"], ["call", ident, "get", "'k'"], ["ls", "--json"]:
        out = ctl(mpmd, *words).good()
        assert not [c for c in out if c != "\n" and (ord(c) < 32 or 0x7f <= ord(c) < 0xa0 or c == "\u202e")], out
    assert "evil\\x1b[2J\\u202e\\x9b\\x0a" in ctl(mpmd, "holders").good()
    err = ctl(mpmd, "call", ident, "pop", "'\\x1b[2J\\u202e'").failed(1, "KeyError: '\\x1b[2J\\u202e'")
    assert "\x1b" not in err
    assert "\x1b" not in ctl(mpmd, "show", "\x1b[2J").failed(1, "no object")


# --- call


def test_call_prints_what_python_would(start, agent, newest):
    server = start(servers.Mpmd, register=["jobs=Queue", "board=dict"])
    value = {"a": [1, 2.5, True, None, b"\xff", (), "\u00fc\n"], ("t", -1): 10 ** 30}
    assert ctl(server, "call", "jobs", "put", repr(value)).good() == "None\n"
    assert ast.literal_eval(ctl(server, "call", "jobs", "get").good()) == value
    assert ctl(server, "call", "board", "__setitem__", "'x'", "-1").good() == "None\n"
    assert ctl(server, "call", "board", "get", "'y'", "-2").good() == "-2\n"
    assert ctl(server, "call", "jobs", "get", "block=False").failed(1) == "queue.Empty\n"
    assert ctl(server, "call", "board", "__getitem__", "'no'").failed(1) == "KeyError: 'no'\n"
    assert ctl(server, "call", "board", "get").failed(1).startswith("TypeError: get expected at least 1 argument")
    assert ctl(server, "call", "board", "frobnicate").failed(1) == "KeyError: 'frobnicate'\n"
    ctl(server, "call", "board", "__iter__").failed(1, "returned an object of its own")
    said = ctl(server, "call", "--timeout", "0.01", "jobs", "get").failed(1)
    assert "get() was not answered within 0.01 s" in said or "in time" in said  # or it was too short to connect
    ctl(server, "call", "nothing", "get").failed(1, "no object 'nothing'")
    # an object of another program, by its ident
    client = agent(newest, server)
    client.run("l = m.list([1])")
    assert ctl(server, "call", client.run("l._id"), "append", "[2]").good() == "None\n"
    assert client.run("l[:]") == [1, [2]]
    assert server.number_of_objects() == 1


def test_call_as_json(start):
    server = start(servers.Mpmd, register=["jobs=Queue"])
    ctl(server, "call", "jobs", "put", "{'a': [1, None, 2.5], (1, 2): b'x', 'n': %d, 'u': '\u20ac\U0001f600'}" % 10 ** 30).good()
    told = asked(server, "call", "jobs", "get")
    assert told["result"] == {"a": [1, None, 2.5], "(1, 2)": "b'x'", "n": 10 ** 30, "u": "\u20ac\U0001f600"}
    assert ast.literal_eval(told["repr"])[(1, 2)] == b"x"
    ended = ctl(server, "call", "--json", "jobs", "get_nowait")
    ended.failed(1, "queue.Empty")
    assert json.loads(ended.out)["exception"]["type"].endswith("queue.Empty")


def test_a_value_that_would_fill_the_memory_is_not_printed(agent, mpmd, newest):
    client = agent(newest, mpmd)
    client.run("x = []")
    for _ in range(40):
        client.run("x = [x, x]")
    client.run("l = m.list([x])")
    for option in "call", "call --json":
        ctl(mpmd, *(option.split() + [client.run("l._id"), "__getitem__", "0"])).failed(1, "cannot be printed")


# --- waiters, holders, deadlocks


def locks(agent, server, python, n):
    """n clients, who all know the locks k0, k1...; each holds the one with its number."""
    clients = [agent(python, server) for _ in range(n)]
    for i in range(n):
        clients[0].run("k%d = m.Lock()" % i)
        for other in clients[1:]:
            clients[0].give("k%d" % i, other)
    for i, client in enumerate(clients):
        client.run("k%d.acquire()" % i)
    return clients


def test_who_waits_and_who_holds(agent, mpmd, newest):
    one, two, three = (agent(newest, mpmd) for _ in range(3))
    one.run("k = m.Lock()")
    one.run("q = m.Queue()")
    for other in two, three:
        one.give("k", other)
        one.give("q", other)
    one.run("k.acquire()")
    two.block("k", "k.acquire()")
    three.block("q", "q.get(True, 5000)")
    told = asked(mpmd, "waiters")
    assert sorted(told) == ["deadlocks", "waiters"] and told["deadlocks"] == []
    first, second = told["waiters"]
    keys = ["by_the_dead", "held_up_by", "ident", "method", "name", "owner", "peer", "pid", "process", "seconds",
            "seconds_left", "thread", "typeid"]
    assert sorted(first) == sorted(second) == keys
    assert (first["pid"], first["typeid"], first["method"], first["held_up_by"]) == (two.pid, "Lock", "acquire", one.run("k._id"))
    assert (second["pid"], second["typeid"], second["method"], second["held_up_by"]) == (three.pid, "Queue", "get", None)
    assert first["seconds_left"] is None and 4000 < second["seconds_left"] <= 5000 and first["seconds"] >= second["seconds"]
    told = asked(mpmd, "holders")
    assert [(h["pid"], h["ident"], h["count"]) for h in told["holders"]] == [(one.pid, one.run("k._id"), 1)]
    two.process.send_signal(signal.SIGSTOP)
    try:
        text = ctl(mpmd, "waiters").good()
    finally:
        two.process.send_signal(signal.SIGCONT)
    assert "pid %d (" % two.pid in text and "Lock.acquire" in text and "deadlock" not in text
    assert "pid %d (" % one.pid in ctl(mpmd, "holders").good()
    one.run("k.release()")
    assert two.result() is True
    three.kill()
    mpmd.settle()
    assert asked(mpmd, "waiters")["waiters"] == []


def test_who_has_items_on_lease(agent, mpmd, newest):
    one, two = agent(newest, mpmd), agent(newest, mpmd)
    one.run("q = m.Queue()")
    one.give("q", two)
    one.run("q.put_many('abc')")
    assert asked(mpmd, "holders") == {"deadlocks": [], "holders": [], "leases": []}
    one.run("q.nack(q.lease()[0])")
    one.run("q.lease()")
    two.run("q.lease()")
    told = asked(mpmd, "holders")["leases"]
    assert [(x["pid"], x["ident"], x["typeid"], x["name"], x["lease"], x["deliveries"]) for x in told] == [
        (one.pid, one.run("q._id"), "Queue", None, 2, 2), (two.pid, one.run("q._id"), "Queue", None, 3, 1)]
    assert sorted(told[0]) == ["deliveries", "ident", "lease", "name", "owner", "peer", "pid", "process", "seconds",
                               "thread", "typeid"]
    head, first, second = ctl(mpmd, "holders").good().splitlines()
    assert head.startswith("ON LEASE FROM") and first.split()[:4] == [one.run("q._id"), "Queue", "-", "2"]
    assert "pid %d (" % one.pid in first and first.endswith("; delivered 2 times")
    assert "pid %d (" % two.pid in second and "delivered" not in second
    one.kill()
    mpmd.settle()
    until(lambda: len(asked(mpmd, "holders")["leases"]) == 1)


def test_two_who_wait_for_each_other_are_a_deadlock(agent, mpmd, python):
    one, two = locks(agent, mpmd, python, 2)
    known = [one.run("k%d._id" % i) for i in range(2)]
    one.block("k1", "k1.acquire()")
    assert asked(mpmd, "waiters")["deadlocks"] == []
    two.block("k0", "k0.acquire()")
    for command in "waiters", "holders":
        (cycle,) = asked(mpmd, command)["deadlocks"]
        assert sorted(w["pid"] for w in cycle) == sorted([one.pid, two.pid])
        assert {w["pid"]: w["waits_for"] for w in cycle} == {one.pid: known[1], two.pid: known[0]}
        (line,) = [x for x in ctl(mpmd, command).good().splitlines() if x.startswith("deadlock")]
        assert line.startswith(CYCLE % 2) and "pid %d" % one.pid in line and "pid %d" % two.pid in line
    one.kill()
    mpmd.settle()
    assert asked(mpmd, "waiters")["deadlocks"] == []


def test_three_in_a_circle_and_one_behind_them(agent, mpmd, newest):
    clients = locks(agent, mpmd, newest, 3)
    behind = agent(newest, mpmd)
    clients[0].give("k0", behind)
    for i, client in enumerate(clients):
        client.block("k%d" % ((i + 1) % 3), "k%d.acquire()" % ((i + 1) % 3))
    behind.block("k0", "k0.acquire()")
    (cycle,) = asked(mpmd, "waiters")["deadlocks"]
    pids = [w["pid"] for w in cycle]
    start = pids.index(clients[0].pid)
    assert pids[start:] + pids[:start] == [c.pid for c in clients]
    (line,) = [x for x in ctl(mpmd, "waiters").good().splitlines() if x.startswith("deadlock")]
    assert line.startswith(CYCLE % 3) and "pid %d" % behind.pid not in line


def test_what_looks_like_a_deadlock_and_is_none(agent, mpmd, newest):
    one, two = locks(agent, mpmd, newest, 2)
    one.block("k1", "k1.acquire(True, 10000)")                  # gives up some day
    two.block("k0", "k0.acquire()")
    assert len(asked(mpmd, "waiters")["waiters"]) == 2
    assert asked(mpmd, "waiters")["deadlocks"] == []


def test_a_second_holder_of_a_semaphore_can_help(agent, mpmd, newest):
    one, two, three = (agent(newest, mpmd) for _ in range(3))
    one.run("s = m.BoundedSemaphore(2)")
    one.run("k = m.Lock()")
    for other in two, three:
        one.give("s", other)
        one.give("k", other)
    one.run("s.acquire()")
    three.run("s.acquire()")
    two.run("k.acquire()")
    one.block("k", "k.acquire()")
    two.block("s", "s.acquire()")
    assert asked(mpmd, "waiters")["deadlocks"] == []
    three.block("k", "k.acquire()")
    (cycle,) = asked(mpmd, "waiters")["deadlocks"]
    assert two.pid in [w["pid"] for w in cycle]


def test_who_waits_for_itself_and_for_the_dead(agent, mpmd, newest):
    one, two = agent(newest, mpmd), agent(newest, mpmd)
    for name in "k", "dead":
        one.run("%s = m.Lock()" % name)
        one.give(name, two)
    one.run("dead.acquire()")
    two.run("k.acquire()")
    two.block("k", "k.acquire()")
    (line,) = [x for x in ctl(mpmd, "waiters").good().splitlines() if x.startswith("deadlock")]
    assert line.startswith(CYCLE % 1) and line.endswith("held by itself")
    three = agent(newest, mpmd)
    one.give("dead", three)
    three.block("dead", "dead.acquire()")
    one.kill()
    mpmd.settle()
    until(lambda: [h for h in asked(mpmd, "holders")["holders"] if h["owner"] == 0])
    assert "held by a process that is gone" in ctl(mpmd, "waiters").good()
    assert [w["by_the_dead"] for w in asked(mpmd, "waiters")["waiters"]] == [False, True]


# --- top


def test_top_counts(agent, mpmd, newest):
    client = agent(newest, mpmd)
    client.run("l = m.list()")
    process = subprocess.Popen([binary(), "-a", mpmd.text, "--authkey-file", mpmd.keyfile, "top", "--json", "--interval",
                                "0.05"], stdout=subprocess.PIPE)
    try:
        seen = 0
        while seen == 0:                                        # it has begun to look before the calls are made
            told = json.loads(process.stdout.readline().decode())
            client.run("l.append(1)")
            seen = told["calls"].get("list.append", 0)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert sorted(told) == sorted(["uptime", "seconds", "calls_per_second", "requests_per_second", "bytes_in_per_second",
                                   "bytes_out_per_second", "connections", "connections_ever", "refused", "waiters", "objects",
                                   "memory", "max_memory", "types", "calls", "requests"])
    assert told["calls_per_second"] >= seen and told["types"] == {"list": 1} and told["connections"] >= 2
    out = ctl(mpmd, "top", "--count", "2", "--interval", "0.01").good()
    assert out.count("mpmd 0.") == 2 and "\n\nmpmd" in out and "\x1b" not in out and "mpmd_inspect" in out
    lines = ctl(mpmd, "top", "--json", "--count", "2", "--interval", "0.01").good().splitlines()
    assert [bool(json.loads(line)) for line in lines] == [True, True]


def test_top_stays_in_place_on_a_terminal(mpmd):
    mine, its = pty.openpty()
    process = subprocess.Popen([binary(), "-a", mpmd.text, "--authkey-file", mpmd.keyfile, "top", "--count", "2",
                                "--interval", "0.01"], stdin=subprocess.DEVNULL, stdout=its)
    os.close(its)
    out = b""
    try:
        while True:
            piece = os.read(mine, 4096)
            if not piece:
                break
            out += piece
    except OSError:                                             # Linux: EIO when the other end is closed
        pass
    os.close(mine)
    assert process.wait(servers.HANG) == 0
    assert out.count(b"\x1b[H\x1b[J") == 2


def test_a_reader_that_is_gone_ends_it(mpmd):
    reader, writer = os.pipe()
    process = subprocess.Popen([binary(), "-a", mpmd.text, "--authkey-file", mpmd.keyfile, "top", "--interval", "0.01"],
                               stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    os.close(reader)
    process.communicate(timeout=servers.HANG)
    assert process.returncode != 0
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen([binary(), "-a", mpmd.text, "--authkey-file", mpmd.keyfile, "ping"], stdout=full,
                                   stderr=subprocess.PIPE)
        assert b"No space left" in process.communicate(timeout=servers.HANG)[1]
        assert process.returncode == 1


# --- CPython's own servers, and the end


def test_what_a_stock_server_can_answer(agent, stock):
    client = agent(stock.python, stock)
    client.run("l = m.list([1, 2])")
    ident = client.run("l._id")
    told = asked(stock, "ls")
    assert told["server"] == "cpython"
    (row,) = told["objects"]
    assert (row["ident"], row["refs"], row["str"], row["typeid"]) == (ident, 1, "[1, 2]", None)
    assert ident in ctl(stock, "ls").good()
    for word in ident, "the_list", "list:" + ident:
        assert ctl(stock, "call", word, "append", "3").good() == "None\n"
        assert ctl(stock, "call", word, "pop").good() == "3\n"
    told = asked(stock, "show", ident)
    assert told["str"] == "[1, 2]" and "append" in told["exposed"] and told["refs"] is None and told["held"] is None
    assert "[1, 2]" in ctl(stock, "show", "the_list").good()
    assert ctl(stock, "call", ident, "pop", "7").failed(1) == "IndexError: pop index out of range\n"
    ctl(stock, "show", "123").failed(1, "no object '123'")
    for command in "waiters", "holders", "top":
        ctl(stock, command).failed(1, "CPython's own server", "mpmd does")
    assert ctl(stock, "shutdown").good() == ""
    stock.process.wait(servers.HANG)


class Lying(servers.Server):
    kind = "lying"

    def __init__(self, interpreter, answer):
        servers.Server.__init__(self)
        self._run([interpreter.path, os.path.join(servers.HERE, "lying_server.py"), "--answer", repr(answer), "--listen",
                   os.path.join(self.folder, "socket"), "--authkey-file", self.keyfile], "--ready-fd")

    def stop(self):
        self.kill()


LIES = [5, None, [], {}, {"items": 5}, {"items": [1, None]}, {"items": [], "next": "a"}, {"items": [{}], "next": None},
        {"time": "x", "items": [{"ident": 5, "typeid": b"x", "owner": "me", "since": None, "pid": -5, "holder": 3}]},
        {"time": 1e308, "items": [{"ident": "\0\x1b", "typeid": "", "owner": -3, "since": -1e308, "pid": 10 ** 30,
                                   "method": "m" * 5000, "deadline": float("1e308"), "held_up_by": "", "holder": {"owner": 1}}] * 3},
        {"items": {}, "types": [1], "calls": {1: 2, "x": "y", "z": 10 ** 40}, "requests": 5, "version": 3, "str": [], "held": 5,
         "waiting": [{}], "refs_of": [5, {}], "exposed": "abc", "pinned_by": [1, "x"], "ident": "1", "typeid": "list"}]


@pytest.mark.parametrize("lie", range(len(LIES)))
def test_a_server_that_lies_does_no_harm(start, newest, lie):
    server = start(Lying, newest, LIES[lie])
    for words in ["ping"], ["ls"], ["show", "1"], ["waiters"], ["holders"], ["top", "--count", "2", "--interval", "0.01"], \
            ["call", "1", "x"]:
        for json_too in [], ["--json"]:
            ended = ctl(server, *(words[:1] + json_too + words[1:]))
            assert ended.code in (0, 1), ended.err
            assert not [c for c in ended.out if c != "\n" and ord(c) < 32], ended.out


def test_shutdown(start):
    server = start(servers.Mpmd)
    assert ctl(server, "shutdown").good() == ""
    assert server.process.wait(servers.HANG) == 0
    other = start(servers.Mpmd)
    assert asked(other, "shutdown") == {"shutdown": True}
    assert other.process.wait(servers.HANG) == 0


def test_a_file_that_others_can_read_is_no_key(mpmd, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(mpmd.key)
    key.chmod(0o644)
    run("-a", mpmd.text, "--authkey-file", str(key), "ping").failed(1, "chmod 600")
    assert stat.S_IMODE(key.stat().st_mode) == 0o644
