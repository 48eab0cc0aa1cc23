"""A remote queue, register('get_queue'), with its server on one host and its workers on another, over TCP."""
import os
import subprocess

import pytest

import conftest
import hosts
import servers
from test_dropin import environment, imported

SERVER, WORKER = (os.path.join(servers.HERE, "dropin", name) for name in ("two_hosts.py", "two_hosts_worker.py"))
WAYS = ["stock", "-m mpmd", "imported"]


@pytest.fixture(scope="module")
def two_hosts():
    try:
        both = hosts.Hosts()
    except hosts.NotPermitted as e:
        pytest.skip("no network namespaces: %s" % e)
    yield both
    both.close()


def start(command, cwd, **more):
    return subprocess.Popen(command, cwd=str(cwd), env=environment(**more), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def output(two_hosts, python, way, workers, tmp_path):
    """What the server writes, which runs under `python`; workers: commands without their arguments."""
    with open(SERVER) as f:
        (tmp_path / "imported.py").write_text(imported(f.read()))
    program = {"stock": [SERVER], "-m mpmd": ["-m", "mpmd", "--report", SERVER], "imported": ["imported.py"]}[way]
    started = [start(two_hosts.on_a([python.path] + program + [str(len(workers))]), tmp_path)]
    try:
        assert started[0].stdout.readline() == "ready\n", started[0].stderr.read()
        for worker in workers:
            started.append(start(two_hosts.on_b(worker + [WORKER, two_hosts.a]), tmp_path))
        ends = [process.communicate(timeout=servers.HANG) for process in started]
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.communicate()
    for process, (out, err) in zip(started, ends):
        assert process.returncode == 0, "%s\n%s%s" % (process.args, out, err)
    if way == "-m mpmd":
        assert "by stock managers" not in ends[0][1] and "\nmpmd " in ends[0][1], ends[0][1]
    else:
        assert ends[0][1] == ""
    squares = [(n, n * n) for n in range(20)]
    assert ends[0][0].splitlines()[1:] == [str(squares), str(["done"] * len(workers)), "left 0 0"]
    return ends[0][0]


def test_the_output_is_the_same_three_ways(request, two_hosts, python, tmp_path):
    """The workers are stock clients; but for the stock server, also one under python -m mpmd."""
    able = [p for p in conftest.chosen(request.config) if p.version >= (3, 6) and p.implementation == "CPython"]
    if python not in (able[0], able[-1]) and not request.config.getoption("--full"):
        pytest.skip("only the oldest and the newest, without --full")
    stock, ours = [python.path], [python.path, "-m", "mpmd"]
    expected = output(two_hosts, python, "stock", [stock, stock], tmp_path)
    for way in WAYS[1:]:
        assert output(two_hosts, python, way, [stock, ours], tmp_path) == expected


test_the_output_is_the_same_three_ways.least_version = (3, 6)


@pytest.mark.parametrize("way", WAYS[1:])
def test_workers_may_be_of_other_versions(request, two_hosts, newest, way, tmp_path):
    """As they cannot with a stock server."""
    others = [p for p in conftest.FOUND if p.implementation == "CPython" and p.version <= (3, 6)]
    if not others:
        pytest.skip("there is no CPython 2.7 or 3.6")
    output(two_hosts, newest, way, [[p.path] for p in others + [newest]], tmp_path)
