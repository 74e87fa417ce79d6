"""Addresses to listen on, checked before gRPC binds them: its errors would not name the cause.

A name may have several addresses, and gRPC would succeed when it binds one of
them. Tocsin binds all, so that no other server answers under the same name.

The server that binds a socket of the file system last takes it from an earlier
server, which gets no error. So `resolve` checks first whether a server listens.
"""

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from stat import S_ISSOCK
from typing import NamedTuple

_PATH_BYTES = 107
"""The longest path of a socket that Linux takes."""


class CannotListen(Exception):
    """The server cannot listen on the address; the text gives the cause in one line."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")


class _Endpoint(NamedTuple):
    """A network address: its family, and its host as a number."""

    family: socket.AddressFamily
    host: str

    def with_port(self, port: int) -> str:
        """Returns the address as gRPC writes it."""
        host = f"[{self.host}]" if self.family is socket.AF_INET6 else self.host
        return f"{host}:{port}"


_LOOPBACK = (_Endpoint(socket.AF_INET, "127.0.0.1"), _Endpoint(socket.AF_INET6, "::1"))
_PICKS = 20
"""How many ports are tried until one is free on every address."""


def resolve(address: str) -> Sequence[str]:
    """Returns the addresses to bind for `HOST:PORT` or `unix:PATH`: all addresses of its host.

    All have the same port, also when a free one is picked for port 0. Families of
    addresses that the machine does not have are left out.

    Raises:
        CannotListen: one of them cannot be bound, or another server listens on it.
    """
    if address.startswith("unix:"):
        _check_path(address, Path(address.removeprefix("unix:").removeprefix("//")))
        return [address]
    host, _, port = address.rpartition(":")
    endpoints = [each for each in _endpoints(address, host) if _has_family(each)]
    if not endpoints:
        raise CannotListen(address, "it is in use or not of this machine")
    if len(endpoints) == 1 and int(port) == 0:
        return [endpoints[0].with_port(0)]
    return _free(address, endpoints, int(port))


def _endpoints(address: str, host: str) -> Sequence[_Endpoint]:
    """Returns the addresses of a host; localhost always has both loopbacks (RFC 6761)."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotListen(address, f"the host {host!r} is not known") from None
    endpoints = [_Endpoint(family, str(place[0])) for family, _, _, _, place in found]
    if host == "localhost":
        endpoints += _LOOPBACK
    return list(dict.fromkeys(endpoints))


def _has_family(endpoint: _Endpoint) -> bool:
    """Tells whether the machine has addresses of this family."""
    if endpoint.family is socket.AF_INET:
        return True
    try:
        with socket.socket(endpoint.family, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _free(address: str, endpoints: Sequence[_Endpoint], port: int) -> Sequence[str]:
    """Returns the addresses with the port; for port 0 with one that is free on all of them."""
    for attempt in range(_PICKS):
        picked = port
        with ExitStack() as probes:
            for endpoint in endpoints:
                probe = probes.enter_context(socket.socket(endpoint.family, socket.SOCK_STREAM))
                # As gRPC does: closed connections do not keep a port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((endpoint.host, picked))
                except OSError as error:
                    if port == 0 and attempt < _PICKS - 1 and error.errno == errno.EADDRINUSE:
                        break  # try another port
                    raise _refusal(address, endpoint.with_port(picked), error) from None
                picked = probe.getsockname()[1]
            else:
                return [endpoint.with_port(picked) for endpoint in endpoints]
    raise AssertionError  # the last attempt has raised


def _refusal(address: str, bound: str, error: OSError) -> CannotListen:
    """Returns the error for an address that cannot be bound; its text names one of several."""
    which = "it" if bound == address else bound
    if error.errno == errno.EADDRINUSE:
        return CannotListen(address, f"{which} is in use")
    if error.errno == errno.EADDRNOTAVAIL:
        return CannotListen(address, f"{which} is not of this machine")
    return CannotListen(address, f"{which}: {error.strerror}")


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
            return  # a server that has ended left it behind
        except OSError as error:
            raise CannotListen(address, f"it may be in use: {error.strerror}") from None
        raise CannotListen(address, "it is in use")
