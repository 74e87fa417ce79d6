"""A history: what senders did, what streams delivered, and what the server has in the end.

Every record carries a tick, a number that grows with each event, so that "before" means that one
thing ended before the other began. The recorder belongs to one event loop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from tocsin.v1.inbox_pb2 import ChannelCounters, Inbox, Notification
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse
from tocsin.v1.message_service_pb2 import SendMessageResponse

REQUEST_ID_LABEL = "request_id"
"""The label by which a sender marks its message: what arrived is told from it alone."""


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
class Response:
    """One response of a stream. `changes` holds (revision, the copy as it then stood)."""

    phase: Phase
    after_revision: int
    revision: int
    changes: tuple[tuple[int, Copy], ...] = ()
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
            tuple((change.revision, Copy.of(change.upserted)) for change in response.changes),
            Counters.of(response.inbox) if response.HasField("inbox") else None,
            response.inbox.revision,
            {each.channel_id: Counters.of(each) for each in response.channel_counters},
            response.cursor,
            response.caught_up,
        )


@dataclass(slots=True)
class Stream:
    """One stream: what it was asked for, and what it delivered."""

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
    """All that happened: sends by request id, subscribers, final inboxes by user."""

    sends: dict[str, Send] = field(default_factory=dict)
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

    def subscribing(self, user_id: str) -> Subscriber:
        """Somebody begins to follow an inbox."""
        subscriber = Subscriber(user_id)
        self.history.subscribers.append(subscriber)
        return subscriber

    def opening(self, subscriber: Subscriber, cursor: str, snapshot_size: int) -> Stream:
        """A stream is asked for, from a cursor or, with an empty one, from the start."""
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
