"""mpmd.cpool: futures whose work is done by C programs, with mpmd and with CPython's own server."""
import os
import subprocess

import pytest

import servers
from drivers import build_tool

PACKAGE = os.path.join(os.path.dirname(servers.HERE), "compat", "python")
PROGRAM = os.path.join(servers.HERE, "programs", "cpool.py")


@pytest.fixture(scope="session")
def worker():
    return build_tool("worker_driver")


def begin(python, server, worker, part, *options):
    return subprocess.Popen(
        [python.path, PROGRAM, "--address", server.text, "--authkey-file", server.keyfile, "--worker", worker,
         "--package", PACKAGE, "--part", part] + list(options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), start_new_session=True)


def end(process):
    """What it printed, but for the log of its workers; it must end by itself."""
    try:
        out = process.communicate(timeout=servers.HANG)[0].decode()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
    assert process.returncode == 0, out
    return [line for line in out.splitlines() if not line.startswith("C worker: ")]


def run(python, server, worker, part, *options):
    return end(begin(python, server, worker, part, *options))


def run_stock(start, python, worker, part):
    return run(python, start(servers.Stock, python), worker, part)


WORK = ["300 jobs, each its own result", "map keeps the order", "values come back as they went",
        "ValueError: no", "Empty: none left", "OSError: os",
        "LookupError: no function 'nobody' in these workers; they have: add, echo, fail, meet",
        "TypeError: argument 0 is no int", "ValueError: fail() failed: invalid argument",
        "TypeError", "cannot schedule new futures after shutdown"]


def test_functions_in_c_are_futures(start, python, transport, worker):
    assert run(python, start(servers.Mpmd, transport), worker, "work") == WORK


def test_the_same_with_a_stock_manager(start, python, worker):
    assert run_stock(start, python, worker, "work") == WORK


def test_threads_work_as_processes_do(start, newest, stock_python, transport, worker):
    assert run(newest, start(servers.Mpmd, transport), worker, "work", "--argument", "threads=3") == WORK
    assert run(newest, start(servers.Stock, stock_python, transport), worker, "work", "--argument", "threads=3") == WORK


test_functions_in_c_are_futures.least_version = (3, 6)
test_the_same_with_a_stock_manager.least_version = (3, 6)


def test_what_was_not_handed_out_can_be_cancelled(start, newest, worker):
    wanted = ["running True, cancelled False True", "went True 2", "went True"]
    assert run(newest, start(servers.Mpmd), worker, "cancel") == wanted
    assert run_stock(start, newest, worker, "cancel") == wanted


def test_jobs_of_killed_workers_are_done_once_by_others(start, newest, transport, worker):
    assert run(newest, start(servers.Mpmd, transport), worker, "kill") == [
        "['went', 'went', 'went', 'went']", "['went', 'went']",
        "RuntimeError: given up: it was begun 3 times, and each time the worker died or gave it back"]


def test_workers_killed_at_random_lose_nothing(start, newest, transport, worker):
    assert run(newest, start(servers.Mpmd, transport), worker, "storm") == ["1000 results, each once"]


def test_jobs_of_killed_workers_of_a_stock_manager_are_reported(start, stock_python, worker):
    assert run_stock(start, stock_python, worker, "kill") == [
        "['RuntimeError: the worker that ran it died: signal 9 (Killed)', 'went', 'went', 'went']"]


@pytest.mark.parametrize("argument", [None, "threads=1"])
def test_stopped_workers_give_jobs_back_when_nobody_reads_results(start, newest, stock_python, worker, argument):
    options = ("--argument", argument) if argument else ()
    for server in start(servers.Mpmd), start(servers.Stock, stock_python):
        assert run(newest, server, worker, "full", *options) == [
            "ended with 0, 1 job, 1 result: 'full'", "(1, True, 'went')", "ended with 0, nothing left: True"]


def test_without_workers_the_executor_is_broken(start, newest, worker):
    assert run(newest, start(servers.Mpmd), worker, "broken") == [
        "broken: all worker programs have ended, the last one with 0", "FileNotFoundError"]


def test_strangers_answers_and_forks_do_no_harm(start, newest, worker):
    assert run(newest, start(servers.Mpmd), worker, "strangers")[-2:] == ["fork 0", "3"]  # before: a warning of Python 3.12


@pytest.mark.parametrize("stock", [False, True])
def test_without_its_server_nobody_is_left(start, newest, worker, stock):
    server = start(servers.Stock, newest) if stock else start(servers.Mpmd)
    process = begin(newest, server, worker, "server_gone")
    assert process.stdout.readline() == b"kill the server\n"
    server.kill()
    lines = end(process)
    assert lines[-2:] == ["True", "nobody is left"], lines
