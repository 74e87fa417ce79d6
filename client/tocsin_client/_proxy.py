"""Which HTTP proxy gRPC connects through, by the environment.

gRPC itself reads the environment, and its errors do not say that there is a proxy. These rules are
those of its `http_proxy_mapper.cc`, but that a server on this machine is never behind a proxy.
"""

import os
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

# The first one that is set counts, even if it is empty.
_PROXY_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")
_EXCEPTION_VARIABLES = ("no_grpc_proxy", "no_proxy")


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address without brackets, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def proxy_for(host: str) -> str:
    """The proxy's `host:port`, without credentials; empty where gRPC connects directly."""
    if is_loopback(host):
        return ""
    proxy = _parsed(_first_set(_PROXY_VARIABLES))
    if proxy is None or proxy.scheme != "http" or not proxy.hostname:
        return ""
    if any(_matches(host, entry.strip()) for entry in _first_set(_EXCEPTION_VARIABLES).split(",")):
        return ""
    return proxy.netloc.rpartition("@")[2]


def _first_set(names: tuple[str, ...]) -> str:
    return next((os.environ[name] for name in names if name in os.environ), "")


def _parsed(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _matches(host: str, entry: str) -> bool:
    """Whether an entry of `no_proxy` is the host's name, a suffix of it, or a network it is in."""
    if not entry:
        return False
    if host.lower().endswith(entry.lower()):
        return True
    try:
        return "/" in entry and ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return False
