"""The command line: what its users and their scripts depend on. Exit codes: 0 done, 1 failed while running, 2 usage."""
import os
import pickle
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

import servers
import wire

OPTIONS = ["--listen", "--authkey-file", "--authkey-env", "--authkey-fd", "--ready-fd", "--lifeline-fd", "--register",
           "--setup-fd", "--on-owner-death", "--max-connections", "--max-message", "--max-memory", "--auth-timeout",
           "--log-level", "--version", "--help"]
KEY = servers.KEY


@pytest.fixture
def binary():
    path = servers.find_binary()
    assert path, "no mpmd: build it, or name it with MPMD_BINARY"
    return path


@pytest.fixture
def keyfile(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(KEY)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    """Short enough for a socket path."""
    path = tempfile.mkdtemp(prefix="mpmd-")
    yield path
    shutil.rmtree(path)


class Running(object):
    """mpmd as a script runs it: addresses on standard output, which it closes; the log on standard error."""

    def __init__(self, binary, *arguments, **popen):
        self.process = subprocess.Popen([binary] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        **dict(dict(stdin=subprocess.DEVNULL), **popen))

    def ready(self):
        addresses = self.process.stdout.read().decode().splitlines()
        if not addresses:
            raise AssertionError("did not start: %r" % (self.end(),))
        return addresses

    def end(self, signum=None):
        """(exit code, standard error) after the signal."""
        if signum is not None:
            self.process.send_signal(signum)
        out, err = self.process.communicate(timeout=servers.HANG)
        return self.process.returncode, err.decode()


@pytest.fixture
def run(binary):
    started = []

    def start(*arguments, **popen):
        started.append(Running(binary, *arguments, **popen))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.process.stdout.close()
        one.process.stderr.close()


def dummy(text, key=KEY):
    assert wire.dispatch(servers.parse_address(text), key, "dummy") is None


def refused(running, code, *words):
    """It ends with this exit code and says these things (patterns) on standard error."""
    got, err = running.end()
    assert got == code, (got, err)
    for word in words:
        assert re.search(word, err), "%r does not mention %s" % (err, word)
    assert len(err) < 2000, err


def test_version_and_help(run):
    one = run("--version")
    out = one.process.stdout.read().decode()
    assert re.fullmatch(r"mpmd \S*\d+\.\d+\S*.*\n(.*\n)*", out), out
    assert one.end()[0] == 0
    one = run("--help")
    out = one.process.stdout.read().decode()
    for option in OPTIONS:
        assert option in out, "%s is not in --help" % option
    assert one.end()[0] == 0


@pytest.mark.parametrize("arguments, words", [
    (["--nonsense"], ["--nonsense"]),
    (["stray"], ["stray"]),
    (["--on-owner-death", "weep"], ["on-owner-death", "weep", "keep", "release", "break"]),
    (["--max-connections", "many"], ["max-connections", "many"]),
    (["--max-connections", "-1"], ["max-connections", "-1"]),
    (["--max-message", "1x"], ["max-message", "1x"]),
    (["--max-memory", "nothing"], ["max-memory", "nothing"]),
    (["--auth-timeout", "soon"], ["auth-timeout", "soon"]),
    (["--auth-timeout", "-1"], ["auth-timeout", "-1"]),
    (["--log-level", "loud"], ["log-level", "loud"]),
    (["--ready-fd", "x"], ["ready-fd", "x"]),
    (["--lifeline-fd", ""], ["lifeline-fd"]),
    (["--listen"], ["listen"]),
    (["--listen", "127.0.0.1:notaport"], ["listen|address", "notaport"]),
    (["--listen", "127.0.0.1:65536"], ["listen|address", "65536"]),
    (["--listen", ""], ["listen|address"]),
    (["--register", "x"], ["register", "x"]),
    (["--register", "x=Nonsense"], ["register", "Nonsense"]),
    (["--register", "x=Semaphore(-1)"], ["register", "-1|>= 0"]),
    (["--register", "x=Semaphore(1"], ["register", r"Semaphore\(1"]),
    (["--register", "x=Lock(1, 2, 3)"], ["register", "Lock"]),
    (["--register", "=Lock"], ["register"]),
    (["--setup-fd", "x"], ["setup-fd"]),
    (["--register", "x=Lock", "--register", "x=RLock"], ["register", "x"]),
], ids=lambda v: " ".join(v) if isinstance(v, list) and v and v[0].startswith("-") else "")
def test_wrong_usage_is_told_with_the_value(run, keyfile, arguments, words):
    refused(run("--authkey-file", keyfile, *arguments), 2, *words)


def test_a_key_is_needed_and_only_one(run, keyfile):
    refused(run(), 2, "authkey-file")
    refused(run("--authkey-file", keyfile, "--authkey-env", "KEY"), 2, "authkey")


def test_a_key_that_others_can_read_is_refused(run, keyfile):
    for mode in (0o644, 0o640, 0o604):
        os.chmod(keyfile, mode)
        code, err = run("--authkey-file", keyfile).end()
        assert code in (1, 2), code
        assert "chmod" in err and keyfile in err, err


def test_a_missing_key_is_told(run, tmp_path):
    code, err = run("--authkey-file", str(tmp_path / "nowhere")).end()
    assert code in (1, 2) and "nowhere" in err and "No such file" in err, (code, err)
    environment = dict(os.environ)
    environment.pop("NO_SUCH_KEY", None)
    code, err = run("--authkey-env", "NO_SUCH_KEY", env=environment).end()
    assert code in (1, 2) and "NO_SUCH_KEY" in err, (code, err)
    code, err = run("--authkey-fd", "77").end()
    assert code in (1, 2) and "77" in err, (code, err)


@pytest.mark.parametrize("content, key", [(b"plain", b"plain"), (b"line\n", b"line"), (b"two\n\n", b"two\n"),
                                          (b"\x00\xff\n\x01", b"\x00\xff\n\x01"), (b" spaces ", b" spaces "),
                                          (b"crlf\r\n", b"crlf\r"), (b"k" * 5000, b"k" * 5000)],
                         ids=["plain", "newline", "newlines", "binary", "spaces", "crlf", "long"])
def test_the_key_is_the_bytes_less_one_newline(run, tmp_path, content, key):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    dummy(run("--listen", "127.0.0.1:0", "--authkey-file", str(path)).ready()[0], key)


def test_the_key_from_standard_input_environment_and_descriptor(run):
    reader, writer = os.pipe()
    os.write(writer, b"of the pipe\n")
    os.close(writer)
    one = run("--listen", "127.0.0.1:0", "--authkey-file", "-", stdin=reader)
    os.close(reader)
    dummy(one.ready()[0], b"of the pipe")
    one = run("--listen", "127.0.0.1:0", "--authkey-env", "MPMD_KEY", env=dict(os.environ, MPMD_KEY="of the env"))
    dummy(one.ready()[0], b"of the env")
    reader, writer = os.pipe()
    os.write(writer, b"of the fd")
    os.close(writer)
    one = run("--listen", "127.0.0.1:0", "--authkey-fd", str(reader), pass_fds=[reader])
    os.close(reader)
    dummy(one.ready()[0], b"of the fd")


def test_several_addresses_are_served_and_told_in_order(run, keyfile, folder):
    path = os.path.join(folder, "s")
    name = "@mpmd-test-%d" % os.getpid()
    one = run("--authkey-file", keyfile, "--listen", path, "--listen", "127.0.0.1:0", "--listen", name,
              "--listen", "localhost:0")
    addresses = one.ready()
    assert len(addresses) == 4, addresses
    assert addresses[0] == path and addresses[2] == name
    for text in (addresses[1], addresses[3]):
        assert re.fullmatch(r"\S+:[1-9]\d*", text), text
    for text in (addresses[0], addresses[1], addresses[3]):
        dummy(text)
    assert wire.dispatch("\0" + name[1:], KEY, "dummy") is None
    assert one.end(signal.SIGTERM)[0] == 0
    assert not os.path.exists(path)


def test_ipv6_is_served(run, keyfile):
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    one = run("--authkey-file", keyfile, "--listen", "[::1]:0")
    text = one.ready()[0]
    match = re.fullmatch(r"\[::1\]:(\d+)", text)
    assert match, text
    with socket.create_connection(("::1", int(match.group(1)))) as s:
        s.settimeout(servers.HANG)
        assert s.recv(100)[4:].startswith(b"#CHALLENGE#")


def test_without_listen_it_makes_a_private_socket(run, keyfile):
    one = run("--authkey-file", keyfile)
    addresses = one.ready()
    assert len(addresses) == 1
    path = addresses[0]
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    dummy(path)
    assert one.end(signal.SIGTERM)[0] == 0
    assert not os.path.exists(os.path.dirname(path)), "its folder was left behind"


def test_where_tmpdir_cannot_be_used_it_is_in_tmp(run, keyfile, tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    for tmpdir in (str(deep), "/nonexistent", "relative", ""):
        one = run("--authkey-file", keyfile, env=dict(os.environ, TMPDIR=tmpdir))
        address, = one.ready()
        assert address.startswith("/tmp/mpmd-run-")
        dummy(address)
        one.end(signal.SIGTERM)
        assert not os.path.exists(os.path.dirname(address))
    one = run("--authkey-file", keyfile, env=dict(os.environ, TMPDIR=str(tmp_path)))
    if len(str(tmp_path)) < 80:
        assert one.ready()[0].startswith(str(tmp_path))


# Everything as it is, but nothing can be written to /tmp.
WITHOUT_TMP = ["unshare", "-rm", "sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec \"$@\"", "sh"]


def test_where_tmp_cannot_be_used_either_it_is_abstract(binary, keyfile):
    if shutil.which("unshare") is None or subprocess.call(WITHOUT_TMP + ["true"], stderr=subprocess.DEVNULL):
        pytest.skip("no name space to be had in which /tmp cannot be written to")
    one = Running(WITHOUT_TMP[0], *WITHOUT_TMP[1:] + [binary, "--authkey-file", keyfile],
                  env=dict(os.environ, TMPDIR="/nonexistent"))
    try:
        address, = one.ready()
        assert re.match("@mpmd-[0-9a-f]{32}$", address)
        dummy(address)
    finally:
        assert one.end(signal.SIGTERM)[0] == 0


def test_the_next_server_removes_what_a_killed_one_left(run, keyfile, folder):
    environment = dict(os.environ, TMPDIR=folder)
    killed, living = (run("--authkey-file", keyfile, env=environment) for _ in range(2))
    left, = killed.ready()
    address, = living.ready()
    killed.end(signal.SIGKILL)
    assert os.path.exists(left)
    another = run("--authkey-file", keyfile, env=environment)
    dummy(another.ready()[0])  # it sweeps before it answers
    assert not os.path.exists(os.path.dirname(left))
    dummy(address)


def test_a_socket_is_for_its_owner_only(run, keyfile, folder):
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path, preexec_fn=lambda: os.umask(0))
    one.ready()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_stale_socket_is_replaced_a_live_one_is_not(run, keyfile, folder):
    path = os.path.join(folder, "s")
    first = run("--authkey-file", keyfile, "--listen", path)
    first.ready()
    refused(run("--authkey-file", keyfile, "--listen", path), 1, re.escape(path))
    dummy(path)                                             # it is still the first's
    first.end(signal.SIGKILL)
    assert os.path.exists(path)
    second = run("--authkey-file", keyfile, "--listen", path)
    second.ready()
    dummy(path)
    assert second.end(signal.SIGTERM)[0] == 0


def test_what_is_not_a_socket_is_left_alone(run, keyfile, folder):
    path = os.path.join(folder, "s")
    with open(path, "w") as f:
        f.write("precious")
    refused(run("--authkey-file", keyfile, "--listen", path), 1, re.escape(path))
    with open(path) as f:
        assert f.read() == "precious"


def test_addresses_that_cannot_be_had_are_told(run, keyfile, folder):
    refused(run("--authkey-file", keyfile, "--listen", os.path.join(folder, "no", "such")), 1, "no/such")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        refused(run("--authkey-file", keyfile, "--listen", "127.0.0.1:%d" % port), 1, str(port), "in use")
    code, err = run("--authkey-file", keyfile, "--listen", os.path.join(folder, "x" * 200)).end()
    assert code in (1, 2) and "107" in err, (code, err)


def test_one_bad_address_of_two_leaves_nothing_behind(run, keyfile, folder):
    path = os.path.join(folder, "s")
    refused(run("--authkey-file", keyfile, "--listen", path, "--listen", os.path.join(folder, "no", "such")), 1)
    assert not os.path.exists(path)


def test_ready_fd_gets_the_addresses_and_is_closed(run, keyfile):
    reader, writer = os.pipe()
    run("--authkey-file", keyfile, "--listen", "127.0.0.1:0", "--ready-fd", str(writer), pass_fds=[writer])
    os.close(writer)
    lines = servers.read_lines(reader)                      # until it is closed
    assert len(lines) == 1
    dummy(lines[0])


def test_systemd_is_told(run, keyfile, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(servers.HANG)
        s.bind(os.path.join(folder, "notify"))
        one = run("--authkey-file", keyfile, "--listen", "127.0.0.1:0",
                  env=dict(os.environ, NOTIFY_SOCKET=os.path.join(folder, "notify")))
        assert b"READY=1" in s.recv(1000).splitlines()
        one.ready()


def test_the_end_of_the_lifeline_ends_it(run, keyfile, folder):
    path = os.path.join(folder, "s")
    reader, writer = os.pipe()
    one = run("--authkey-file", keyfile, "--listen", path, "--lifeline-fd", str(reader), pass_fds=[reader])
    os.close(reader)
    one.ready()
    dummy(path)
    one.process.send_signal(signal.SIGINT)                  # of the program's terminal
    dummy(path)
    os.close(writer)
    assert one.end()[0] == 0
    assert not os.path.exists(path)


def test_sigterm_ends_it_with_clients_connected_and_waiting(run, keyfile, folder):
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path, "--register", "get_lock=Lock")
    one.ready()
    ident = wire.dispatch(path, KEY, "create", "get_lock")[0]
    with wire.data(path, KEY) as idle, wire.data(path, KEY) as waiting, wire.Connection(path) as stranger:
        assert idle.call(ident, "acquire") is True
        waiting.send(pickle.dumps((ident, "acquire", (), {}), 4))
        stranger.challenge()
        code, err = one.end(signal.SIGTERM)
        assert code == 0, err
        assert idle.recv() is None
        assert waiting.recv() is None
        assert stranger.recv() is None
    assert not os.path.exists(path)


def test_sigint_ends_it_without_a_lifeline(run, keyfile):
    one = run("--authkey-file", keyfile, "--listen", "127.0.0.1:0")
    one.ready()
    code, err = one.end(signal.SIGINT)
    assert code in (0, -signal.SIGINT), (code, err)


def test_a_shutdown_request_ends_it(run, keyfile, folder):
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path)
    one.ready()
    with wire.data(path, KEY) as idle:
        assert wire.dispatch(path, KEY, "shutdown") is None
        assert idle.recv() is None
    assert one.end()[0] == 0
    assert not os.path.exists(path)


def test_named_objects_are_made_with_their_arguments(run, keyfile):
    text = run("--authkey-file", keyfile, "--listen", "127.0.0.1:0", "--register", "a=Semaphore(2)",
               "--register", "b=Namespace(x=1, y='two', z=None, f=-1.5, t=True, l=\"it's\", d=-12345678901)",
               "--register", "c=Lock()", "--register", "d=Semaphore(value=1)").ready()[0]
    address = servers.parse_address(text)
    with wire.data(address, KEY) as c:
        a = wire.dispatch(address, KEY, "create", "a")[0]
        assert [c.call(a, "acquire", False) for _ in range(3)] == [True, True, False]
        b = wire.dispatch(address, KEY, "create", "b")[0]
        values = [c.call(b, "__getattribute__", name) for name in "xyzftld"]
        assert values == [1, "two", None, -1.5, True, "it's", -12345678901]
        d = wire.dispatch(address, KEY, "create", "d")[0]
        assert [c.call(d, "acquire", False) for _ in range(2)] == [True, False]
        assert wire.dispatch(address, KEY, "create", "c")[1] != ()


def test_more_connections_than_allowed_do_no_harm(run, keyfile, folder):
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path, "--max-connections", "3", "--register", "n=Namespace(x=1)")
    one.ready()
    ident = wire.dispatch(path, KEY, "create", "n")[0]
    held = [wire.data(path, KEY) for _ in range(3)]
    more = wire.Connection(path)
    for c in held:
        assert c.call(ident, "__getattribute__", "x") == 1
    held.pop().close()
    # The one too many was turned away or had to wait; afterwards there is room.
    more.recv()
    more.close()
    held.append(wire.data(path, KEY))
    for c in held:
        assert c.call(ident, "__getattribute__", "x") == 1
        c.close()


def test_more_memory_than_allowed_is_a_memory_error_and_nothing_is_lost(run, keyfile, folder):
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path, "--max-memory", "1000000", "--register", "n=Namespace(x=1)")
    one.ready()
    ident = wire.dispatch(path, KEY, "create", "n")[0]
    with wire.data(path, KEY) as c, wire.data(path, KEY) as other:
        c.call(ident, "__setattr__", "a", b"a" * 600000)
        with pytest.raises(MemoryError):
            c.call(ident, "__setattr__", "b", b"b" * 600000)
        with pytest.raises(AttributeError):
            other.call(ident, "__getattribute__", "b")
        assert other.call(ident, "__getattribute__", "a") == b"a" * 600000
        c.call(ident, "__delattr__", "a")
        assert c.call(ident, "__setattr__", "b", b"b" * 600000) is None
        assert c.call(ident, "__getattribute__", "x") == 1


def test_the_log_says_more_when_asked(run, keyfile):
    logs = {}
    for level in ("error", "debug"):
        one = run("--authkey-file", keyfile, "--listen", "127.0.0.1:0", "--log-level", level)
        dummy(one.ready()[0])
        logs[level] = one.end(signal.SIGTERM)[1]
    assert logs["error"] == "", logs
    assert len(logs["debug"].splitlines()) > 3, logs
    assert KEY.decode() not in logs["debug"]


def test_no_descriptors_left_it_goes_on(run, keyfile, folder):
    """EMFILE: accepting pauses; who is connected is served, and others again when there is room."""
    path = os.path.join(folder, "s")
    one = run("--authkey-file", keyfile, "--listen", path, "--register", "n=Namespace(x=1)",
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    one.ready()
    ident = wire.dispatch(path, KEY, "create", "n")[0]
    first = wire.data(path, KEY)
    crowd = [wire.Connection(path) for _ in range(60)]
    assert first.call(ident, "__getattribute__", "x") == 1
    for c in crowd:
        c.close()
    dummy(path)
    assert first.call(ident, "__getattribute__", "x") == 1
    first.close()
    code, err = one.end(signal.SIGTERM)
    assert code == 0, err
