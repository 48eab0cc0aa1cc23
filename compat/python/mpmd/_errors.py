"""Says in the exception of a call what became of the server that did not answer it."""
import os
import signal
import socket
import typing

# The servers that this process started, by address: each has an `exitcode` and a `pid`.
servers = {}  # type: typing.Dict[typing.Any, typing.Any]


def _end_of(address: typing.Any) -> typing.Optional[str]:
    """How the server there ended; None: it did not."""
    server = servers.get(address)
    if server is not None and server.exitcode is not None:
        code = server.exitcode
        if code >= 0:
            return "pid %d, ended with exit code %d" % (server.pid, code)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "signal %d" % -code
        return "pid %d, was killed by %s" % (server.pid, name)
    if isinstance(address, str):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(address)
            except (ConnectionRefusedError, FileNotFoundError):
                return "which listened at %s, has ended" % ascii(address)
            except OSError:
                pass
    return None


def is_deeper(error: BaseException, n_frames: int) -> bool:
    """Whether it was raised more than so many frames below the handler."""
    place = error.__traceback__
    for _ in range(n_frames):
        place = place.tb_next if place is not None else None
    return place is not None


def explain(error: BaseException, address: typing.Any, n_frames: int) -> None:
    """To be called in the handler of an OSError or EOFError of a call: adds what is known to its text.

    n_frames: so many frames there are between the handler and where a server's own exceptions are raised; those are left
    alone.
    """
    if not is_deeper(error, n_frames):
        return
    end = _end_of(address)
    if end is None:
        return
    text = "the manager's server, %s" % end
    if isinstance(error, OSError) and error.errno is not None:
        error.strerror = "%s: %s" % (os.strerror(error.errno), text)
    elif not error.args:
        error.args = (text,)
