# Everything that can be done with a Namespace, alone.
from __future__ import print_function
import common


def main():
    manager = common.connect()
    ns = manager.Namespace(x=1, y="two")
    assert (ns.x, ns.y) == (1, "two")
    ns.x = ns.x + 1
    assert ns.x == 2
    assert str(ns) == "Namespace(x=2, y='two')" or (common.PY2 and str(ns).startswith("Namespace(x=2, y=")), str(ns)
    text = common.raises(AttributeError, lambda: ns.z)
    assert text == "'Namespace' object has no attribute 'z'", text
    del ns.y
    common.raises(AttributeError, lambda: ns.y)
    common.raises(AttributeError, delattr, ns, "y")
    assert str(ns) == "Namespace(x=2)", str(ns)
    # Names with an underscore stay with this proxy.
    ns._private = 5
    assert ns._private == 5
    assert str(ns) == "Namespace(x=2)", str(ns)
    copy = ns._getvalue()
    assert copy.x == 2 and type(copy).__name__ == "Namespace"
    empty = manager.Namespace()
    assert str(empty) == "Namespace()", str(empty)
    empty.x = None
    assert empty.x is None and ns.x == 2
    print("attributes are set, read, deleted and missing as in any Namespace")


if __name__ == "__main__":
    main()
