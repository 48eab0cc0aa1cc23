"""compat/python/mpmd: programs run as they are, by `python -m mpmd`, and with one import changed, to the same end."""
import os
import re
import subprocess
import sys

import pytest

import conftest
import servers

PACKAGE = os.path.join(os.path.dirname(servers.HERE), "compat", "python")
PROGRAMS = ["progress", "log_queue", "futures", "remote_queue", "nested_state", "own_class"]


def environment(**more):
    path = os.pathsep.join(p for p in (PACKAGE, os.environ.get("PYTHONPATH")) if p)
    return dict(os.environ, PYTHONPATH=path, MPMD_BINARY=servers.find_binary(), **more)


def run(python, arguments, cwd, **more):
    """The program's output; it must end well and write no complaint."""
    done = subprocess.run([python.path] + arguments, cwd=str(cwd), env=environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert done.returncode == 0, "%s: exit code %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def imported(source):
    """The program with its managers taken from the package."""
    source = source.replace("multiprocessing.Manager()", "mpmd.Manager()").replace("context.Manager()",
                                                                                   "mpmd.Manager(ctx=context)")
    source = re.sub(r"^from multiprocessing.managers import (.*)$", change_import, source, flags=re.M)
    return re.sub(r"^import multiprocessing$", "import multiprocessing\nimport mpmd", source, count=1, flags=re.M)


def change_import(match):
    names = match.group(1).split(", ")
    ours = [name for name in names if name.endswith("Manager")]
    theirs = [name for name in names if name not in ours]
    lines = ["from mpmd import %s" % ", ".join(ours)]
    if theirs:
        lines.append("from multiprocessing.managers import %s" % ", ".join(theirs))
    return "\n".join(lines)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_give_the_same_output_three_ways(python, program, tmp_path):
    path = os.path.join(servers.HERE, "dropin", program + ".py")
    with open(path) as f:
        changed = imported(f.read())
    assert "mpmd" in changed
    (tmp_path / (program + "_imported.py")).write_text(changed)
    expected = run(python, [path], tmp_path)
    assert expected
    assert run(python, ["-m", "mpmd", path], tmp_path) == expected
    assert run(python, [program + "_imported.py"], tmp_path) == expected


test_programs_give_the_same_output_three_ways.least_version = (3, 6)
