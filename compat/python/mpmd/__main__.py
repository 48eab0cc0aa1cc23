"""python -m mpmd [options] program.py args..., -m module args..., -c code args...: with its managers served by mpmd."""
import argparse
import os
import sys
import typing

from . import __version__, _run, _server, cousins
from ._server import Options

_USAGE = """\
python -m mpmd [option ...] program.py [argument ...]
       python -m mpmd [option ...] -m module [argument ...]
       python -m mpmd [option ...] -c code [argument ...]"""
_ABOUT = "Runs a Python program, as it is, with the managers of multiprocessing served by mpmd."
_MORE = """\
program.py is a file, a folder or an archive with a __main__.py, or - for standard input; -m and -c are as python
has them. Options stand before it; what follows is the program's own. man mpmd-python has more."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> typing.NoReturn:
        self.exit(2, "python -m mpmd: %s (`python -m mpmd --help` lists the options)\n" % message)
        raise AssertionError


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: typing.Any) -> None:
        try:
            server = _server.find_server(namespace.server)
        except _server.ServerNotFound:
            server = "not found"
        print("mpmd %s (server: %s)" % (__version__, server))
        parser.exit(0)


def _make_parser() -> typing.Tuple[argparse.ArgumentParser, typing.Dict[str, bool]]:
    """The parser, and for each long option whether it takes a value."""
    parser = _Parser(prog="python -m mpmd", usage=_USAGE, description=_ABOUT, epilog=_MORE, add_help=False,
                     formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30))
    takes = {}  # type: typing.Dict[str, bool]

    def add(*names: str, **more: typing.Any) -> None:
        parser.add_argument(*names, **more)
        takes[names[-1]] = more.get("action") is None

    add("--server", metavar="PATH", help="the program mpmd (else MPMD_BINARY, PATH, beside the package)")
    add("--address", metavar="ADDRESS", help="where managers without an address listen")
    add("--on-owner-death", metavar="POLICY", choices=_server.CHOICES["on_owner_death"], default="keep",
        help="what a killed process held: keep, release, break")
    add("--log-level", metavar="LEVEL", choices=_server.CHOICES["log_level"], default="warning",
        help="of the server: error, warning, info, debug")
    add("--fallback", action="store_true", help="without mpmd, warn and use stock managers")
    add("--plain", action="store_true", help="no speed-ups but the server")
    add("--report", action="store_true", help="say at the end what the managers cost")
    add("-V", "--version", nargs=0, action=_Version, help="print the version and where the server is")
    add("-h", "--help", action="help", help="print this")
    return parser, takes


def _split(argv: typing.List[str], takes: typing.Dict[str, bool]) -> int:
    """How many of the arguments are ours. What follows the program is the program's, whatever it looks like."""
    i = 0
    while i < len(argv):
        arg = argv[i]
        if not arg.startswith("-") or arg in ("-", "--") or arg[:2] in ("-m", "-c"):
            return i
        meant = [arg] if arg in takes else [name for name in takes if arg.startswith("--") and name.startswith(arg)]
        i += 2 if any(takes[name] for name in meant) else 1
    return len(argv)


class _Run(typing.NamedTuple):
    """What to run."""
    kind: str  # "file", "module", "code" or "stdin"
    what: str
    arguments: typing.List[str]


def _parse(argv: typing.List[str]) -> typing.Tuple[Options, _Run]:
    parser, takes = _make_parser()
    n = _split(argv, takes)
    args, theirs = parser.parse_args(argv[:n]), argv[n:]
    options = Options(**{name: getattr(args, name) for name in Options._fields})
    if theirs[:1] == ["--"]:
        kind, theirs = "file", theirs[1:]
    elif theirs and theirs[0] != "-" and theirs[0].startswith("-"):  # -m and -c end the options, as python has it
        kind = "module" if theirs[0].startswith("-m") else "code"
        theirs = ([theirs[0][2:]] if theirs[0][2:] else []) + theirs[1:]
        if not theirs:
            parser.error("-m needs the name of a module" if kind == "module" else "-c needs Python code")
    else:
        kind = "stdin" if theirs[:1] == ["-"] else "file"
    if not theirs:
        parser.error("which program? For example: python -m mpmd program.py")
    return options, _Run(kind, theirs[0], theirs[1:])


def main() -> None:
    """The command `python -m mpmd`."""
    options, run = _parse(sys.argv[1:])
    try:
        server = os.path.abspath(_server.find_server(options.server))  # the program may go to another directory
        options = options._replace(server=server)
    except _server.ServerNotFound as e:
        if not options.fallback:
            sys.exit("python -m mpmd: %s" % e)
    cousins.install(options)
    sys.argv = [{"code": "-c", "stdin": "-"}.get(run.kind, run.what)] + run.arguments
    try:
        if run.kind == "module":
            _run.run_module(run.what)
        elif run.kind == "file":
            _run.run_file(run.what)
        else:
            text = run.kind == "code"
            _run.run_text(run.what if text else sys.stdin.buffer.read(), "<string>" if text else "<stdin>")
    except SystemExit:
        raise
    except BaseException as e:
        _run.show_only_theirs(e)
        raise


if __name__ == "__main__":
    main()
