"""Hubs that fail their streams: the store has to do."""

from collections.abc import Sequence

from tocsin_server.domain.model.changes import Change
from tocsin_server.live.hub import Hub


class DeafHub(Hub):
    """Loses every announcement; only the sweep tells its watches anything."""

    def announce(self, changes: Sequence[Change]) -> None:
        """Drops the changes."""
