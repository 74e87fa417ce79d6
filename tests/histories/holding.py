"""What a subscriber holds: its streams' responses put together, as a client would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tests.histories.recording import (
    Change,
    Copy,
    Counters,
    Marked,
    Phase,
    Removed,
    Response,
    Stream,
    marked,
)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """The way back to the position of a cursor: so many entries of a log."""

    log: list["_Entry"]
    entries: int
    revision: int
    floor: int
    settled: bool


class _Entry(NamedTuple):
    """A change as it was delivered, with its revision, and whether the stream had reached that.

    It had not when it changed under a SNAPSHOT, which gives it as it stands: then it comes again.
    """

    at: int
    change: Change
    covered: bool


def name_of(at: int, change: Change) -> tuple[str, int]:
    """What tells one delivered change from another: what it is about, and its revision."""
    return "" if isinstance(change, Marked) else change.notification_id, at


class Holding:
    """The state that a subscriber has built, and the ways back to its cursors.

    The log has what was delivered since the last start; resuming from a cursor takes up the log
    as it was when the cursor came.
    """

    def __init__(self) -> None:
        self.copies: dict[str, Copy] = {}
        self.revision: int | None = None
        """Up to where the subscriber is complete; None before anything was delivered."""
        self.whole = False
        """Whether it is: not before the last response of a SNAPSHOT."""
        self.floor = 0
        """Notifications that arrived before it may be missing: the SNAPSHOT was not to hold all."""
        self.delivered: set[tuple[str, int]] = set()
        """The names of the changes delivered, and covered, since the last start."""
        self.settled = True
        """Whether nothing that it holds may be of a later revision than it has reached."""
        self._snapshot_size = 0
        self._log: list[_Entry] = []
        self._counts: dict[str, list[int]] = {}
        self._checkpoints: dict[str, _Checkpoint] = {}

    def open(self, stream: Stream) -> None:
        """A stream begins, from a cursor or from the start.

        Raises:
            ValueError: the subscriber never got the cursor.
        """
        self._snapshot_size = stream.snapshot_size
        self._start_over()
        if not stream.cursor:
            return
        if (checkpoint := self._checkpoints.get(stream.cursor)) is None:
            raise ValueError(f"nobody gave the cursor {stream.cursor!r}")
        for entry in checkpoint.log[: checkpoint.entries]:
            self._hold(entry)
        self.revision = checkpoint.revision
        self.floor = checkpoint.floor
        self.settled = checkpoint.settled
        self.whole = True

    def starts_over(self, response: Response) -> bool:
        """Whether a response is the first of a SNAPSHOT."""
        return response.phase is Phase.SNAPSHOT and (self.whole or self.revision is None)

    def take(self, response: Response) -> set[str]:
        """Applies a response; returns the channels that it changed."""
        starts_over = self.starts_over(response)
        if starts_over:
            self._start_over()
        snapshot = response.phase is Phase.SNAPSHOT
        touched: set[str] = set()
        for at, change in response.changes:
            covered = not snapshot or at <= response.revision
            touched |= self._hold(_Entry(at, change, covered))
        if snapshot:
            # Later pages give what they hold as it stands by then.
            self.settled = self.settled and starts_over
            self.whole = response.caught_up
            if response.caught_up and len(self.copies) >= self._snapshot_size:
                self.floor = min(copy.arrive_revision for copy in self.copies.values())
        elif response.phase in {Phase.REPLAY, Phase.LIVE}:
            self.whole = True
        self.revision = response.revision
        if response.cursor:
            self._checkpoints[response.cursor] = _Checkpoint(
                self._log, len(self._log), response.revision, self.floor, self.settled
            )
        return touched

    def given_at(self, cursor: str) -> int | None:
        """The revision of the response of this log that gave a cursor before."""
        checkpoint = self._checkpoints.get(cursor)
        return checkpoint.revision if checkpoint and checkpoint.log is self._log else None

    def counters(self) -> Counters:
        """Counters recounted from the state."""
        counts = list(self._counts.values())
        return Counters(*(sum(column) for column in zip((0, 0, 0), *counts, strict=True)))

    def channel_counters(self) -> Mapping[str, Counters]:
        """Counters recounted from the state, by channel."""
        return {
            channel_id: Counters(*counts)
            for channel_id, counts in self._counts.items()
            if counts[0]
        }

    def _start_over(self) -> None:
        self._log = []
        self._counts = {}
        self.copies = {}
        self.delivered = set()
        self.revision = None
        self.floor = 0
        self.whole = False
        self.settled = True

    def _hold(self, entry: _Entry) -> set[str]:
        """Applies a change; returns the channels that it changed."""
        self._log.append(entry)
        change = entry.change
        if entry.covered:
            self.delivered.add(name_of(entry.at, change))
        if isinstance(change, Copy):
            self._put(change.notification_id, change)
            return {change.channel_id}
        if isinstance(change, Removed):
            before = self.copies.get(change.notification_id)
            self._put(change.notification_id, None)
            return {before.channel_id} if before else set()
        touched = set()
        for name, copy in list(self.copies.items()):
            if change.fits(copy):
                after = marked(copy, change.read, change.seen)
                if after != copy:
                    self._put(name, after)
                    touched.add(copy.channel_id)
        return touched

    def _put(self, notification_id: str, copy: Copy | None) -> None:
        """Holds a notification in the place of the one of its id, or none."""
        if (before := self.copies.pop(notification_id, None)) is not None:
            self._count(before, -1)
        if copy is not None:
            self._count(copy, 1)
            self.copies[notification_id] = copy

    def _count(self, copy: Copy, by: int) -> None:
        counts = self._counts.setdefault(copy.channel_id, [0, 0, 0])
        counts[0] += by
        counts[1] += by * (not copy.read)
        counts[2] += by * (not copy.seen)
