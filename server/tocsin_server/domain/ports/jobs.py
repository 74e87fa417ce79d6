"""Jobs, kept and done in steps."""

from __future__ import annotations

from typing import Protocol


class JobStore(Protocol):
    """Keeps jobs: long work that was decided on, and is done in steps."""

    async def work(self, now: int) -> bool:
        """Does one step of the job that has waited longest; False when none is due.

        One short transaction, which waits for its turn, with the changes that it
        makes to inboxes: each takes one revision, and they are handed to Live.
        What a step has done is not done again, whenever the server stops.
        """
        ...
