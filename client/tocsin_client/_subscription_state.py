"""What a subscription of either client tells about itself."""

from typing import Protocol

from tocsin_client._progress import Progress


class _Reader(Protocol):
    @property
    def cursor(self) -> str: ...


class SubscriptionState:
    """The public state of a subscription. Its reader belongs to one of the clients."""

    _reader: _Reader
    _progress: Progress

    @property
    def cursor(self) -> str:
        """Resumes after the updates returned so far; at first `subscribe`'s, empty in a SNAPSHOT.

        It may be newer than the last update's: heartbeats renew it.
        """
        return self._reader.cursor

    @property
    def violations(self) -> int:
        """How often the server broke the rules that prove that nothing is missing."""
        return self._progress.violations

    @property
    def interruption(self) -> str:
        """Why the last stream ended, until another has caught up; empty otherwise."""
        return self._progress.interruption
