"""What a subscriber holds: its streams' responses put together, as a client would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tests.histories.recording import Copy, Counters, Phase, Response, Stream


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """The way back to where a cursor was given: so many entries of a log."""

    log: list["_Entry"]
    entries: int
    revision: int
    floor: int


class _Entry(NamedTuple):
    """A notification as it was delivered, and whether the stream had come to its revision.

    It had not when it changed under a SNAPSHOT, which gives it as it stands: then it comes again.
    """

    copy: Copy
    covered: bool


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
        """(notification id, revision) of what was delivered, and covered, since the last start."""
        self._snapshot_size = 0
        self._log: list[_Entry] = []
        self._counts: dict[str, list[int]] = {}
        self._checkpoints: dict[str, _Checkpoint] = {}

    def open(self, stream: Stream) -> None:
        """A stream begins, from a cursor or anew.

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
        self.whole = True

    def starts_over(self, response: Response) -> bool:
        """Whether a response is the first of a SNAPSHOT."""
        return response.phase is Phase.SNAPSHOT and (self.whole or self.revision is None)

    def take(self, response: Response) -> None:
        """Applies a response."""
        if self.starts_over(response):
            self._start_over()
        snapshot = response.phase is Phase.SNAPSHOT
        for at, copy in response.changes:
            self._hold(_Entry(copy, not snapshot or at <= response.revision))
        if snapshot:
            self.whole = response.caught_up
            if response.caught_up and len(self.copies) >= self._snapshot_size:
                self.floor = min(copy.arrive_revision for copy in self.copies.values())
        elif response.phase in {Phase.REPLAY, Phase.LIVE}:
            self.whole = True
        self.revision = response.revision
        if response.cursor:
            self._checkpoints[response.cursor] = _Checkpoint(
                self._log, len(self._log), response.revision, self.floor
            )

    def given_at(self, cursor: str) -> int | None:
        """The revision of the response of this log that gave a cursor before."""
        checkpoint = self._checkpoints.get(cursor)
        return checkpoint.revision if checkpoint and checkpoint.log is self._log else None

    def counters(self) -> Counters:
        """A recount of what is held."""
        counts = list(self._counts.values())
        return Counters(*(sum(column) for column in zip((0, 0, 0), *counts, strict=True)))

    def channel_counters(self) -> Mapping[str, Counters]:
        """A recount of what is held, by channel."""
        return {channel_id: Counters(*counts) for channel_id, counts in self._counts.items()}

    def _start_over(self) -> None:
        self._log = []
        self._counts = {}
        self.copies = {}
        self.delivered = set()
        self.revision = None
        self.floor = 0
        self.whole = False

    def _hold(self, entry: _Entry) -> None:
        copy = entry.copy
        self._log.append(entry)
        if entry.covered:
            self.delivered.add((copy.notification_id, copy.revision))
        if (before := self.copies.get(copy.notification_id)) is not None:
            self._count(before, -1)
        self._count(copy, 1)
        self.copies[copy.notification_id] = copy

    def _count(self, copy: Copy, change: int) -> None:
        counts = self._counts.setdefault(copy.channel_id, [0, 0, 0])
        counts[0] += change
        counts[1] += change * (not copy.read)
        counts[2] += change * (not copy.seen)
