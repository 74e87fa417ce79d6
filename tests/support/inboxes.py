"""Inboxes in memory: small enough to be right by looking at them, and scripted by tests."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import count, groupby

from tocsin_server.domain.model.changes import ENVELOPE_BYTES, Change
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import (
    Inbox,
    Notification,
    NotificationFilter,
    NotificationQuery,
)
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head, Replay
from tocsin_server.domain.ports.live import Live

from tests.support.building import notification

_PAGE_BYTES = RESPONSE_BYTES // 2


class MemoryInboxes:
    """Implements `tocsin_server.domain.ports.history.InboxHistory`.

    The contract suite runs on it, too. Nothing in it is ever marked or removed.

    Each read of rows calls the next of `after_reads`, if any, once it has its
    rows: a test commits there what the reader does not know of yet.
    """

    def __init__(self, live: Live, *, page_rows: int = 1_000, epoch: int = 1) -> None:
        self.epoch = epoch
        self.reads: list[str] = []
        self.after_reads: deque[Callable[[], object]] = deque()
        self._live = live
        self._page_rows = page_rows
        self._lives = count(1)
        self._incarnations: dict[InboxKey, int] = {}
        self._revisions: dict[InboxKey, int] = defaultdict(int)
        self._oldest: dict[InboxKey, int] = defaultdict(int)
        self._rows: dict[InboxKey, list[Notification]] = defaultdict(list)
        self._sequences = count(1)

    def commit(
        self,
        key: InboxKey,
        revisions: int = 1,
        *,
        copies: int = 1,
        announced: bool = True,
        channel_id: str = "news",
        body: bytes = b"body",
    ) -> list[Change]:
        """Commits `revisions` revisions of `copies` notifications each.

        Returns their changes, which it announces unless `announced` is false.
        """
        if key not in self._incarnations:
            self._incarnations[key] = next(self._lives)
        changes = []
        for _ in range(revisions):
            self._revisions[key] += 1
            arrived = [
                notification(
                    self._revisions[key], next(self._sequences), channel_id=channel_id, body=body
                )
                for _ in range(copies)
            ]
            self._rows[key] += arrived
            inbox = self._inbox(key)
            changes.append(
                Change(
                    key=key,
                    incarnation=inbox.incarnation,
                    revision=inbox.revision,
                    items=arrived,
                    counters=inbox.counters,
                    channel_counters=self._channel_counters(key),
                )
            )
        if announced:
            self._live.announce(changes)
        return changes

    def be_reborn(self, key: InboxKey) -> None:
        """Begins another life of an inbox: empty, at revision 0."""
        self._incarnations[key] = next(self._lives)
        del self._revisions[key], self._rows[key]

    def prune(self, key: InboxKey, oldest_revision: int) -> None:
        """Forgets the history before a revision."""
        self._oldest[key] = oldest_revision

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; the unborn one for a user never seen."""
        await _give_way()
        return self._inbox(key)

    async def list_notifications(self, query: NotificationQuery) -> Page[Notification]:
        """Returns a page of an inbox's notifications, latest arrival first."""
        await _give_way()
        page = self._page(query)
        self._has_read("list_notifications")
        return page

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        await _give_way()
        head = Head(
            self._inbox(key), self._channel_counters(key), self._page(NotificationQuery(key, limit))
        )
        self._has_read("read_head")
        return head

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position, ordered by (revision, sequence)."""
        await _give_way()
        found = [
            row
            for row in self._rows[key]
            if (row.revision, row.message.sequence) > (after.revision + 1, after.sequence)
        ]
        rows = self._fitting(found, limit)
        inbox = self._inbox(key)
        if len(rows) == len(found):
            position = Position(inbox.revision)
        elif found[len(rows)].revision > rows[-1].revision:
            position = Position(rows[-1].revision)
        else:
            position = Position(rows[-1].revision - 1, rows[-1].message.sequence)
        caught_up = len(rows) == len(found)
        counters = self._channel_counters(key) if caught_up else ()
        self._has_read("read_changes")
        return Replay(inbox, rows, position, caught_up, counters)

    async def read_revisions(self, keys: Sequence[InboxKey]) -> Sequence[tuple[InboxKey, int, int]]:
        """Returns (key, incarnation, revision) of those inboxes that exist."""
        await _give_way()
        self.reads.append("read_revisions")
        return [
            (key, self._incarnations[key], self._revisions[key])
            for key in keys
            if key in self._incarnations
        ]

    def _inbox(self, key: InboxKey) -> Inbox:
        if key not in self._incarnations:
            return Inbox.unborn(key)
        return Inbox(
            key,
            self._incarnations[key],
            self._revisions[key],
            self._oldest[key],
            _counters(len(self._rows[key])),
        )

    def _channel_counters(self, key: InboxKey) -> Sequence[ChannelCounters]:
        channel_ids = sorted(row.message.channel_id for row in self._rows[key])
        return [
            ChannelCounters(channel_id, _counters(len(list(rows))))
            for channel_id, rows in groupby(channel_ids)
        ]

    def _page(self, query: NotificationQuery) -> Page[Notification]:
        rows = sorted(self._rows[query.key], key=lambda row: row.arrive_revision, reverse=True)
        found = [
            row
            for row in rows
            if (not query.after or row.arrive_revision < int(query.after))
            and (not query.channel_ids or row.message.channel_id in query.channel_ids)
            and query.which is not NotificationFilter.READ
        ]
        items = self._fitting(found, query.limit)
        return Page(items, next=str(items[-1].arrive_revision) if len(found) > len(items) else "")

    def _fitting(self, rows: Sequence[Notification], limit: int) -> Sequence[Notification]:
        """The first of the rows: no more than a page holds, and at least one."""
        left = _PAGE_BYTES
        for number, row in enumerate(rows[: min(limit, self._page_rows)]):
            left -= len(row.message.body) + ENVELOPE_BYTES
            if number and left < 0:
                return rows[:number]
        return rows[: min(limit, self._page_rows)]

    def _has_read(self, name: str) -> None:
        self.reads.append(name)
        if self.after_reads:
            self.after_reads.popleft()()


def _counters(count: int) -> Counters:
    return Counters(count, count, count)


async def _give_way() -> None:
    """Lets other tasks run first, as a read of a database does."""
    await asyncio.sleep(0)
