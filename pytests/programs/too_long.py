# A value that is too long for the server, which was started with --max-message 1000000.
from __future__ import print_function
from multiprocessing.managers import RemoteError
import common


def main():
    manager = common.connect()
    ns = manager.Namespace(x=1)
    ns.fits = b"x" * 990000
    text = common.raises(RemoteError, setattr, ns, "big", b"x" * 1500000)
    assert "--max-message 1000000" in text and "15000" in text, text
    # That connection is closed; another proxy of this process has to open a new one.
    del ns._tls.connection
    assert ns.x == 1 and len(ns.fits) == 990000
    common.raises(AttributeError, lambda: ns.big)
    print("refused, and nothing was lost")


if __name__ == "__main__":
    main()
