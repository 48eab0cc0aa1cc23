"""Type hints, docstrings and what `pydoc` shows of the package in compat/python. Hints are checked where mypy is."""
import ast
import glob
import os
import shutil
import subprocess

import pytest

import servers
import test_dropin

HERE = os.path.join(servers.HERE, "dropin")
# Strict, but for what a server returns: that may be anything. And an ignore that one mypy needs, another may not.
FLAGS = ["--strict", "--allow-any-generics", "--no-warn-return-any", "--no-warn-unused-ignores"]


@pytest.fixture(scope="session")
def mypy(tmp_path_factory):
    """mypy(arguments...): its exit code and what it wrote."""
    path = shutil.which("mypy") or shutil.which("mypy", path="/usr/bin")
    if path is None:
        pytest.skip("mypy is not installed (Debian: mypy)")
    cache = str(tmp_path_factory.mktemp("mypy"))

    def run(*arguments):
        done = subprocess.run([path, "--cache-dir", cache] + list(arguments), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, cwd=cache,
                              env=dict(os.environ, MYPYPATH=test_dropin.PACKAGE))
        return done.returncode, done.stdout
    return run


def test_hints_are_sound(mypy, tmp_path):
    if " 1.0." in mypy("--version")[1]:  # Debian 12's; others know other types of the standard library
        code, text = mypy(*FLAGS + ["-p", "mpmd"])
        assert code == 0, text
    program = os.path.join(HERE, "typed_program.py")
    code, text = mypy("--strict", "--follow-imports=silent", program)
    assert code == 0, text
    with open(program) as f:
        source = f.read()
    for right, wrong in (("number: int = v", "number: str = v"), ("c: CounterProxy", "c: ValueProxy[int]"),
                         ("q.put_many([1, 2])", "q.put_all([1, 2])"), ("with_nothing", "")):
        (tmp_path / "wrong.py").write_text(source.replace(right, wrong) if wrong else "import mpmd\nmpmd.Manager().nope\n")
        code, text = mypy("--strict", "--follow-imports=silent", str(tmp_path / "wrong.py"))
        assert code == 1 and text.count("error") in (1, 2, 3, 4), (wrong, text)


def test_the_program_with_hints_runs(newest):
    done = subprocess.run([newest.path, os.path.join(HERE, "typed_program.py")], env=test_dropin.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("(14, {'a': 3}, ['z']) 2\nTrue ")


def undocumented(node, name):
    if not ast.get_docstring(node):
        yield name
    if isinstance(node, (ast.Module, ast.ClassDef)):
        todo = list(node.body)
        while todo:
            inner = todo.pop()
            if isinstance(inner, ast.If):
                todo += inner.body
            elif isinstance(inner, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and inner.name[0] != "_":
                yield from undocumented(inner, "%s.%s" % (name, inner.name))


def test_everything_public_has_a_docstring():
    files = glob.glob(os.path.join(test_dropin.PACKAGE, "mpmd", "*.py"))
    assert len(files) > 8
    for path in files:
        with open(path) as f:
            assert list(undocumented(ast.parse(f.read()), os.path.basename(path))) == []


def test_help_tells_what_a_user_asks(python):
    """Also that everything in __all__ is there, and nothing else that looks public but modules."""
    program = ("import pydoc, types, mpmd, mpmd.aio, mpmd.cpool\n"
               "for module in (mpmd, mpmd.objects, mpmd.aio, mpmd.cpool, mpmd.managers):\n"
               "    for name in module.__all__: getattr(module, name)\n"
               "    print(pydoc.plain(pydoc.render_doc(module)))\n"
               "public = {n for n, v in vars(mpmd).items() if n[0] != '_' and not isinstance(v, types.ModuleType)}\n"
               "assert public == set(mpmd.__all__), public\n"
               "print(pydoc.plain(pydoc.render_doc(mpmd.Manager)))\n")
    done = subprocess.run([python.path, "-c", program], env=test_dropin.environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=servers.HANG)
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("Counter(self, value", "increment(self, n", "on_owner_death", "A new RLock.", "VERSION",
                 "ServerNotFound: there is no", "CPoolExecutor"):
        assert text in done.stdout, text


test_help_tells_what_a_user_asks.least_version = (3, 6)
