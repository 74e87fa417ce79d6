"""A clock to drive."""

START = 1_800_000_000_000_000


class SetClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = START) -> None:
        self._now = now

    def settled(self) -> int:
        return self.now()

    def now(self) -> int:
        """The time in microseconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1_000_000)
