"""The command line of `python -m mpmd`, and its options as keywords."""
import os
import re
import subprocess

import pytest

import servers
import test_dropin

MANAGER = "import multiprocessing; m = multiprocessing.Manager(); print(m.dict(a=1)['a'], type(m._process).__name__)"


def run(python, arguments, cwd=None, stdin="", options=(), **more):
    """Exit code, standard output and standard error of `python -m mpmd`."""
    done = subprocess.run([python.path] + list(options) + ["-m", "mpmd"] + list(arguments), input=stdin,
                          cwd=str(cwd) if cwd else None, env=dict(test_dropin.environment(), **more),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    return done.returncode, done.stdout, done.stderr


def manual():
    with open(os.path.join(os.path.dirname(servers.HERE), "doc", "man", "mpmd-python.1")) as f:
        return f.read()


def test_help_and_manual_have_the_same_options(newest):
    code, text, err = run(newest, ["--help"], COLUMNS="80")
    assert (code, err) == (0, "") and "-m module" in text and "-c code" in text and max(map(len, text.splitlines())) <= 120
    listed = re.findall(r"^  (?:-\w, )?--([a-z-]+)(?: ([A-Z]+))?  ", text, re.M)
    assert len(listed) == 9, text
    described = re.findall(r"^\.It (?:Fl \w , )?Fl -([a-z-]+)(?: Ar ([A-Z]+))?$", manual(), re.M)
    assert sorted(listed) == sorted(described)


def test_the_version_is_the_server_s(python):
    version = subprocess.run([servers.find_binary(), "--version"], stdout=subprocess.PIPE, universal_newlines=True)
    code, text, _ = run(python, ["--version"])
    assert code == 0 and text == "%s (server: %s)\n" % (version.stdout.strip(), servers.find_binary())


ELSEWHERE = """
import multiprocessing, os
m = multiprocessing.Manager()
os.mkdir("elsewhere")
os.chdir("elsewhere")
print(m.list([1]), os.path.relpath(m.address))
m.shutdown()
m = multiprocessing.Manager()
print(m.list([2]), os.path.relpath(m.address))
"""


@pytest.mark.parametrize("how", ["--server", "MPMD_BINARY"])
def test_paths_may_be_relative_and_the_program_go_elsewhere(newest, tmp_path, how):
    server = os.path.relpath(servers.find_binary(), str(tmp_path))
    options, more = (["--server", server], {}) if how == "--server" else ([], {"MPMD_BINARY": server})
    code, out, err = run(newest, options + ["--address", "here", "-c", ELSEWHERE], tmp_path, **more)
    assert (code, out, err) == (0, "[1] ../here\n[2] here\n", "")


ERRORS = [
    ([], 2, "which program? For example: python -m mpmd program.py"),
    (["--foo", "x.py"], 2, "unrecognized arguments: --foo"),
    (["--log-level"], 2, "argument --log-level: expected one argument"),
    (["--log-level=loud", "x.py"], 2, "argument --log-level: invalid choice: "),
    (["--plain=yes", "x.py"], 2, "argument --plain: ignored explicit argument 'yes'"),
    (["-m"], 2, "-m needs the name of a module"),
    (["-c"], 2, "-c needs Python code"),
    (["nowhere.py"], 2, "can't open nowhere.py: No such file or directory"),
    (["-m", "no.where"], 1, "Error while finding module specification for 'no.where'"),
    (["-m", "nowhere"], 1, "No module named nowhere"),
    (["--server", "/nowhere", "x.py"], 1, "/nowhere (server) is no program: name the program mpmd there"),
]


@pytest.mark.parametrize("arguments, code, message", ERRORS, ids=[" ".join(e[0]) or "nothing" for e in ERRORS])
def test_each_error_is_one_sentence(newest, tmp_path, arguments, code, message):
    got, out, err = run(newest, arguments, tmp_path)
    assert (got, out) == (code, "") and err.startswith("python -m mpmd: " + message) and err.count("\n") == 1, err


def test_a_server_named_by_the_environment_is_missing(newest):
    _, _, err = run(newest, ["-c", "1"], MPMD_BINARY="/nowhere")
    assert err == "python -m mpmd: /nowhere (MPMD_BINARY) is no program: name the program mpmd there\n"


SHOW = "import sys; print(sys.argv, sys.path[0], __name__)\n"


def test_what_follows_the_program_is_the_program_s(python, tmp_path):
    (tmp_path / "program.py").write_text(SHOW)
    own = ["--report", "--plain", "-m", "x", "--log-level"]
    for options in ([], ["--log-level=debug", "--fall"], ["--log", "debug", "--plain", "--"]):
        assert run(python, options + ["program.py"] + own, tmp_path) == (
            0, "%s %s __main__\n" % (["program.py"] + own, tmp_path), "")
    assert run(python, ["-m", "program"] + own, tmp_path)[1] == (
        "%s %s __main__\n" % ([str(tmp_path / "program.py")] + own, tmp_path if python.version > (3, 6) else ""))
    assert run(python, ["-mprogram"], tmp_path)[:1] == (0,)
    assert run(python, ["--plain", "-c", SHOW] + own, tmp_path)[1] == "%s  __main__\n" % (["-c"] + own)
    assert run(python, ["-"] + own, tmp_path, SHOW)[1] == "%s  __main__\n" % (["-"] + own)


test_what_follows_the_program_is_the_program_s.least_version = (3, 6)
test_the_version_is_the_server_s.least_version = (3, 6)


def test_code_and_standard_input_have_managers(newest, tmp_path):
    expected = (0, "1 ServerProcess\n", "")
    assert run(newest, ["-c", MANAGER]) == run(newest, ["-"], stdin=MANAGER) == expected
    spawned = ("import multiprocessing\nm = multiprocessing.get_context('spawn').Manager()\nq = m.Queue()\n"
               "p = multiprocessing.get_context('spawn').Process(target=print, args=(1,))\n"
               "p.start(); p.join(); print(p.exitcode)")
    assert run(newest, ["-c", spawned]) == (0, "1\n0\n", "")


def test_python_s_own_options_stay(newest, tmp_path):
    """-P keeps the program's folder out of sys.path, and its place there is somebody else's."""
    if newest.version < (3, 11):
        pytest.skip("-P came with CPython 3.11")
    (tmp_path / "program.py").write_text("import sys, multiprocessing.managers, json; print(sys.path)")
    code, out, err = run(newest, ["program.py"], tmp_path, options=["-P"])
    assert (code, err) == (0, "") and str(tmp_path) not in out and ".zip" in out


def test_a_traceback_begins_in_the_program(newest, tmp_path):
    (tmp_path / "program.py").write_text("def f():\n    raise KeyError(1)\nf()\n")
    alone = subprocess.run([newest.path, "program.py"], cwd=str(tmp_path), stderr=subprocess.PIPE,
                           universal_newlines=True)
    code, _, err = run(newest, ["program.py"], tmp_path)
    place = re.compile(r'File ".*program.py"')
    assert (code, place.sub("", err)) == (alone.returncode, place.sub("", alone.stderr))
    (tmp_path / "broken.py").write_text("def f(:\n")
    code, _, err = run(newest, ["broken.py"], tmp_path)
    assert code == 1 and "__main__.py" not in err and "SyntaxError" in err


KEYWORDS = """
import multiprocessing, os, sys
import mpmd
from mpmd import BaseManager, Manager, Options, SharedMemoryManager, SyncManager

def command(manager):
    with open("/proc/%d/cmdline" % manager._process.pid) as f:
        return f.read().split("\\0")

def main():
    given = dict(server=os.environ["MPMD_BINARY"], on_owner_death="break", log_level="error", fallback=True, plain=True,
                 report=False)
    assert set(given) | {"address"} == set(Options._fields)
    for cls in (BaseManager, SyncManager, SharedMemoryManager, Manager):
        address = os.path.join(sys.argv[1], cls.__name__)
        manager = cls(address=address, **given)
        if cls is not Manager:
            manager.start()
        words = command(manager)
        assert "break" in words and "error" in words and address in words, words
        manager.shutdown()
        for wrong in (dict(on_owner_death="x"), dict(log_level="x"), dict(nonsense=1)):
            try:
                cls(**wrong)
            except (TypeError, ValueError) as e:
                assert list(wrong)[0] in str(e), e
            else:
                raise AssertionError(wrong)
    try:
        Manager(server="/nowhere")
    except mpmd.ServerNotFound as e:
        assert "/nowhere (server) is no program" in str(e)
    os.environ["MPMD_BINARY"] = "/nowhere"
    for _ in range(2):
        Manager(fallback=True).shutdown()

if __name__ == "__main__":
    main()
"""


def test_each_option_is_a_keyword_of_each_manager(newest, tmp_path):
    (tmp_path / "program.py").write_text(KEYWORDS)
    done = subprocess.run([newest.path, "program.py", str(tmp_path)], cwd=str(tmp_path), env=test_dropin.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == ("mpmd: /nowhere (MPMD_BINARY) is no program: name the program mpmd there; stock managers "
                           "step in\n")  # once
