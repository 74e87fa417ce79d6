"""How long the past is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """Spans in seconds.

    Attributes:
        answers: for how long a request id is remembered with its answer.
        history: for how long a cursor can be resumed from at least: marks, and
            what is left of notifications that were removed, are kept so long.
    """

    answers: float = 24 * 3600.0
    history: float = 7 * 24 * 3600.0

    def answers_since(self, now: int) -> int:
        """Returns since when answers count; times are in microseconds."""
        return now - int(self.answers * 1_000_000)

    def history_since(self, now: int) -> int:
        """Returns since when history is kept; times are in microseconds."""
        return now - int(self.history * 1_000_000)
