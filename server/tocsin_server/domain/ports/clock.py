"""The port of the clock."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time. Neither order nor cursors depend on it."""

    def now(self) -> int:
        """Returns the time in microseconds since the Unix epoch."""
        ...

    def settled(self) -> int:
        """Returns the time for judging what is old, in microseconds since the Unix epoch.

        A jump of the clock counts only after it has lasted, so that a wrong clock
        makes nothing old for a moment. Any thread may call it.
        """
        ...
