"""What the domain needs from the world, as promises in prose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_server.domain.changes import Change
    from tocsin_server.domain.channels import Channel, ChannelUpdate
    from tocsin_server.domain.cursors import Position
    from tocsin_server.domain.errors import TocsinError
    from tocsin_server.domain.following import Head, Replay
    from tocsin_server.domain.identity import InboxKey
    from tocsin_server.domain.inboxes import (
        Inbox,
        InboxChannel,
        Notification,
        NotificationFilter,
    )
    from tocsin_server.domain.marking import Marked, Marking
    from tocsin_server.domain.messages import Message, Send, Sent
    from tocsin_server.domain.paging import Page
    from tocsin_server.domain.requests import RequestKey


class Clock(Protocol):
    """Tells the time. Nothing is ordered or resumed by it."""

    def now(self) -> int:
        """Returns the time in microseconds since the Unix epoch."""
        ...


class Identifiers(Protocol):
    """Makes new identifiers, each unlike any other."""

    def message_id(self, now: int) -> str:
        """Returns a UUIDv7 for the given time in microseconds."""
        ...

    def token(self) -> str:
        """Returns an opaque token of 16 characters."""
        ...


class Stamp(Protocol):
    """Encodes what the server sets of a message, as its transport does.

    Followed by the body of a draft it is the whole message, but for its state,
    which alone may change.
    """

    def __call__(self, message_id: str, create_time: int) -> bytes:
        """Returns the encoding; the time is in microseconds since the Unix epoch."""
        ...


class ChannelStore(Protocol):
    """Keeps channels.

    Every method of every store raises StoreUnavailable when the database does
    not answer: trying again may help. What a method returns is durable, and
    what it raises left nothing behind. Writes also raise StorageFull, and
    WritesOverloaded when too many of them wait.
    """

    async def create_channel(self, request: RequestKey, channel: Channel) -> Channel:
        """Stores a channel together with the answer to its request.

        Returns the channel as stored; for a request answered before, what was
        answered then.

        Raises:
            ChannelAlreadyExists: its id is taken.
            ChannelBeingDeleted: what another of its id had is still going.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def delete_channel(
        self, request: RequestKey, channel_id: str, now: int, *, force: bool
    ) -> None:
        """Deletes a channel of the request's tenant, with the answer to the request.

        From then on there is none. If it has messages, a job is stored with it
        that removes them and their notifications, and then frees the id.

        Raises:
            ChannelNotFound: there is none of that id.
            ChannelNotEmpty: it has messages, and is not to be forced.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def update_channel(
        self, request: RequestKey, update: ChannelUpdate, etag: str, now: int
    ) -> Channel:
        """Applies an update together with storing the answer to its request.

        Returns the channel as it then stands, with the new `etag` if it changed;
        for a request answered before, what was answered then.

        Raises:
            ChannelNotFound: there is none of that id.
            EtagMismatch: it has another etag than the update says.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def get_channel(self, tenant: str, channel_id: str) -> Channel | None:
        """Returns the channel, or None."""
        ...

    async def list_channels(self, tenant: str, after: str, limit: int) -> Page[Channel]:
        """Returns up to `limit` channels with an id above `after`, by id."""
        ...


class MessageStore(Protocol):
    """Keeps messages and puts their copies into inboxes."""

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits each send on its own, in the order given.

        A send is one transaction with its message, its notifications, their
        inboxes' revisions and counters, and the answer to its request; several
        sends may share a transaction. Each inbox takes one revision a message,
        in commit order, and every committed change is then handed to Live.
        A request answered before sends nothing and gets the answer of then.
        Outcomes that are errors (ChannelNotFound, RequestIdReused, and what
        the database fails with) left nothing behind. Cancelling the call does
        not cancel the sends.

        Raises:
            WritesOverloaded: nothing was taken.
        """
        ...

    async def get_message(self, tenant: str, message_id: str) -> Message | None:
        """Returns the message, or None."""
        ...

    async def list_messages(
        self, tenant: str, channel_id: str, before: int | None, limit: int
    ) -> Page[Message]:
        """Returns up to `limit` of a channel's messages with a sequence below `before`.

        Newest first. An unknown channel has none.
        """
        ...


class InboxHistory(Protocol):
    """What following an inbox reads. Every read is of one moment: rows, head, counters agree."""

    @property
    def epoch(self) -> int:
        """The random number of the store's history."""
        ...

    async def list_notifications(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        before: int | None,
        limit: int,
    ) -> Page[Notification]:
        """Returns up to `limit` notifications behind `before`, latest arrival first.

        No `channel_ids` stands for all channels.
        """
        ...

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        ...

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position, ordered by (revision, sequence).

        Notifications and removals as they stand, and marks between them. At the
        end of the history it says so, with all channels' counters.
        """
        ...

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of those inboxes that exist."""
        ...


class InboxStore(InboxHistory, Protocol):
    """Keeps inboxes."""

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; the unborn one for a user never seen."""
        ...

    async def list_inbox_channels(
        self, key: InboxKey, before: int | None, limit: int, *, unread_only: bool
    ) -> Page[InboxChannel]:
        """Returns up to `limit` of an inbox's channels, latest arrival first.

        Those that it holds something of, or something unread, and whose latest
        notification stands behind `before`.
        """
        ...

    async def mark(self, marking: Marking, now: int) -> Marked:
        """Commits a marking as one change of its inbox, and hands it to Live.

        State, counters, and the answer to its request change together, under
        one revision; under none when nothing changes. A request answered before
        changes nothing and gets the answer of then.

        Raises:
            RequestIdReused: the request id stands for another request.
        """
        ...


class JobStore(Protocol):
    """Keeps jobs: long work that was decided on, and is done in steps."""

    async def work(self, now: int) -> bool:
        """Does one step of the job that has waited longest; False when none is due.

        One short transaction, which waits for its turn, with the changes that it
        makes to inboxes: each takes one revision, and they are handed to Live.
        What a step has done is not done again, whenever the server stops.
        """
        ...


class Disk(Protocol):
    """What holds the store: it may be full."""

    @property
    def full(self) -> bool:
        """Whether writes fail because it is full, as far as is known."""
        ...

    async def try_the_disk(self) -> bool:
        """Writes something, and returns whether there is room again."""
        ...


class PruningStore(Protocol):
    """Forgets what is past its retention."""

    async def prune(self, now: int) -> int:
        """Deletes some of what is due, and returns how many rows; 0 when nothing is.

        One short transaction, which waits for its turn. A cursor from before
        what is forgotten gets a SNAPSHOT from then on.
        """
        ...


class Watch(Protocol):
    """One stream's eye on one inbox. It may lose sight, but says so.

    It is behind until told a revision to go on from, and whenever a change
    does not continue the one before. Used from the event loop alone.
    """

    @property
    def behind(self) -> bool:
        """Whether the store has to be read to know what happened."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        ...

    def go_on_from(self, incarnation: int, revision: int) -> None:
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
    """Tells streams of committed changes. It may lose any: the store is the truth."""

    def watch(self, key: InboxKey) -> Watch:
        """Returns a new watch, which sees every change announced from now on.

        Raises:
            TooManyStreams: the user or the server has no more.
            ServerStopping: the server takes no more streams.
        """
        ...

    def watches(self, key: InboxKey) -> bool:
        """Tells whether anybody watches the inbox; any thread may ask."""
        ...

    def announce(self, changes: Sequence[Change]) -> None:
        """Tells the watches of committed changes, in commit order for each inbox.

        A change that does not say what it did makes them behind.
        """
        ...
