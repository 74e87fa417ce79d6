"""The hub: announces committed changes to the streams of this process.

A watch is synced or behind. A synced watch takes the change with the next revision.
Anything else (a gap, another incarnation of the inbox, more than fits a response)
makes it behind, and its stream reads the store. While behind it keeps the latest
contiguous changes, so that a stream that has read the store up to or into them
continues with them. Everything in the hub is also in the store, so it may lose any change.
(etcd's watchable store works in this way.)

Everything here runs on the event loop, except `Hub.watches`.
"""

from asyncio import Future, get_running_loop
from collections.abc import Iterable, Sequence

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.errors import ServerStopping, TooManyStreams
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.limits import RESPONSE_BYTES, STREAMS_A_USER

PENDING_BYTES = RESPONSE_BYTES * 3 // 4
PENDING_CHANGES = 1_000


class HubWatch:
    """One stream's watch of one inbox. See `tocsin_server.domain.ports.live.Watch`.

    Invariants: the revisions of `_pending` are contiguous, and the changes fit one
    response. While synced, they continue `_revision`. `_latest` is the latest
    (incarnation, revision) announced since the last `synced_to`.
    """

    __slots__ = (
        "_bytes",
        "_hub",
        "_incarnation",
        "_key",
        "_latest",
        "_pending",
        "_revision",
        "_waiter",
        "behind",
        "closed",
        "stopping",
    )

    def __init__(self, hub: "Hub", key: InboxKey) -> None:
        self._hub = hub
        self._key = key
        self.behind = True
        self.stopping = False
        self.closed = False
        self._incarnation = 0
        self._revision = 0
        self._latest: tuple[int, int] | None = None
        self._pending: list[Change] = []
        self._bytes = 0
        self._waiter: Future[bool] | None = None

    def offer(self, change: Change) -> None:
        """Adds a committed change to the pending ones, or falls behind."""
        incarnation, revision = self._end()
        same_incarnation = change.incarnation == incarnation or revision == 0
        if same_incarnation and change.revision <= revision:
            return
        size = change.size
        if size > PENDING_BYTES:
            self.hear_of(change.incarnation, change.revision)
            return
        if not (
            same_incarnation
            and change.revision == revision + 1
            and len(self._pending) < PENDING_CHANGES
            and self._bytes + size <= PENDING_BYTES
        ):
            self._fall_behind()
        self._pending.append(change)
        self._bytes += size
        self._note(change.incarnation, change.revision)

    def hear_of(self, incarnation: int, revision: int) -> None:
        """Falls behind if the inbox is at a revision that the watch does not have."""
        known_incarnation, known_revision = self._end()
        if incarnation != known_incarnation or revision > known_revision:
            self._fall_behind()
            self._note(incarnation, revision)

    def synced_to(self, incarnation: int, revision: int) -> None:
        """Records that the stream has delivered everything up to `revision`.

        The watch is behind again if a later revision was announced that is not pending.
        The next read of the store covers it, because it begins after the announcement.
        """
        latest, self._latest = self._latest, None
        self._incarnation, self._revision = incarnation, revision
        pending = [
            change
            for change in self._pending
            if change.incarnation == incarnation and change.revision > revision
        ]
        if pending and pending[0].revision != revision + 1:
            pending = []
        self._pending = pending
        self._bytes = sum(change.size for change in pending)
        self.behind = latest is not None and (
            latest[0] != incarnation or latest[1] > self._end()[1]
        )

    def take(self) -> Sequence[Change]:
        """Returns and forgets the pending changes."""
        taken = self._pending
        if taken:
            self._incarnation, self._revision = taken[-1].incarnation, taken[-1].revision
            self._pending = []
            self._bytes = 0
        return taken

    async def wait(self, seconds: float) -> bool:
        """Returns True when there is something to do, or False after `seconds`."""
        if self._pending or self.behind or self.stopping or self.closed:
            return True
        loop = get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(seconds, _expire, waiter)
        try:
            is_ready: bool = await waiter
            return is_ready
        finally:
            timer.cancel()
            self._waiter = None

    def stop(self) -> None:
        """Notifies the stream that the server is about to stop."""
        self.stopping = True
        self._wake()

    def close(self) -> None:
        """Ends the watch; may be called again."""
        if not self.closed:
            self.closed = True
            self._hub.forget(self, self._key)
            self._wake()

    def _end(self) -> tuple[int, int]:
        """Returns the incarnation and revision that the next change must continue."""
        if self._pending:
            return self._pending[-1].incarnation, self._pending[-1].revision
        return self._incarnation, self._revision

    def _fall_behind(self) -> None:
        self.behind = True
        self._pending = []
        self._bytes = 0

    def _note(self, incarnation: int, revision: int) -> None:
        """Records the latest announced revision, and wakes the stream."""
        latest = self._latest
        if latest is None or latest[0] != incarnation or latest[1] < revision:
            self._latest = (incarnation, revision)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)


class Hub:
    """All watches of this process, by inbox. See `tocsin_server.domain.ports.live.Live`."""

    def __init__(self, max_streams: int, streams_a_user: int = STREAMS_A_USER) -> None:
        self._max_streams = max_streams
        self._streams_a_user = streams_a_user
        self._watches: dict[InboxKey, tuple[HubWatch, ...]] = {}
        self._streams = 0
        self._stopping = False

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._streams

    @property
    def keys(self) -> Sequence[InboxKey]:
        """The watched inboxes."""
        return list(self._watches)

    def watch(self, key: InboxKey) -> HubWatch:
        """Returns a new watch, which sees every change announced from now on."""
        if self._stopping:
            raise ServerStopping
        if self._streams >= self._max_streams:
            raise TooManyStreams(scope="server", limit=str(self._max_streams))
        watches = self._watches.get(key, ())
        if len(watches) >= self._streams_a_user:
            raise TooManyStreams(scope="user", limit=str(self._streams_a_user))
        watch = HubWatch(self, key)
        self._watches[key] = (*watches, watch)
        self._streams += 1
        return watch

    def watches(self, key: InboxKey) -> bool:
        """Whether the inbox is watched; may be called from any thread."""
        return key in self._watches

    def announce(self, changes: Sequence[Change]) -> None:
        """Passes committed changes to the watches of their inboxes."""
        for change in changes:
            for watch in self._watches.get(change.key, ()):
                if change.items is None:
                    watch.hear_of(change.incarnation, change.revision)
                else:
                    watch.offer(change)

    def hear_of(self, revisions: Iterable[tuple[InboxKey, int, int]]) -> None:
        """Passes the current (key, incarnation, revision) of inboxes to their watches."""
        for key, incarnation, revision in revisions:
            for watch in self._watches.get(key, ()):
                watch.hear_of(incarnation, revision)

    def stop(self) -> None:
        """Refuses new streams, and notifies open ones that the server is about to stop."""
        self._stopping = True
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.stop()

    def forget(self, watch: HubWatch, key: InboxKey) -> None:
        """Removes a watch that has ended."""
        remaining = tuple(other for other in self._watches[key] if other is not watch)
        if remaining:
            self._watches[key] = remaining
        else:
            del self._watches[key]
        self._streams -= 1


def _expire(waiter: "Future[bool]") -> None:
    if not waiter.done():
        waiter.set_result(False)
