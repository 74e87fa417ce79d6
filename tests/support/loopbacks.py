"""The loopback addresses of this machine, which may have no IPv6."""

import socket


def family(host: str) -> socket.AddressFamily:
    """The family of an address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def with_port(host: str, port: int) -> str:
    """The address and port, as gRPC writes them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_bindable(host: str) -> bool:
    try:
        with socket.socket(family(host)) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


LOOPBACKS = [host for host in ("127.0.0.1", "::1") if _is_bindable(host)]
"""The addresses that a server on this machine can bind."""
