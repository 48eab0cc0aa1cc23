"""python -m mpmd [options] program.py args..., or -m module args...: the program with its managers served by mpmd."""
import argparse
import importlib.util
import io
import os
import runpy
import site
import sys
import types
import typing

from . import _server, managers
from ._server import Options


def _parse(argv: typing.List[str]) -> typing.Tuple[Options, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m mpmd", usage="python -m mpmd [options] (program.py | -m module) [argument ...]",
        description="Runs a Python program with the managers of multiprocessing served by mpmd.")
    parser.add_argument("--server", metavar="PATH", help="the program mpmd (else MPMD_BINARY, PATH, the build tree)")
    parser.add_argument("--address", metavar="ADDRESS", help="where managers without an address of their own listen")
    parser.add_argument("--on-owner-death", choices=("keep", "release", "break"), default="keep",
                        help="what becomes of what a killed process held (keep, as CPython does)")
    parser.add_argument("--log-level", choices=("error", "warning", "info", "debug"), default="warning")
    parser.add_argument("--fallback", action="store_true", help="without mpmd, warn and use stock managers")
    parser.add_argument("--plain", action="store_true", help="no speed-ups but the server")
    parser.add_argument("--report", action="store_true",
                        help="say at the end what was called how often and waited for how long")
    parser.add_argument("-m", dest="module", metavar="MODULE", help="run a module, as python -m does; options end here")
    parser.add_argument("program", nargs="?", help=argparse.SUPPRESS)
    # What follows the program or module is the program's, whatever it looks like.
    ours, theirs, i = [], [], 0
    takes = {"--server", "--address", "--on-owner-death", "--log-level"}
    while i < len(argv):
        if argv[i] in takes:
            ours += argv[i:i + 2]
            i += 2
        elif argv[i] == "-m":
            ours, theirs = ours + argv[i:i + 2], argv[i + 2:]
            break
        elif argv[i].startswith("-") and argv[i] != "-":
            ours.append(argv[i])
            i += 1
        else:
            ours, theirs = ours + argv[i:i + 1], argv[i + 1:]
            break
    args = parser.parse_args(ours)
    if args.module is None and args.program is None:
        parser.error("which program? For example: python -m mpmd program.py")
    args.arguments = theirs
    return Options(**{name: getattr(args, name) for name in Options._fields}), args


def _reach_children() -> None:
    """Processes that the program starts import this package before they have its sys.path."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    usual = getattr(site, "getsitepackages", lambda: [])() + [site.getusersitepackages()]
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here not in usual and here not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([here] + [p for p in path if p])


def _run_as_main(code: typing.Any, **names: typing.Any) -> None:
    """In a module of its own, which stays __main__ until the process ends: what it starts finds its functions there."""
    module = types.ModuleType("__main__")
    module.__dict__.update(names)
    sys.modules["__main__"] = module
    exec(code, module.__dict__)


def _run_program(path: str) -> None:
    if os.path.isdir(path) or not path.endswith((".py", ".pyw")) and _is_archive(path):
        runpy.run_path(path, run_name="__main__")
        return
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    try:
        with io.open_code(path) if hasattr(io, "open_code") else open(path, "rb") as f:
            source = f.read()
    except OSError as e:
        sys.exit("python -m mpmd: can't open %s: %s" % (path, e.strerror))
    _run_as_main(compile(source, path, "exec"), __file__=path, __builtins__=__builtins__, __cached__=None)


def _is_archive(path: str) -> bool:
    import zipfile
    return zipfile.is_zipfile(path)


def _run_module(name: str) -> None:
    sys.path[0] = os.getcwd()
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(name + ".__main__")
    except ImportError as e:
        sys.exit("python -m mpmd: %s: %s" % (name, e))
    code = spec.loader.get_code(spec.name) if spec is not None and hasattr(spec.loader, "get_code") else None
    if code is None:
        sys.exit("python -m mpmd: there is no module %s that can be run" % name)
    sys.argv[0] = spec.origin
    _run_as_main(code, __file__=spec.origin, __spec__=spec, __package__=spec.parent, __loader__=spec.loader,
                 __builtins__=__builtins__, __cached__=spec.cached)


def main() -> None:
    options, args = _parse(sys.argv[1:])
    try:
        _server.find_server(options.server)
    except _server.ServerNotFound as e:
        if not options.fallback:
            sys.exit("python -m mpmd: %s" % e)
    _reach_children()
    managers.install(options)
    if args.module is not None:
        sys.argv = [args.module] + args.arguments
        _run_module(args.module)
    else:
        sys.argv = [args.program] + args.arguments
        _run_program(args.program)


if __name__ == "__main__":
    main()
