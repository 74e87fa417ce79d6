"""Retention: how long answers and history are kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """Spans in seconds.

    Attributes:
        answers: how long the answer to a request id is kept.
        history: how long a cursor can be resumed from at least; marks and tombstones of
            removed notifications are kept as long.
    """

    answers: float = 24 * 3600.0
    history: float = 7 * 24 * 3600.0

    def answers_since(self, now: int) -> int:
        """Returns the time since which answers count; times are in microseconds."""
        return now - int(self.answers * 1_000_000)

    def history_since(self, now: int) -> int:
        """Returns the time since which history is kept; times are in microseconds."""
        return now - int(self.history * 1_000_000)
