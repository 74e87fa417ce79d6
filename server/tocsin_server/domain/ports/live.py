"""Committed changes, handed to the streams of this process."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.identity import InboxKey


class Watch(Protocol):
    """One stream's watch of one inbox. It may lose changes, but says so.

    It is behind until `synced_to` sets a revision, and whenever a change does
    not continue the one before. Used from the event loop alone.
    """

    @property
    def behind(self) -> bool:
        """Whether the store has to be read to know what happened."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        ...

    def synced_to(self, incarnation: int, revision: int) -> None:
        """Says that the stream has everything up to `revision`.

        What was committed and announced after it is kept, in order; if that
        leaves a gap, the watch is behind again.
        """
        ...

    def take(self) -> Sequence[Change]:
        """Returns and forgets the pending changes: without a gap, fit for one response."""
        ...

    async def wait(self, seconds: float) -> bool:
        """Returns True once there is something to do, False after so many seconds."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the watch has ended."""
        ...

    def close(self) -> None:
        """Ends the watch; may be called again."""
        ...


class Live(Protocol):
    """Hands committed changes to streams. It may lose any: the store is the truth."""

    def watch(self, key: InboxKey) -> Watch:
        """Returns a new watch, which sees every change announced from now on.

        Raises:
            TooManyStreams: the user or the server has no more.
            ServerStopping: the server takes no more streams.
        """
        ...

    def watches(self, key: InboxKey) -> bool:
        """Tells whether the inbox has a watch; safe to call from any thread."""
        ...

    def announce(self, changes: Sequence[Change]) -> None:
        """Hands committed changes to the watches, in commit order for each inbox.

        A change without items makes them behind.
        """
        ...
