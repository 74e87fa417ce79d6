"""Hubs that lose changes: streams have to read the store."""

from collections.abc import Sequence

from tocsin_server.domain.model.changes import Change
from tocsin_server.live.hub import Hub


class DeafHub(Hub):
    """Loses every announcement; only the sweep reaches its watches."""

    def announce(self, changes: Sequence[Change]) -> None:
        """Drops the changes."""
