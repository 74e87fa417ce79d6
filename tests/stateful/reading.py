"""A stream's reader: what a client builds from responses, each judged when it comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from tocsin.v1.inbox_pb2 import Mark, Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse

from tests.histories.recording import Counters
from tests.stateful.model import Copy, Inbox, State, Wish, recount_channels
from tests.stateful.promises import (
    LIVE,
    REPLAY,
    SNAPSHOT,
    Broken,
    counters_are_true,
    never_ahead,
    ordered_and_gap_free,
    resumable,
    yours_alone,
)

RECONNECT = SubscribePhase.SUBSCRIBE_PHASE_RECONNECT


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A cursor, and what its client held when it came, complete up to `revision`.

    What arrived below `floor` the client may lack; up to `unsettled` the inbox changed while
    its SNAPSHOT was sent, so that it may hold later changes.
    """

    cursor: str
    user_id: str
    held: State
    revision: int
    floor: int
    unsettled: int


class Reader:
    """One stream of one inbox, from nothing, from a cursor of it, or from a foreign one."""

    def __init__(
        self,
        inbox: Inbox,
        snapshot_size: int,
        point: ResumePoint | None,
        must_lead_on: Callable[[], bool],
    ) -> None:
        self.caught_up = False
        self.revision: int | None = None
        self._inbox = inbox
        self._snapshot_size = snapshot_size
        self._foreign = point is not None and point.user_id != inbox.user_id
        self._must_lead_on = must_lead_on
        self._first = True
        self._part = False
        """Whether it holds a part of a SNAPSHOT."""
        self._counted: dict[str, Counters] = {}
        """The channels' counters since the response that had the inbox's own."""
        self._held: State = {}
        self._floor = 0
        self._unsettled = 0
        if point is not None and not self._foreign:
            self.revision = point.revision
            self._held, self._floor, self._unsettled = point.held, point.floor, point.unsettled

    @property
    def level(self) -> bool:
        """Whether there is nothing more to read."""
        return self.caught_up and self.revision == self._inbox.revision

    def take(self, response: SubscribeResponse, names: Mapping[str, str]) -> ResumePoint | None:
        """Judges a response and takes it in; returns its cursor, if it has one.

        `names` has the message of every notification's id.
        """
        self._judge_place(response)
        if response.phase == SNAPSHOT and not self._part:
            self._held, self._floor, self._unsettled, self._part = {}, 0, 0, True
        found = [change.upserted for change in response.changes if change.HasField("upserted")]
        upserted = ((each.user_id, each.message.message_id) for each in found)
        yours_alone(self._inbox, upserted, {})
        states = self._live_states(response, names) if response.phase == LIVE else []
        ordered_and_gap_free(self._inbox, response, states)
        for change in response.changes:
            self._held = apply(self._held, change, names)
        if response.phase == SNAPSHOT:
            self._unsettled = self._inbox.revision
            self._part = not response.caught_up
            if response.caught_up and len(self._held) >= self._snapshot_size:
                self._floor = min(copy.arrive_revision for copy in self._held.values())
        self.caught_up = response.caught_up or (
            self.caught_up and response.phase not in {SNAPSHOT, REPLAY}
        )
        self.revision = response.revision
        self._judge_state(response)
        never_ahead(response)
        if not response.cursor:
            return None
        return ResumePoint(
            response.cursor,
            self._inbox.user_id,
            self._held,
            response.revision,
            self._floor,
            self._unsettled,
        )

    def _judge_place(self, response: SubscribeResponse) -> None:
        """Judges a stream's first response, and whether each continues the one before."""
        first, self._first = self._first, False
        over = response.phase == SNAPSHOT
        if first and response.phase == RECONNECT:
            return
        if first and self._foreign and not over:
            raise Broken(
                "yours_alone", f"a foreign cursor leads into {self._inbox.user_id}'s inbox"
            )
        if first and self._must_lead_on():  # still: the server may have looked at it just now
            resumable({}, {}, 0, over=over)
        if over and not self._part:
            return
        if self.revision is None or response.after_revision != self.revision:
            never_ahead(response, self.revision if first else None)
            what = f"a response goes on after {response.after_revision}, not {self.revision}"
            raise Broken("ordered_and_gap_free", what)

    def _live_states(self, response: SubscribeResponse, names: Mapping[str, str]) -> list[State]:
        """What the changes make of the inbox, revision by revision."""
        states: dict[int, State] = {}
        for change in response.changes:
            if not 0 < change.revision <= self._inbox.revision:
                break
            before = states.get(change.revision, self._inbox.at[change.revision - 1])
            states[change.revision] = apply(before, change, names)
        return list(states.values())

    def _judge_state(self, response: SubscribeResponse) -> None:
        """Judges the counters that are given, and what is held where that is complete."""
        state = self._inbox.at[response.revision]
        self._counted |= {e.channel_id: Counters.of(e) for e in response.channel_counters}
        if response.HasField("inbox"):
            of_channels, self._counted = self._counted, {}
            counters_are_true(state, Counters.of(response.inbox), of_channels)
            if response.caught_up and of_channels.keys() != recount_channels(state).keys():
                what = f"counters of {sorted(of_channels)} are given, of {sorted(state)} are due"
                raise Broken("counters_are_true", what)
        complete = response.caught_up or response.phase == LIVE
        if complete and response.revision >= self._unsettled:
            resumable(state, self._held, self._floor, over=False)


def copy_of(notification: Notification) -> Copy:
    """What a notification says."""
    return Copy(
        notification.message.message_id,
        notification.message.channel_id,
        notification.message.title,
        notification.revision,
        notification.arrive_revision,
        _microseconds(notification.receive_time),
        _microseconds(notification.seen_time) if notification.HasField("seen_time") else None,
        _microseconds(notification.read_time) if notification.HasField("read_time") else None,
    )


def apply(held: State, change: NotificationChange, names: Mapping[str, str]) -> State:
    """What is held after a change."""
    kind = change.WhichOneof("kind")
    if kind == "upserted":
        copy = copy_of(change.upserted)
        return {**held, copy.message_id: copy}
    if kind == "removed":
        gone = names[change.removed]
        return {message_id: copy for message_id, copy in held.items() if message_id != gone}
    wish = _wish(change.marked)
    return {message_id: wish.of(copy) for message_id, copy in held.items()}


def _wish(mark: Mark) -> Wish:
    selector = mark.selector
    return Wish(
        None,
        None if selector.all else frozenset(selector.channel_ids.channel_ids),
        selector.up_to_revision,
        mark.read if mark.HasField("read") else None,
        mark.seen if mark.HasField("seen") else None,
        _microseconds(mark.mark_time),
    )


def _microseconds(time: Timestamp) -> int:
    return time.ToMicroseconds()
