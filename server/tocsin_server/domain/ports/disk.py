"""The disk that holds the store."""

from typing import Protocol


class Disk(Protocol):
    """The disk that holds the store."""

    @property
    def full(self) -> bool:
        """Whether a write has failed because it is full, and no probe has found room since."""
        ...

    async def probe(self) -> bool:
        """Writes something, and returns whether there is room again; if so, it is not full."""
        ...
