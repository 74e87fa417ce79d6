"""The machine's clock, which may jump, and the time that has settled."""

from collections.abc import Callable
from threading import Lock
from time import monotonic_ns, time_ns

SETTLE_SECONDS = 600.0
"""How long a jump of the clock must last until it counts for what is old."""

_SAME_MICROSECONDS = 1_000_000
"""By how much the clock may run away from the monotonic one without having jumped."""


class SystemClock:
    """The machine's clock. Implements `tocsin_server.domain.ports.clock.Clock`.

    The offset of the clock from the machine's monotonic clock changes only when the
    clock is set. The settled time is the monotonic time plus the last offset that has
    lasted; before any has lasted, it is 0, at which nothing is old.
    """

    def __init__(
        self,
        settle_seconds: float = SETTLE_SECONDS,
        wall: Callable[[], int] = time_ns,
        monotonic: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._settle_microseconds = int(settle_seconds * 1_000_000)
        self._wall = wall
        self._monotonic = monotonic
        self._lock = Lock()
        self._settled_offset: int | None = None
        self._offset: int | None = None
        """The offset that was last seen, and has lasted since `_since`."""
        self._since = 0

    def now(self) -> int:
        """Returns the time in microseconds since the Unix epoch."""
        return self._wall() // 1_000

    def settled(self) -> int:
        """Returns the time without jumps that have not lasted, in microseconds."""
        with self._lock:
            monotonic = self._monotonic() // 1_000
            offset = self.now() - monotonic
            if self._offset is None or abs(offset - self._offset) > _SAME_MICROSECONDS:
                self._offset, self._since = offset, monotonic
            lasted = monotonic - self._since >= self._settle_microseconds
            drifted = (
                self._settled_offset is not None
                and abs(offset - self._settled_offset) <= _SAME_MICROSECONDS
            )
            if lasted or drifted:
                self._settled_offset = self._offset = offset
            return 0 if self._settled_offset is None else monotonic + self._settled_offset
