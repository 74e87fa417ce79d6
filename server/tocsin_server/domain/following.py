"""Following an inbox: snapshot, replay, and live, without a gap.

A follower is synced or behind. It registers its watch before it reads the store,
so a change that commits in between is either read or announced. While behind, it
reads the store from its position, page by page, until a page ends at the head; from
there its watch continues. While synced, it delivers the pending changes of the watch.
The watch may lose changes, but never silently: then the follower is behind again and
reads them from the store. So the store alone decides what a stream delivers, and the
watch only when. (etcd's synced and unsynced watchers work in this way.)
"""

from asyncio import Task, create_task
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tocsin_server.domain.model.changes import Change, size_of_counters
from tocsin_server.domain.model.counters import ChannelCounters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.inboxes import Inbox, Notification, NotificationQuery
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.model.streams import Phase, Replay, Response, Subscription
from tocsin_server.domain.ports.history import InboxHistory
from tocsin_server.domain.ports.live import Live, Watch

PAGE_ROWS = 1_000

HEARTBEAT_JITTER = 0.1
"""By which part of its interval a heartbeat comes early at most.

Streams that returned together would otherwise tick together for ever.
"""
RECONNECT_SECONDS = 1.0
"""Over how long the streams of a server that stops spread their return."""

COUNTERS_BYTES_BESIDE = RESPONSE_BYTES // 16
"""How many bytes of channels' counters fit beside a page of rows."""
COUNTERS_BYTES_ALONE = RESPONSE_BYTES * 15 // 16
"""How many bytes of channels' counters fit a response that has no rows."""


@dataclass(slots=True)
class _Ending:
    """The end of a SNAPSHOT or REPLAY: its head, and the counters that are left to deliver.

    `delivered` is the number of counters that earlier responses have.
    """

    phase: Phase
    inbox: Inbox
    channel_counters: Sequence[ChannelCounters]
    delivered: int = 0


@dataclass(slots=True)
class _Snapshot:
    """A snapshot in progress: the head that it shows, and what is left to deliver."""

    inbox: Inbox
    channel_counters: Sequence[ChannelCounters]
    page: Page[Notification] | None
    left: int
    after_revision: int = 0
    after: str = ""


class Follower:
    """One stream: `next` returns its responses, one after the other."""

    __slots__ = (
        "_ahead",
        "_caught_up",
        "_cursor",
        "_digest",
        "_ending",
        "_opened",
        "_random",
        "_revision",
        "_snapshot",
        "_store",
        "_subscription",
        "_watch",
    )

    def __init__(
        self,
        store: InboxHistory,
        live: Live,
        subscription: Subscription,
        random: Callable[[], float],
    ) -> None:
        """Registers the watch; raises what `Live.watch` raises.

        `random` returns a number from 0 to 1, another one at each call.
        """
        self._store = store
        self._subscription = subscription
        self._random = random
        self._digest = subscription.key.digest()
        cursor = subscription.cursor
        foreign = cursor is not None and not cursor.is_of(store.epoch, self._digest)
        self._cursor = None if foreign else cursor
        """The cursor of the last response; None until a snapshot is complete."""
        self._snapshot: _Snapshot | None = None
        self._ending: _Ending | None = None
        """The counters that did not fit the responses so far; they are next."""
        self._revision = cursor.position.revision if cursor else 0
        """The `revision` of the last response, at first that of the subscriber's cursor."""
        self._ahead: Task[Replay] | None = None
        """The page behind the last one, read while that one is sent."""
        self._opened = False
        self._caught_up = False
        """Whether the stream has delivered only live changes since it read the store to its end."""
        self._watch: Watch = live.watch(subscription.key)

    def close(self) -> None:
        """Ends the stream."""
        if self._ahead is not None:
            self._ahead.cancel()
        self._watch.close()

    async def next(self) -> Response | None:
        """Returns the next response as soon as there is one; None at the end.

        The last one is RECONNECT, when the server is about to stop.
        """
        watch = self._watch
        while not watch.closed:
            if watch.stopping:
                return self._reconnect()
            if self._ending is not None:
                return self._continue_ending(self._ending)
            if self._snapshot is not None:
                return await self._continue_snapshot(self._snapshot)
            if self._cursor is None:
                await self._begin_snapshot()
            elif watch.behind:
                if (replay := await self._replay(self._cursor)) is not None:
                    return replay
            elif changes := watch.take():
                return self._go_live(self._cursor, changes)
            elif not await watch.wait(self._heartbeat_seconds()):
                return self._heartbeat(self._cursor)
        return None

    async def _begin_snapshot(self) -> None:
        """Reads the head that the snapshot shows, with its first page."""
        size = self._subscription.snapshot_size
        self._caught_up = False
        head = await self._store.read_head(self._subscription.key, min(size, PAGE_ROWS))
        self._snapshot = _Snapshot(head.inbox, head.channel_counters, head.newest, size)

    async def _continue_snapshot(self, snapshot: _Snapshot) -> Response:
        """Returns the next page of the snapshot; only the last one can be resumed from.

        Later pages hold what arrived up to the head, in the state of their own read. A
        change meanwhile is past the head, and follows.
        """
        page, snapshot.page = snapshot.page, None
        if page is None:
            limit = min(snapshot.left, PAGE_ROWS)
            query = NotificationQuery(self._subscription.key, limit, snapshot.after)
            page = await self._store.list_notifications(query)
        inbox = snapshot.inbox
        response = Response(Phase.SNAPSHOT, snapshot.after_revision, inbox.revision, page.items)
        snapshot.left -= len(page.items)
        if page.next and snapshot.left > 0:
            snapshot.after = page.next
            snapshot.after_revision = self._revision = inbox.revision
            return response
        self._snapshot = None
        self._revision = inbox.revision
        self._end(response, _Ending(Phase.SNAPSHOT, inbox, snapshot.channel_counters))
        return response

    async def _replay(self, cursor: Cursor) -> Response | None:
        """Returns a page of what changed since `cursor`, or None when nothing did.

        Where the history does not continue from the cursor, a snapshot is next.
        """
        ahead, self._ahead = self._ahead, None
        replay = await (ahead or self._read_changes(cursor.position))
        inbox = replay.inbox
        if not cursor.resumes(self._store.epoch, inbox):
            self._cursor = None
            return None
        response = Response(Phase.REPLAY, self._revision, replay.position.revision, replay.items)
        if replay.caught_up and self._caught_up and replay.position == cursor.position:
            self._watch.synced_to(inbox.incarnation, inbox.revision)  # a false alarm
            return None
        self._caught_up = False
        if replay.caught_up:
            self._end(response, _Ending(Phase.REPLAY, inbox, replay.channel_counters))
            return response
        self._come_to(response, inbox.incarnation, replay.position)
        self._ahead = create_task(self._read_changes(replay.position))
        self._ahead.add_done_callback(_retrieve_error)
        return response

    async def _read_changes(self, after: Position) -> Replay:
        return await self._store.read_changes(self._subscription.key, after, PAGE_ROWS)

    def _go_live(self, cursor: Cursor, changes: Sequence[Change]) -> Response:
        """Returns changes that continue the stream, with the counters after the last one."""
        last = changes[-1]
        if len(changes) == 1:
            items, channels = last.items or (), last.channel_counters
        else:
            items = [item for change in changes for item in change.items or ()]
            latest = {c.channel_id: c for change in changes for c in change.channel_counters}
            channels = list(latest.values())
        response = Response(
            Phase.LIVE,
            cursor.position.revision,
            last.revision,
            items,
            last.counters,
            channels,
        )
        self._come_to(response, last.incarnation, Position(last.revision))
        return response

    def _heartbeat_seconds(self) -> float:
        """Returns after how many seconds of silence the next heartbeat comes."""
        return self._subscription.heartbeat_interval * (1 - HEARTBEAT_JITTER * self._random())

    def _heartbeat(self, cursor: Cursor) -> Response:
        """Returns a heartbeat, which repeats the last revision."""
        revision = self._revision
        return Response(Phase.HEARTBEAT, revision, revision, cursor=cursor.encode())

    def _reconnect(self) -> Response:
        """Ends the watch, and returns the response that tells the client when to come back."""
        self._watch.close()
        revision = self._revision
        cursor = self._cursor.encode() if self._opened and self._cursor else ""
        return Response(
            Phase.RECONNECT,
            revision,
            revision,
            cursor=cursor,
            reconnect_delay=RECONNECT_SECONDS * self._random(),
        )

    def _continue_ending(self, ending: _Ending) -> Response:
        """Returns the next counters of an ending that does not fit one response."""
        revision = ending.inbox.revision
        response = Response(ending.phase, revision, revision)
        self._end(response, ending)
        return response

    def _end(self, response: Response, ending: _Ending) -> None:
        """Adds the counters that fit to a response at the head.

        With the last of them the stream has caught up, and its watch continues from
        there. Only then can a snapshot be resumed from; a replay can before, because the
        next replay brings all counters again.
        """
        room = COUNTERS_BYTES_BESIDE if response.items else COUNTERS_BYTES_ALONE
        left = ending.channel_counters[ending.delivered :]
        fit = _count_that_fits(left, room)
        response.channel_counters = left[:fit]
        ending.delivered += fit
        inbox = ending.inbox
        if fit < len(left):
            self._ending = ending
            if ending.phase is Phase.REPLAY:
                self._come_to(response, inbox.incarnation, Position(inbox.revision))
            return
        self._ending = None
        response.caught_up = self._caught_up = True
        response.counters = inbox.counters
        self._come_to(response, inbox.incarnation, Position(inbox.revision))
        self._watch.synced_to(inbox.incarnation, inbox.revision)

    def _come_to(self, response: Response, incarnation: int, position: Position) -> None:
        """Moves the stream's cursor to the end of the response."""
        self._opened = True
        self._revision = position.revision
        self._cursor = Cursor(self._store.epoch, incarnation, self._digest, position)
        response.cursor = self._cursor.encode()


def _count_that_fits(channel_counters: Sequence[ChannelCounters], room: int) -> int:
    """Returns how many of the counters fit into `room` bytes, at least one if there are any."""
    for count, each in enumerate(channel_counters):
        room -= size_of_counters((each,))
        if room < 0:
            return max(count, 1)
    return len(channel_counters)


def _retrieve_error(task: Task[Replay]) -> None:
    """Retrieves the error of a page read ahead, which a stream that ended never will."""
    if not task.cancelled():
        task.exception()
