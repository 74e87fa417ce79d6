"""An inbox store in memory, small enough to be right by looking at it, and to be scripted."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, Notification, NotificationFilter
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Head, Replay
from tocsin_server.domain.ports.live import Live

from tests.support.building import notification


class MemoryInboxes:
    """Implements `tocsin_server.domain.ports.history.InboxHistory`.

    What stands in `after_reads` is called once each, in order, behind the next
    reads of rows: what a follower does not know yet when it has its answer.
    """

    def __init__(self, live: Live, *, page_rows: int = 1_000, epoch: int = 1) -> None:
        self.epoch = epoch
        self.reads: list[str] = []
        self.after_reads: deque[Callable[[], object]] = deque()
        self._live = live
        self._page_rows = page_rows
        self._incarnations: dict[InboxKey, int] = {}
        self._revisions: dict[InboxKey, int] = defaultdict(int)
        self._oldest: dict[InboxKey, int] = defaultdict(int)
        self._rows: dict[InboxKey, list[Notification]] = defaultdict(list)
        self._sequence = 0

    def commit(
        self, key: InboxKey, revisions: int = 1, *, copies: int = 1, announced: bool = True
    ) -> list[Change]:
        """Commits so many revisions of so many notifications each, and announces them or not."""
        self._incarnations.setdefault(key, 1)
        changes = []
        for _ in range(revisions):
            self._revisions[key] += 1
            arrived = []
            for _ in range(copies):
                self._sequence += 1
                arrived.append(notification(self._revisions[key], self._sequence))
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
        self._incarnations[key] += 1
        del self._revisions[key], self._rows[key]

    def prune(self, key: InboxKey, oldest_revision: int) -> None:
        """Forgets the history before a revision."""
        self._oldest[key] = oldest_revision

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; the unborn one for a user never seen."""
        return self._inbox(key)

    async def list_notifications(
        self,
        key: InboxKey,
        channel_ids: Sequence[str],
        which: NotificationFilter,
        after: str,
        limit: int,
    ) -> Page[Notification]:
        """Returns up to `limit` notifications, latest arrival first, from a page key on."""
        assert not channel_ids
        assert which is NotificationFilter.ALL
        page = self._page(key, after, limit)
        self._has_read("list_notifications")
        return page

    async def read_head(self, key: InboxKey, limit: int) -> Head:
        """Returns the inbox, all its channels' counters and its newest notifications."""
        head = Head(self._inbox(key), self._channel_counters(key), self._page(key, "", limit))
        self._has_read("read_head")
        return head

    async def read_changes(self, key: InboxKey, after: Position, limit: int) -> Replay:
        """Returns what was last changed after a position, ordered by (revision, sequence)."""
        found = [
            row
            for row in self._rows[key]
            if (row.revision, row.message.sequence) > (after.revision + 1, after.sequence)
        ]
        rows = found[: min(limit, self._page_rows)]
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
        self.reads.append("read_revisions")
        return [
            (key, self._incarnations[key], self._revisions[key])
            for key in keys
            if key in self._incarnations
        ]

    def _inbox(self, key: InboxKey) -> Inbox:
        if key not in self._incarnations:
            return Inbox.unborn(key)
        count = len(self._rows[key])
        return Inbox(
            key,
            self._incarnations[key],
            self._revisions[key],
            self._oldest[key],
            Counters(count, count, count),
        )

    def _channel_counters(self, key: InboxKey) -> Sequence[ChannelCounters]:
        count = len(self._rows[key])
        return [ChannelCounters("news", Counters(count, count, count))] if count else []

    def _page(self, key: InboxKey, after: str, limit: int) -> Page[Notification]:
        rows = sorted(self._rows[key], key=lambda row: row.arrive_revision, reverse=True)
        if after:
            rows = [row for row in rows if row.arrive_revision < int(after)]
        items = rows[: min(limit, self._page_rows)]
        return Page(items, next=str(items[-1].arrive_revision) if len(rows) > len(items) else "")

    def _has_read(self, name: str) -> None:
        self.reads.append(name)
        if self.after_reads:
            self.after_reads.popleft()()
