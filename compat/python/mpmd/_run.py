"""Runs a program in __main__ as python does: the same names there, the same sys.path, argv, tracebacks and exit codes.

Source: CPython Modules/main.c, Python/pythonrun.c (what becomes of __main__ for a file, a module, -c) and Lib/runpy.py,
whose _run_module_as_main() is what python itself calls for -m, folders and archives.
"""
import builtins
import importlib.machinery
import io
import os
import runpy
import sys
import types
import typing


def _fresh_main() -> typing.Dict[str, typing.Any]:
    """The names of a new __main__. It stays until the end: the processes that it starts find its functions there."""
    sys.modules["mpmd.__main__"] = sys.modules["__main__"]
    main = types.ModuleType("__main__")
    main.__dict__.update(__loader__=importlib.machinery.BuiltinImporter, __builtins__=builtins)
    if sys.version_info < (3, 14):
        main.__dict__["__annotations__"] = {}
    # By the second name, which it got from `import multiprocessing`, it is known to what spawned processes send.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    return main.__dict__


def _set_first_path(path: str, always: bool = False) -> None:
    """Where the program's modules are; python puts it there itself, unless it was told not to (-P, -I)."""
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = path
    elif always:
        sys.path.insert(0, path)


def _has_modules(path: str) -> bool:
    """Whether it is a folder or an archive: anything that modules can be imported from."""
    for hook in sys.path_hooks:
        try:
            hook(path)
            return True
        except ImportError:
            pass
    return False


def run_file(path: str) -> None:
    """python PATH"""
    named = path
    if sys.implementation.name == "pypy":
        path = os.path.abspath(path)
    elif sys.version_info >= (3, 9):
        path = os.path.join(os.getcwd(), path)
    if _has_modules(path):
        _set_first_path(path, always=True)
        _fresh_main()
        return runpy._run_module_as_main("__main__", False)  # type: ignore
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    try:
        with io.open_code(path) if hasattr(io, "open_code") else open(path, "rb") as f:
            source = f.read()
    except OSError as e:
        sys.stderr.write("python -m mpmd: can't open %s: %s\n" % (named, e.strerror))
        sys.exit(2)
    names = _fresh_main()
    loader = None  # type: typing.Any
    if path.endswith(".pyc"):
        loader = importlib.machinery.SourcelessFileLoader("__main__", path)
        code = loader.get_code("__main__")
    else:
        loader = importlib.machinery.SourceFileLoader("__main__", path)
        code = compile(source, path, "exec", dont_inherit=True)
    names.update(__file__=path, __cached__=None, __loader__=loader)
    exec(code, names)


def run_text(source: typing.Union[str, bytes], name: str) -> None:
    """python -c SOURCE; or of standard input"""
    _set_first_path("")
    names = _fresh_main()
    if sys.version_info >= (3, 13) and isinstance(source, str):
        import linecache  # as python does from then on, for tracebacks
        linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec", dont_inherit=True), names)


def run_module(name: str) -> None:
    """python -m NAME"""
    _fresh_main()
    sys.argv[0] = "-m"
    try:
        runpy._run_module_as_main(name)  # type: ignore
    except SystemExit as e:
        begin = sys.executable + ": "
        if sys.argv[0] == "-m" and str(e.code).startswith(begin):  # it was not found
            sys.exit("python -m mpmd: " + str(e.code)[len(begin):])
        raise


def show_only_theirs(error: BaseException) -> None:
    """Have the traceback of an error that ends the program begin with the program, for whoever shows it."""
    ours = (__file__, os.path.join(os.path.dirname(__file__), "__main__.py"))
    last = trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ours:
            last = trace.tb_next
        trace = trace.tb_next
    hook = sys.excepthook

    def show(kind: typing.Any, value: typing.Any, _: typing.Any) -> None:
        sys.excepthook = hook
        sys.last_traceback = value.__traceback__ = last
        hook(kind, value, last)

    sys.excepthook = show
