"""Ports that stay a server's while it is down."""

import socket
from random import SystemRandom

LOWEST, HIGHEST = 10_240, 32_000
"""Below the range that systems pick from: a client that keeps connecting to a port of that range
may, on loopback, be given the same port itself, and so take it from the server."""


def lasting_port() -> int:
    """Returns a port that is not in use, and that the system assigns to no socket by itself."""
    while True:
        port = SystemRandom().randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
