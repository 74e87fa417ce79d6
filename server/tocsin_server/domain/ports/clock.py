"""The time, as the domain is told it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time. Nothing is ordered or resumed by it."""

    def now(self) -> int:
        """Returns the time in microseconds since the Unix epoch."""
        ...
