"""Committed changes, handed to the streams of this process."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.identity import InboxKey


class Watch(Protocol):
    """The watch of one stream on one inbox. It may lose changes, but never silently.

    It is behind until `synced_to`, and whenever a change does not continue the change
    before it. It is used from the event loop alone.
    """

    @property
    def behind(self) -> bool:
        """Whether the stream must read the store to learn what changed."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        ...

    def synced_to(self, incarnation: int, revision: int) -> None:
        """Takes note that the stream has delivered everything up to `revision`.

        The watch keeps the changes announced after that revision, in order. If they
        leave a gap, it is behind again.
        """
        ...

    def take(self) -> Sequence[Change]:
        """Removes and returns the pending changes; they have no gap and fit one response."""
        ...

    async def wait(self, seconds: float) -> bool:
        """Returns True once the stream has something to do, False after so many seconds."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the watch has ended."""
        ...

    def close(self) -> None:
        """Ends the watch; may be called again."""
        ...


class Live(Protocol):
    """Announces committed changes to streams. It may lose any: the store is the truth."""

    def watch(self, key: InboxKey) -> Watch:
        """Returns a new watch, which sees every change announced from now on.

        Raises:
            TooManyStreams: the user or the server has its limit of streams open.
            ServerStopping: the server takes no more streams.
        """
        ...

    def watches(self, key: InboxKey) -> bool:
        """Tells whether a stream watches the inbox; any thread may call it."""
        ...

    def announce(self, changes: Sequence[Change]) -> None:
        """Announces committed changes to the watches, in commit order for each inbox.

        A change without items makes them behind.
        """
        ...
