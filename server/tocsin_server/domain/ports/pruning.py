"""Rows past their retention, pruned."""

from typing import Protocol


class PruningStore(Protocol):
    """Deletes what is past its retention."""

    async def prune(self, now: int) -> int:
        """Deletes some rows past their retention, and returns how many; 0 when none is left.

        The transactions are short. A cursor from before a pruned change gets a
        SNAPSHOT from then on.
        """
        ...
