"""Addresses to listen on, looked at before gRPC does: it would not say what is wrong.

A socket of the file system is taken over by whoever binds it last, without a
word to the server that had it, so it is asked first whether somebody listens.
"""

import os
import socket
from pathlib import Path
from stat import S_ISSOCK

_PATH_BYTES = 107
"""The longest path of a socket that Linux takes."""


class CannotListen(Exception):
    """The address cannot be listened on; the text says why, in one line."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")


def check(address: str) -> None:
    """Looks at `HOST:PORT` or `unix:PATH`.

    Raises:
        CannotListen: nobody can listen there, or somebody else does.
    """
    if address.startswith("unix:"):
        _check_path(address, Path(address.removeprefix("unix:").removeprefix("//")))
        return
    host, _, port = address.rpartition(":")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotListen(address, f"the host {host!r} is not known") from None


def _check_path(address: str, path: Path) -> None:
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise CannotListen(address, f"the path has more than {_PATH_BYTES} bytes")
    if not path.parent.is_dir():
        raise CannotListen(address, f"there is no directory {str(path.parent)!r}")
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not S_ISSOCK(mode):
        raise CannotListen(address, "what is there is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return  # a server that is gone left it behind
        except OSError as error:
            raise CannotListen(address, f"it may be in use: {error.strerror}") from None
        raise CannotListen(address, "it is in use")
