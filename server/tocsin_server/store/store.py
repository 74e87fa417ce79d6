"""The store: what the domain asks for, on a database."""

from asyncio import Semaphore
from collections.abc import Callable, Sequence
from logging import getLogger
from typing import Self, TypeVar

from sqlalchemy import Connection

from tocsin_server.domain.model.channels import Channel, ChannelUpdate
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.errors import Exhausted, TocsinError, Unavailable
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, InboxChannel, Notification, NotificationFilter
from tocsin_server.domain.model.marking import Marked, Marking
from tocsin_server.domain.model.messages import Message, Send, Sent
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.model.streams import Head, Replay
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.live import Live
from tocsin_server.store import (
    channel_deletion,
    channels,
    history,
    inbox_channels,
    inboxes,
    job_steps,
    messages,
)
from tocsin_server.store.engine.databases import READERS, Database, database
from tocsin_server.store.engine.driver_errors import CannotOpen, cause_of, failure, is_of_a_database
from tocsin_server.store.engine.executors import run
from tocsin_server.store.marking import mark
from tocsin_server.store.pruning import prune_answers, prune_history
from tocsin_server.store.schema.migration import migrate, read_epoch
from tocsin_server.store.writing.writer import Writer

T = TypeVar("T")

logger = getLogger(__name__)


class SqlStore:
    """Implements the domain's ports, but for `Live` and `Clock`.

    Writes go through the one writer; reads through a few connections of their
    own, each in a transaction, so that what it returns is of one moment.
    """

    def __init__(
        self,
        database: Database,
        epoch: int,
        live: Live,
        clock: Clock,
        retention: Retention,
    ) -> None:
        self._database = database
        self._epoch = epoch
        self._live = live
        self._clock = clock
        self._retention = retention
        self._writer = Writer(database.lanes, live, self._horizon, mixes=database.mixes)
        self._reading = Semaphore(READERS)
        self._closed = False

    @classmethod
    async def open(cls, url: str, live: Live, clock: Clock, retention: Retention) -> Self:
        """Opens the database, creates it or brings it to this program's schema.

        Raises:
            CannotOpen: it is no usable database, or not writable.
        """
        opened = database(url)
        try:
            epoch = await run(opened.lanes[0], _prepare)
        except Exception as error:
            await opened.close()
            if not (isinstance(error, CannotOpen) or is_of_a_database(error)):
                raise
            raise CannotOpen(f"cannot use the database {opened.name}: {cause_of(error)}") from None
        opened.guard(epoch)
        return cls(opened, epoch, live, clock, retention)

    async def close(self) -> None:
        """Commits what waits, and closes every connection; may be called again."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        for _ in range(READERS):
            await self._reading.acquire()
        await self._database.close()

    @property
    def epoch(self) -> int:
        """The random number of the store's history."""
        return self._epoch

    async def create_channel(self, request: RequestKey, channel: Channel) -> Channel:
        """Stores a channel together with the answer to its request."""
        horizon = self._horizon()
        return await self._writer.run(lambda c: channels.create(c, request, channel, horizon))

    async def update_channel(
        self, request: RequestKey, update: ChannelUpdate, etag: str, now: int
    ) -> Channel:
        """Applies an update together with storing the answer to its request."""
        horizon = self._horizon()
        return await self._writer.run(
            lambda c: channels.change(c, request, update, etag, now, horizon)
        )

    async def delete_channel(
        self, request: RequestKey, channel_id: str, now: int, *, force: bool
    ) -> None:
        """Deletes a channel of the request's tenant, with the answer to the request."""
        horizon = self._horizon()
        await self._writer.run(
            lambda c: channel_deletion.delete_channel(
                c, request, channel_id, now, horizon, force=force
            )
        )

    async def get_channel(self, tenant: str, channel_id: str) -> Channel | None:
        """Returns the channel, or None."""
        return await self._read(lambda c: channels.get(c, tenant, channel_id))

    async def list_channels(self, tenant: str, after: str, limit: int) -> Page[Channel]:
        """Returns up to `limit` channels with an id above `after`, by id."""
        return await self._read(lambda c: channels.page(c, tenant, after, limit))

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits each send on its own, in the order given."""
        return await self._writer.send(sends)

    async def get_message(self, tenant: str, message_id: str) -> Message | None:
        """Returns the message, or None."""
        return await self._read(lambda c: messages.get(c, tenant, message_id))

    async def list_messages(
        self, tenant: str, channel_id: str, before: int | None, limit: int
    ) -> Page[Message]:
        """Returns up to `limit` of a channel's messages, latest first."""
        return await self._read(lambda c: messages.page(c, tenant, channel_id, before, limit))

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; the unborn one for a user never seen."""
        return await self._read(lambda c: inboxes.get(c, key))

    async def list_notifications(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        before: int | None,
        limit: int,
    ) -> Page[Notification]:
        """Returns up to `limit` notifications behind `before`, latest arrival first."""
        return await self._read(lambda c: inboxes.page(c, key, channel_ids, which, before, limit))

    async def list_inbox_channels(
        self, key: InboxKey, before: int | None, limit: int, *, unread_only: bool
    ) -> Page[InboxChannel]:
        """Returns up to `limit` of an inbox's channels, latest arrival first."""
        return await self._read(
            lambda c: inbox_channels.page(c, key, before, limit, unread_only=unread_only)
        )

    async def mark(self, marking: Marking, now: int) -> Marked:
        """Commits a marking as one change of its inbox."""
        horizon, watches = self._horizon(), self._live.watches
        return await self._writer.run(lambda c: mark(c, marking, now, horizon, watches))

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        return await self._read(lambda c: inboxes.head(c, key, limit))

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position."""
        return await self._read(lambda c: history.changes(c, key, after, limit))

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of those inboxes that exist."""
        return await self._read(lambda c: inboxes.revisions(c, keys))

    @property
    def full(self) -> bool:
        """Whether writes fail because the disk is full, as far as is known."""
        return self._writer.full

    async def probe(self) -> bool:
        """Writes something, and returns whether there is room again."""
        return await self._writer.try_the_disk()

    async def work(self, now: int) -> bool:
        """Does one step of the job that has waited longest."""
        job = await self._read(lambda c: job_steps.next_job(c, now))
        if job is None:
            return False
        try:
            return await self._writer.run(lambda c: job_steps.step(c, job.job_id, now))
        except (Exhausted, Unavailable):
            raise
        except Exception:  # the job's own fault: the others go on
            logger.exception("a job failed", extra={"job_id": job.job_id, "kind": job.kind})
            await self._writer.run(lambda c: job_steps.put_off(c, job, now))
        return True

    async def prune(self, now: int) -> int:
        """Deletes some of what is past its retention."""
        answers = await self._writer.run(lambda c: prune_answers(c, self._retention, now))
        return answers + await self._writer.run(lambda c: prune_history(c, self._retention, now))

    async def _read(self, unit: Callable[[Connection], T]) -> T:
        """Runs a unit of work that only reads, at one moment of the database."""
        try:
            async with self._reading, self._database.readers.connect() as connection:
                await connection.begin()  # closing ends it: there is nothing to commit
                return await connection.run_sync(unit)
        except Exception as error:  # noqa: BLE001  # raised again, in the domain's words
            raise failure(error) from None

    def _horizon(self) -> int:
        """Returns since when answers to requests count."""
        return self._retention.answers_since(self._clock.now())


def _prepare(connection: Connection) -> int:
    """Brings the database to this program's schema, all or nothing; returns its epoch."""
    with connection.begin():
        migrate(connection)
        return read_epoch(connection)
