# Runs a program with a cousin of multiprocessing in its place: as_cousin.py multiprocess|billiard PROGRAM [ARGUMENT ...]
# `import multiprocessing.managers` gives the program multiprocess.managers, and so on; test._test_multiprocessing, CPython's
# own tests, are those that multiprocess brings along. Standard library only; for the interpreter that has the packages.
import importlib
import importlib.abc
import importlib.util
import os
import pkgutil
import runpy
import sys

COUSIN = sys.argv[1]
TESTS = "test._test_multiprocessing"


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] == "multiprocessing" or fullname == TESTS:
            return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec):
        if spec.name == TESTS:
            return load_tests()
        return importlib.import_module(COUSIN + spec.name[len("multiprocessing"):])

    def exec_module(self, module):
        pass


def load_tests():
    """Those of multiprocess, which are CPython 3.9's: what test.support had then."""
    from test import support
    for name in ("hashlib_helper", "import_helper", "os_helper", "socket_helper", "threading_helper", "warnings_helper"):
        try:
            helper = importlib.import_module("test.support." + name)
        except ImportError:
            continue
        for key, value in vars(helper).items():
            if not hasattr(support, key):
                setattr(support, key, value)
    if COUSIN == "multiprocess":
        return importlib.import_module("multiprocess.tests")
    path = os.path.join(importlib.util.find_spec("multiprocess").submodule_search_locations[0], "tests", "__init__.py")
    rename("multiprocess")
    add_what_billiard_has_not()
    spec = importlib.util.spec_from_file_location(TESTS, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def add_what_billiard_has_not():
    """What those tests name while they are loaded, and those of managers do not use."""
    import billiard.dummy
    import billiard.util
    billiard.parent_process = billiard.dummy.Barrier = billiard.resource_tracker = None
    billiard.util.abstract_sockets_supported = False
    billiard.util._cleanup_tests = lambda: None


def rename(name):
    """The cousin's modules are found by another name, too."""
    for key, module in list(sys.modules.items()):
        if key.split(".")[0] == COUSIN:
            sys.modules[name + key[len(COUSIN):]] = module


def main():
    # All of it first: billiard itself uses the real one.
    for module in pkgutil.iter_modules(importlib.import_module(COUSIN).__path__, COUSIN + "."):
        if "win" not in module.name and not module.name.endswith(".tests"):
            importlib.import_module(module.name)
    importlib.import_module(COUSIN + ".dummy.connection")
    for name in [name for name in sys.modules if name.split(".")[0] == "multiprocessing"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder())
    del sys.argv[:2]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
