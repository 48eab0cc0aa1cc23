"""`python -m mpmd --report`: what it prints at the end, however the program ends. Most cases are functions of
dropin/report_cases.py."""
import os
import re
import subprocess

import pytest

import servers
import test_dropin

PROGRAM = os.path.join(servers.HERE, "dropin", "report_cases.py")


def run(python, program, arguments, tmp_path, options=("-m", "mpmd", "--report"), **more):
    """Exit code and standard error; the folder of the counts must be gone."""
    done = subprocess.run([python.path] + list(options) + [program] + list(arguments), cwd=str(tmp_path),
                          env=test_dropin.environment(TMPDIR=str(tmp_path)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                          timeout=servers.HANG, **more)
    assert not [name for name in os.listdir(str(tmp_path)) if name.startswith("mpmd-report")]
    return done.returncode, done.stderr


def rows(text):
    """{(served by, object, method): calls}, but for start-up and references."""
    found = [re.split("  +", line) for line in text.splitlines() if re.match("(mpmd|companion|stock|another) ", line)]
    return {tuple(row[:3]): int(row[3]) for row in found
            if row[2] not in ("(started)", "(received)", "(dropped)", "(made)")}


def test_it_adds_up_what_all_processes_called(newest, tmp_path):
    code, text = run(newest, os.path.join(servers.HERE, "dropin", "futures.py"), [], tmp_path)
    assert code == 0, text
    assert rows(text) == {("mpmd", "Queue", "put"): 3, ("mpmd", "Queue", "get"): 3, ("mpmd", "Event", "set"): 1,
                          ("mpmd", "Event", "wait"): 3, ("mpmd", "Event", "is_set"): 3}
    made = [line.split()[1:4] for line in text.splitlines() if " (made) " in line]
    assert sorted(made) == [["Event", "(made)", "1"], ["Queue", "(made)", "1"]]
    assert re.search(r"\nmpmd: \d+ calls of 4 processes to managers; waited for them: \d+\.\d+ s, in sum\n", text)
    waited = {line.split()[2]: float(line.split()[4]) for line in text.splitlines() if " Event " in line}
    assert waited["wait"] > 0


def test_it_tells_mpmd_from_the_companion(python, tmp_path):
    long = "a_registered_name_that_is_longer_than..."
    code, text = run(python, PROGRAM, ["calls", "fork"], tmp_path)
    assert code == 7, text
    assert rows(text) == {("mpmd", "dict", "keys"): 1, ("companion", "Thing", "do"): 1,
                          ("companion", long, "do"): 1}
    summary = re.search(r"^mpmd: served by mpmd: (\d+) calls, [\d.]+ s; by the companion: (\d+) calls, [\d.]+ s$", text,
                        re.M)
    assert summary and int(summary.group(1)) >= 4 and int(summary.group(2)) >= 5, text
    table = text[text.index("served by  object"):].splitlines()
    assert len(set(map(len, table))) == 1, text


test_it_tells_mpmd_from_the_companion.least_version = (3, 6)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_calls_of_workers_that_are_killed_count(newest, tmp_path, method):
    code, text = run(newest, PROGRAM, ["terminated", method], tmp_path)
    assert code == 7 and rows(text) == {("mpmd", "Queue", "get"): 2}, text
    assert text.endswith("\nmpmd: 2 calls had not returned when the process ended\n"), text
    code, text = run(newest, PROGRAM, ["killed", method], tmp_path)
    assert code == 7 and rows(text) == {("mpmd", "Queue", "put"): 1} and "not returned" not in text, text


def test_it_comes_however_the_program_ends(newest, tmp_path):
    code, text = run(newest, PROGRAM, ["no_calls", "fork"], tmp_path)
    assert (code, text) == (3, "\nmpmd: no calls to managers\n")
    for case, how in (("crash", 1), ("interrupt", -2), ("forked", 7), ("stock", 0), ("aio", 7)):
        code, text = run(newest, PROGRAM, [case, "fork"], tmp_path)
        assert code == how and text.count(" to managers; waited ") == 1, (case, code, text)
        assert text.rstrip().splitlines()[-1].split()[0] in ("mpmd", "stock"), text
        if case == "crash":
            assert "ValueError: no more\n\nmpmd: " in text
        if case == "forked":
            assert rows(text) == {("mpmd", "Queue", "put"): 1}
        if case == "stock":
            assert rows(text) == {("stock", "Thing", "do"): 1} and "by stock managers: " in text
        if case == "aio":
            assert rows(text) == {("mpmd", "Lock", "acquire"): 1, ("mpmd", "Lock", "release"): 1}


def test_without_standard_error_nothing_changes(newest, tmp_path):
    assert run(newest, PROGRAM, ["calls", "fork"], tmp_path, preexec_fn=lambda: os.close(2))[0] == 7
    with open("/dev/full", "w") as full:
        done = subprocess.run([newest.path, "-m", "mpmd", "--report", PROGRAM, "calls", "fork"], stderr=full,
                              env=test_dropin.environment(TMPDIR=str(tmp_path)), timeout=servers.HANG)
    assert done.returncode == 7


def test_managers_of_the_package_take_it_as_a_keyword(newest, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import multiprocessing, mpmd\n"
                       "def work(q):\n    q.put(1)\n"
                       "if __name__ == '__main__':\n"
                       "    context = multiprocessing.get_context('spawn')\n"
                       "    with mpmd.Manager(ctx=context, report=True) as m:\n"
                       "        q = m.Queue()\n"
                       "        p = context.Process(target=work, args=(q,))\n"
                       "        p.start()\n        p.join()\n")
    code, text = run(newest, str(program), [], tmp_path, options=())
    assert code == 0 and rows(text) == {("mpmd", "Queue", "put"): 1}, text
