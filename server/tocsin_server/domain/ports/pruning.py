"""Rows past their retention, pruned."""

from __future__ import annotations

from typing import Protocol


class PruningStore(Protocol):
    """Forgets what is past its retention."""

    async def prune(self, now: int) -> int:
        """Deletes some of what is due, and returns how many rows; 0 when nothing is.

        One short transaction, which waits for its turn. A cursor from before
        what is forgotten gets a SNAPSHOT from then on.
        """
        ...
