"""A history: what callers did, what streams delivered, and what the server has in the end.

Every record carries a tick, a number that grows with each event, so that "before" means that one
thing ended before the other began. The recorder belongs to one event loop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import count

from tocsin.v1.inbox_pb2 import ChannelCounters, Inbox, Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import (
    SubscribePhase,
    SubscribeResponse,
    UpdateNotificationsResponse,
)
from tocsin.v1.message_service_pb2 import SendMessageResponse

REQUEST_ID_LABEL = "request_id"
"""The label by which a sender marks its message: it alone identifies an arrival."""


class Phase(Enum):
    """Where a stream is when it delivers."""

    SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY
    LIVE = SubscribePhase.SUBSCRIBE_PHASE_LIVE
    HEARTBEAT = SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT
    RECONNECT = SubscribePhase.SUBSCRIBE_PHASE_RECONNECT


@dataclass(frozen=True, slots=True)
class Counters:
    """How many notifications there are, how many of them unread, how many unseen."""

    total: int
    unread: int
    unseen: int

    @classmethod
    def of(cls, counted: Inbox | ChannelCounters) -> "Counters":
        """The counts of an inbox, or of a channel in it."""
        return cls(counted.total_count, counted.unread_count, counted.unseen_count)


@dataclass(frozen=True, slots=True)
class Copy:
    """A notification, as far as the properties ask."""

    notification_id: str
    message_id: str
    request_id: str
    channel_id: str
    revision: int
    arrive_revision: int
    seen: bool = False
    read: bool = False

    @classmethod
    def of(cls, notification: Notification) -> "Copy":
        """What a notification of the server says."""
        message = notification.message
        return cls(
            notification.notification_id,
            message.message_id,
            message.labels.get(REQUEST_ID_LABEL, ""),
            message.channel_id,
            notification.revision,
            notification.arrive_revision,
            notification.HasField("seen_time"),
            notification.HasField("read_time"),
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """A notification that left its inbox."""

    notification_id: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark by a selector: of channels, or of all when there are none."""

    channel_ids: tuple[str, ...]
    up_to_revision: int
    read: bool | None
    seen: bool | None

    def fits(self, copy: Copy) -> bool:
        """Whether it is about a notification."""
        of_channel = not self.channel_ids or copy.channel_id in self.channel_ids
        return of_channel and copy.arrive_revision <= self.up_to_revision


Change = Copy | Removed | Marked
"""What one revision did, or one of the things that it did; a copy stands as it is given."""


def marked(copy: Copy, read: bool | None, seen: bool | None) -> Copy:
    """A notification after a mark that is about it, by the rules that the protos give."""
    unread, unseen = read is False or seen is False, seen is False
    return replace(
        copy,
        seen=bool(copy.seen or read or seen) and not unseen,
        read=bool(copy.read or read) and not unread,
    )


def change_of(change: NotificationChange) -> Change:
    """What a change of the server says."""
    kind = change.WhichOneof("kind")
    if kind == "removed":
        return Removed(change.removed)
    if kind == "marked":
        mark = change.marked
        return Marked(
            tuple(mark.selector.channel_ids.channel_ids),
            mark.selector.up_to_revision,
            mark.read if mark.HasField("read") else None,
            mark.seen if mark.HasField("seen") else None,
        )
    assert kind == "upserted"
    return Copy.of(change.upserted)


@dataclass(frozen=True, slots=True)
class Response:
    """One response of a stream. `changes` holds (revision, the change)."""

    phase: Phase
    after_revision: int
    revision: int
    changes: tuple[tuple[int, Change], ...] = ()
    counters: Counters | None = None
    counters_revision: int = 0
    channel_counters: Mapping[str, Counters] = field(default_factory=dict)
    cursor: str = ""
    caught_up: bool = False

    @classmethod
    def of(cls, response: SubscribeResponse) -> "Response":
        """What a response of the server says."""
        return cls(
            Phase(response.phase),
            response.after_revision,
            response.revision,
            tuple((change.revision, change_of(change)) for change in response.changes),
            Counters.of(response.inbox) if response.HasField("inbox") else None,
            response.inbox.revision,
            {each.channel_id: Counters.of(each) for each in response.channel_counters},
            response.cursor,
            response.caught_up,
        )


@dataclass(slots=True)
class Stream:
    """One stream: its request, and what it delivered."""

    cursor: str
    snapshot_size: int
    responses: list[Response] = field(default_factory=list)


@dataclass(slots=True)
class Subscriber:
    """Who follows one inbox, over as many streams as it takes, one after the other."""

    user_id: str
    streams: list[Stream] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """An OK that a sender got."""

    message_id: str
    accepted_count: int


@dataclass(slots=True)
class Send:
    """A send, with all its attempts: unknown until an answer or a definite error came.

    `batch` and `place` are those of a batch's item: its items commit in their order.
    """

    request_id: str
    channel_id: str
    recipients: tuple[str, ...]
    sent_at: int
    batch: str = ""
    place: int = 0
    answers: list[Answer] = field(default_factory=list)
    answered_at: int | None = None
    failure: str = ""


@dataclass(slots=True)
class Marking:
    """A mark, with all its attempts: by ids, or else by the selector `marked`.

    `answers` holds (revision, how many changed).
    """

    request_id: str
    user_id: str
    notification_ids: tuple[str, ...]
    marked: Marked
    answers: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Final:
    """An inbox in the end: as GetInbox and ListNotifications (in its order) read it."""

    revision: int
    counters: Counters
    copies: tuple[Copy, ...]

    @classmethod
    def of(cls, inbox: Inbox, notifications: Iterable[Notification]) -> "Final":
        """What the server's answers say."""
        return cls(inbox.revision, Counters.of(inbox), tuple(map(Copy.of, notifications)))

    @classmethod
    def held(cls, inbox: Inbox, notifications: Iterable[Notification]) -> "Final":
        """What a client holds, in the order of lists."""
        arrived = sorted(notifications, key=lambda each: each.arrive_revision, reverse=True)
        return cls.of(inbox, arrived)


@dataclass(slots=True)
class History:
    """All that happened: sends and marks by request id, subscribers, final inboxes by user.

    `deleting` has the channels whose deletion began, `deleted` those of them whose
    deletion was answered with OK.
    """

    sends: dict[str, Send] = field(default_factory=dict)
    markings: dict[str, Marking] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    subscribers: list[Subscriber] = field(default_factory=list)
    finals: dict[str, Final] = field(default_factory=dict)


class Recorder:
    """Writes a history while it happens."""

    def __init__(self) -> None:
        self.history = History()
        self.acknowledged = 0
        """How many sends were answered with OK, each counted once."""
        self._tick: Callable[[], int] = count(1).__next__

    def sending(
        self,
        request_id: str,
        channel_id: str,
        recipients: Sequence[str],
        *,
        batch: str = "",
        place: int = 0,
    ) -> None:
        """A send begins; a later attempt with the same request id is part of it."""
        if request_id not in self.history.sends:
            self.history.sends[request_id] = Send(
                request_id, channel_id, tuple(recipients), self._tick(), batch, place
            )

    def answered(self, request_id: str, response: SendMessageResponse) -> None:
        """A send was answered with OK."""
        send = self.history.sends[request_id]
        send.answers.append(Answer(response.message.message_id, response.accepted_count))
        if send.answered_at is None:
            send.answered_at = self._tick()
            self.acknowledged += 1

    def failed(self, request_id: str, failure: str) -> None:
        """A send was answered with an error that says that nothing was stored."""
        self.history.sends[request_id].failure = failure

    def marking(self, marking: Marking) -> None:
        """A mark begins."""
        self.history.markings[marking.request_id] = marking

    def marked(self, request_id: str, response: UpdateNotificationsResponse) -> None:
        """A mark was answered with OK."""
        answer = response.inbox.revision, response.updated_count
        self.history.markings[request_id].answers.append(answer)

    def deleting(self, channel_id: str) -> None:
        """The deletion of a channel begins."""
        self.history.deleting.add(channel_id)

    def deleted(self, channel_id: str) -> None:
        """The deletion of a channel was answered with OK."""
        self.history.deleted.add(channel_id)

    def subscribing(self, user_id: str) -> Subscriber:
        """A subscriber begins to follow an inbox."""
        subscriber = Subscriber(user_id)
        self.history.subscribers.append(subscriber)
        return subscriber

    def opening(self, subscriber: Subscriber, cursor: str, snapshot_size: int) -> Stream:
        """A stream is opened, from a cursor or, with an empty one, from the start."""
        stream = Stream(cursor, snapshot_size)
        subscriber.streams.append(stream)
        return stream

    def received(self, stream: Stream, proto: SubscribeResponse) -> Response:
        """A stream delivered a response."""
        response = Response.of(proto)
        stream.responses.append(response)
        return response

    def ended(self, user_id: str, final: Final) -> None:
        """An inbox was read when everything was over."""
        self.history.finals[user_id] = final
