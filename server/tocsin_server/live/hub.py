"""The hub: tells this process's streams of committed changes.

A watch is synced or behind. Synced, it takes the change that continues what it
has; anything else (a gap, another life of the inbox, more than a response
holds) makes it behind, and its stream reads the store. While behind it keeps
the latest changes that follow one another, so that a stream which has read up
to just before them, or into them, goes on from there. The hub holds nothing
that the store does not, and may forget anything. (etcd's watchable store works
in this way.)

Everything here runs on the event loop, but for `Hub.watches`.
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

    Invariants: the revisions of `_pending` follow one another without a gap,
    and it fits one response. While synced, it continues `_revision`. `_heard`
    is the latest (incarnation, revision) heard of since the last `synced_to`.
    """

    __slots__ = (
        "_bytes",
        "_heard",
        "_hub",
        "_incarnation",
        "_key",
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
        self._heard: tuple[int, int] | None = None
        self._pending: list[Change] = []
        self._bytes = 0
        self._waiter: Future[bool] | None = None

    def offer(self, change: Change) -> None:
        """Takes a committed change, or falls behind."""
        incarnation, revision = self._end()
        same_life = change.incarnation == incarnation or revision == 0
        if same_life and change.revision <= revision:
            return
        size = change.size
        if size > PENDING_BYTES:
            self.hear_of(change.incarnation, change.revision)
            return
        if not (
            same_life
            and change.revision == revision + 1
            and len(self._pending) < PENDING_CHANGES
            and self._bytes + size <= PENDING_BYTES
        ):
            self._fall_behind()
        self._pending.append(change)
        self._bytes += size
        self._hear(change.incarnation, change.revision)

    def hear_of(self, incarnation: int, revision: int) -> None:
        """Takes word that the inbox has come to a revision."""
        known_incarnation, known_revision = self._end()
        if incarnation != known_incarnation or revision > known_revision:
            self._fall_behind()
            self._hear(incarnation, revision)

    def synced_to(self, incarnation: int, revision: int) -> None:
        """Says that the stream has everything up to `revision`.

        It is behind again when what was heard of meanwhile is not pending. One
        more reading of the store then covers it, as it begins later.
        """
        heard, self._heard = self._heard, None
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
        self.behind = heard is not None and (heard[0] != incarnation or heard[1] > self._end()[1])

    def take(self) -> Sequence[Change]:
        """Returns and forgets the pending changes."""
        taken = self._pending
        if taken:
            self._incarnation, self._revision = taken[-1].incarnation, taken[-1].revision
            self._pending = []
            self._bytes = 0
        return taken

    async def wait(self, seconds: float) -> bool:
        """Returns True once there is something to do, False after so many seconds."""
        if self._pending or self.behind or self.stopping or self.closed:
            return True
        loop = get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(seconds, _expire, waiter)
        try:
            something: bool = await waiter
            return something
        finally:
            timer.cancel()
            self._waiter = None

    def stop(self) -> None:
        """Says that the server is about to stop."""
        self.stopping = True
        self._wake()

    def close(self) -> None:
        """Ends the watch; may be called again."""
        if not self.closed:
            self.closed = True
            self._hub.forget(self, self._key)
            self._wake()

    def _end(self) -> tuple[int, int]:
        """The incarnation and revision that the next change has to continue."""
        if self._pending:
            return self._pending[-1].incarnation, self._pending[-1].revision
        return self._incarnation, self._revision

    def _fall_behind(self) -> None:
        self.behind = True
        self._pending = []
        self._bytes = 0

    def _hear(self, incarnation: int, revision: int) -> None:
        """Remembers the latest word, and has the stream look."""
        heard = self._heard
        if heard is None or heard[0] != incarnation or heard[1] < revision:
            self._heard = (incarnation, revision)
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
        """The inboxes that somebody watches."""
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
        """Tells whether anybody watches the inbox; any thread may ask."""
        return key in self._watches

    def announce(self, changes: Sequence[Change]) -> None:
        """Tells the watches of committed changes."""
        for change in changes:
            for watch in self._watches.get(change.key, ()):
                if change.items is None:
                    watch.hear_of(change.incarnation, change.revision)
                else:
                    watch.offer(change)

    def hear_of(self, revisions: Iterable[tuple[InboxKey, int, int]]) -> None:
        """Tells the watches how far (key, incarnation, revision) inboxes have come."""
        for key, incarnation, revision in revisions:
            for watch in self._watches.get(key, ()):
                watch.hear_of(incarnation, revision)

    def stop(self) -> None:
        """Takes no more streams, and tells those that are open to reconnect."""
        self._stopping = True
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.stop()

    def forget(self, watch: HubWatch, key: InboxKey) -> None:
        """Drops a watch that has ended."""
        left = tuple(other for other in self._watches[key] if other is not watch)
        if left:
            self._watches[key] = left
        else:
            del self._watches[key]
        self._streams -= 1


def _expire(waiter: "Future[bool]") -> None:
    if not waiter.done():
        waiter.set_result(False)
