"""The proof that a client of one inbox has missed nothing, from its responses alone.

A response covers the revisions in (`after_revision`, `revision`]. After the response before it, the
client was complete up to some revision. The proof holds as long as every response begins exactly
there, also across streams, and carries the changes of all revisions that it covers. Only a SNAPSHOT
may begin at another revision, because it replaces everything. Until its last response the client
holds a part of it, and no stream may resume from that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby, islice, pairwise

from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse

_SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
_REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY
_LIVE = SubscribePhase.SUBSCRIBE_PHASE_LIVE
_IDLE = {SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT, SubscribePhase.SUBSCRIBE_PHASE_RECONNECT}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one response proves."""

    starts_over: bool
    """It is the first of a SNAPSHOT: the client drops what it held before."""
    resumable: bool
    """Its cursor stands for what the client holds with it."""
    violations: tuple[str, ...]
    """The rules it breaks, each in one sentence."""


class _Held(Enum):
    NOTHING = auto()
    PART = auto()  # of a SNAPSHOT
    WHOLE = auto()


class Contiguity:
    """Checks one inbox's responses, over as many streams as it takes."""

    def __init__(self) -> None:
        self._held = _Held.NOTHING
        # The revision at which the next response must begin; None: any, because none is known.
        self._revision: int | None = None
        # `_revision` at the last cursor: a new stream resumes there.
        self._resume_revision: int | None = None

    def open_stream(self, *, resumed: bool) -> None:
        """A new stream begins: from the last cursor, or the caller's at first; or without one."""
        self._held = _Held.WHOLE if resumed else _Held.NOTHING
        self._revision = self._resume_revision if resumed else None

    def take(self, response: SubscribeResponse) -> Verdict:
        """Judges the next response, and continues from its revision even when it is wrong."""
        starts_over = response.phase == _SNAPSHOT and self._held is not _Held.PART
        if starts_over:
            self._held = _Held.PART
            self._revision = self._resume_revision = None
        violations = tuple(self._violations(response))
        if response.phase in {_REPLAY, _LIVE} or (
            response.phase == _SNAPSHOT and response.caught_up
        ):
            self._held = _Held.WHOLE
        self._revision = response.revision
        resumable = bool(response.cursor) and self._held is _Held.WHOLE
        if resumable:
            self._resume_revision = response.revision
        return Verdict(starts_over, resumable, violations)

    def _violations(self, response: SubscribeResponse) -> Iterator[str]:
        after, revision = response.after_revision, response.revision
        if self._revision is not None and after != self._revision:
            yield f"after_revision is {after}, but what came before ended at {self._revision}"
        if revision < after:
            yield f"revision {revision} is less than after_revision {after}"
        if response.cursor and self._covers_part(response):
            yield "a cursor came before the SNAPSHOT was complete"
        if (response.phase == _LIVE or response.caught_up) and response.inbox.revision != revision:
            yield f"the counts are of revision {response.inbox.revision}, not of {revision}"
        if response.phase == _LIVE:
            yield from self._live_violations(response)
        elif response.phase == _REPLAY:
            yield from self._replay_violations(response)
        elif response.phase in _IDLE and (revision != after or response.changes):
            yield "a response that carries nothing moved the revision"

    def _covers_part(self, response: SubscribeResponse) -> bool:
        complete = response.caught_up or response.phase in {_REPLAY, _LIVE}
        return self._held is not _Held.WHOLE and not complete

    def _live_violations(self, response: SubscribeResponse) -> Iterator[str]:
        if self._held is not _Held.WHOLE:
            yield "LIVE came before a SNAPSHOT was complete"
        # Runs of one revision: a revision that is missing, misplaced or split shows here.
        runs = [revision for revision, _ in groupby(c.revision for c in response.changes)]
        expected = range(response.after_revision + 1, response.revision + 1)
        if len(runs) != len(expected) or any(a != b for a, b in zip(runs, expected, strict=True)):
            yield f"LIVE of {_span(response)} carries the revisions {_some(runs)}"

    def _replay_violations(self, response: SubscribeResponse) -> Iterator[str]:
        if self._held is not _Held.WHOLE:
            yield "REPLAY came before a SNAPSHOT was complete"
        revisions = [change.revision for change in response.changes]
        if any(later < earlier for earlier, later in pairwise(revisions)):
            yield f"REPLAY of {_span(response)} is not ordered by revision: {_some(revisions)}"
        # A response may end inside the next revision, but not when it says that it has all.
        last = response.revision if response.caught_up else response.revision + 1
        if outside := [r for r in revisions if not response.after_revision < r <= last]:
            yield f"REPLAY of {_span(response)} carries the revisions {_some(outside)}"


def _span(response: SubscribeResponse) -> str:
    return f"({response.after_revision}, {response.revision}]"


def _some(revisions: list[int], most: int = 10) -> str:
    listed = ", ".join(map(str, islice(revisions, most)))
    return listed + ", …" * (len(revisions) > most) if listed else "none"
