"""The disk that holds the store."""

from __future__ import annotations

from typing import Protocol


class Disk(Protocol):
    """The disk that holds the store."""

    @property
    def full(self) -> bool:
        """Whether the last write that reached the disk found it full."""
        ...

    async def probe(self) -> bool:
        """Writes something, and returns whether there is room again."""
        ...
