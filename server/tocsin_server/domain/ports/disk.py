"""The disk that holds the store."""

from __future__ import annotations

from typing import Protocol


class Disk(Protocol):
    """What holds the store: it may be full."""

    @property
    def full(self) -> bool:
        """Whether writes fail because it is full, as far as is known."""
        ...

    async def probe(self) -> bool:
        """Writes something, and returns whether there is room again."""
        ...
