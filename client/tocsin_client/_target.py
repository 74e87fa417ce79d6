"""Where a server is: the forms of a target, and the channels to it."""

import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import grpc

from tocsin_client._proxy import is_loopback, proxy_for

Options = Sequence[tuple[str, int | str]]

_TLS = "tls://"
_UNIX = "unix:"
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>[0-9]{1,5})")

# The longest path that a socket's address holds, as gRPC counts.
_PATH_BYTES = 107

# The names of certificates in a folder of OpenSSL's.
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address as gRPC writes it, and the credentials that prove who it is."""

    address: str
    credentials: grpc.ChannelCredentials | None = None
    """None without encryption."""
    host: str = ""
    """Empty for a socket's path."""

    @property
    def proxy(self) -> str:
        """The `host:port` of the HTTP proxy that gRPC connects through; empty without one."""
        return proxy_for(self.host) if self.host else ""

    def channel(self, options: Options) -> grpc.Channel:
        options = self._with_proxy(options)
        if self.credentials is None:
            return grpc.insecure_channel(self.address, options=options)
        return grpc.secure_channel(self.address, self.credentials, options=options)

    def aio_channel(self, options: Options) -> grpc.aio.Channel:
        options = self._with_proxy(options)
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.address, options=options)
        return grpc.aio.secure_channel(self.address, self.credentials, options=options)

    def _with_proxy(self, options: Options) -> Options:
        """The options, with no proxy for a server on this machine."""
        if self.host and not is_loopback(self.host):
            return options
        return [*options, ("grpc.enable_http_proxy", 0)]


def parse_target(target: str, root_certificates: bytes | None = None) -> Target:
    """The target, when it is `host:port`, `[ipv6]:port`, `unix:path` or `tls://host:port`.

    Raises:
        TypeError: It is not a string, or `root_certificates` are not bytes.
        ValueError: It has another form, its path is too long for a socket, `root_certificates` are
            passed without `tls://`, or they are not certificates in PEM form.
    """
    if not isinstance(target, str):
        raise TypeError(f"target must be a string, not {type(target).__name__}")
    if target.startswith(_TLS) and (address := _address(target.removeprefix(_TLS))):
        return Target(address, _credentials(root_certificates), _host(target))
    unix = target.isprintable() and target.startswith(_UNIX) and len(target) > len(_UNIX)
    address = target if unix else _address(target)
    if unix and len(os.fsencode(target.removeprefix(_UNIX).removeprefix("//"))) > _PATH_BYTES:
        raise ValueError(f"target {target!r} has a path of more than {_PATH_BYTES} bytes")
    if not address:
        raise ValueError(
            f"target {target!r} is neither host:port nor unix:path nor tls://host:port"
        )
    if root_certificates is not None:
        raise ValueError(f"root_certificates are for tls://host:port, and target is {target!r}")
    return Target(address, host="" if unix else _host(target))


def _host(target: str) -> str:
    """The host of `host:port`, an IPv6 address without its brackets."""
    return target.removeprefix(_TLS).rpartition(":")[0].strip("[]")


def _address(target: str) -> str:
    """`host:port` as gRPC writes it; empty when it has another form."""
    match = _HOST_AND_PORT.fullmatch(target)
    if match is None or not target.isprintable() or not 0 < int(match["port"]) < 65536:
        return ""
    # Without the scheme, gRPC takes a host with the name of a scheme for a scheme: `dns:50051`.
    return target if target.startswith("[") else f"dns:///{quote(target, safe=':')}"


def _credentials(root_certificates: bytes | None) -> grpc.ChannelCredentials:
    if root_certificates is not None:
        if not isinstance(root_certificates, bytes):
            raise TypeError(
                f"root_certificates must be bytes, not {type(root_certificates).__name__}"
            )
        # gRPC would accept anything and trust no server, with no error.
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # Comments between two certificates may have any characters.
            context.load_verify_locations(cadata=root_certificates.decode("ascii", "ignore"))
        except (ValueError, OSError) as problem:
            raise ValueError(
                f"root_certificates are no certificates in PEM form: {str(problem).rstrip('.')}"
            ) from None
    return grpc.ssl_channel_credentials(root_certificates or _system_roots())


def _system_roots() -> bytes | None:
    """The certificates that OpenSSL trusts by default; None, for gRPC's own list, without any.

    gRPC by itself would use its own list, which lacks an organization's own authorities.
    """
    if "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" in os.environ:
        return None
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        files += sorted(
            file for file in Path(paths.capath).iterdir() if _HASHED.fullmatch(file.name)
        )
    return b"\n".join(file.read_bytes() for file in files if file.is_file()) or None
