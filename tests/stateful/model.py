"""The model: what inboxes must hold after any calls, in plain Python.

It decides what each call has to answer, and keeps how every inbox stood at every revision.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.histories.recording import Counters

COPIES_A_STEP = 30
"""How many notifications of a deleted channel one step of its job removes."""


@dataclass(frozen=True, slots=True)
class Send:
    """The request of a send."""

    request_id: str
    channel_id: str
    title: str
    recipients: tuple[str, ...]
    content: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """A notification, by its message. Times are in microseconds since the Unix epoch."""

    message_id: str
    channel_id: str
    title: str
    revision: int
    arrive_revision: int
    receive_time: int
    seen_time: int | None = None
    read_time: int | None = None


State = Mapping[str, Copy]
"""What an inbox holds, by the ids of the messages."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change of state of those notifications that it fits; None is every one, or no wish."""

    message_ids: frozenset[str] | None
    channel_ids: frozenset[str] | None
    up_to_revision: int
    read: bool | None
    seen: bool | None
    time: int

    def fits(self, copy: Copy) -> bool:
        """Whether it is about a notification."""
        if self.message_ids is not None:
            return copy.message_id in self.message_ids
        of_channel = self.channel_ids is None or copy.channel_id in self.channel_ids
        return of_channel and copy.arrive_revision <= self.up_to_revision

    def of(self, copy: Copy) -> Copy:
        """The notification afterwards."""
        if not self.fits(copy):
            return copy
        seen, read = copy.seen_time, copy.read_time
        if self.read:
            read = read or self.time
        if self.read or self.seen:
            seen = seen or self.time
        if self.read is False or self.seen is False:
            read = None
        if self.seen is False:
            seen = None
        return replace(copy, seen_time=seen, read_time=read)


def recount(copies: Iterable[Copy]) -> Counters:
    """The counters that belong to notifications."""
    held = list(copies)
    return Counters(
        len(held),
        sum(copy.read_time is None for copy in held),
        sum(copy.seen_time is None for copy in held),
    )


def recount_channels(state: State) -> dict[str, Counters]:
    """The counters of each channel that something is held of."""
    channels = {copy.channel_id for copy in state.values()}
    return {
        channel_id: recount(copy for copy in state.values() if copy.channel_id == channel_id)
        for channel_id in channels
    }


def listed(state: State) -> list[Copy]:
    """What a state holds, latest arrival first."""
    return sorted(state.values(), key=lambda copy: copy.arrive_revision, reverse=True)


@dataclass(slots=True)
class Inbox:
    """One user's inbox, as it stood at every revision."""

    user_id: str
    at: list[State] = field(default_factory=lambda: [{}])
    times: list[int] = field(default_factory=lambda: [0])
    """When each revision was taken."""

    @property
    def revision(self) -> int:
        """How many changes it has seen."""
        return len(self.at) - 1

    @property
    def now(self) -> State:
        """How it stands."""
        return self.at[-1]

    def arrive(self, message_id: str, send: Send, time: int) -> None:
        """A message arrives: one revision."""
        revision = len(self.at)
        copy = Copy(message_id, send.channel_id, send.title, revision, revision, time)
        self._become({**self.now, message_id: copy}, time)

    def mark(self, wish: Wish) -> int:
        """Applies a wish: one revision, or none when nothing changes. Returns how many did."""
        wished = {message_id: wish.of(copy) for message_id, copy in self.now.items()}
        changed = {name for name, copy in wished.items() if copy != self.now[name]}
        if changed:
            if wish.message_ids is not None:
                at = len(self.at)
                wished |= {name: replace(wished[name], revision=at) for name in changed}
            self._become(wished, wish.time)
        return len(changed)

    def remove(self, message_ids: Collection[str], time: int) -> None:
        """Notifications leave: one revision."""
        left = {name: copy for name, copy in self.now.items() if name not in message_ids}
        self._become(left, time)

    def leads_on_from(self, revision: int, since: int) -> bool:
        """Whether a cursor must: no change after it is from before a time."""
        return revision >= self.revision or self.times[revision + 1] >= since

    def _become(self, state: State, time: int) -> None:
        self.at.append(state)
        self.times.append(time)


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcomes that a send may have."""

    stored: bool = False
    """A message of its own."""
    repeated: str = ""
    """The answer that gave this message."""
    gone: bool = False
    """NOT_FOUND: the channel, or the message with it, is not there."""
    reused: bool = False
    """ALREADY_EXISTS: the request id stands for another send."""


@dataclass(frozen=True, slots=True)
class _Answered:
    send: Send
    message_id: str
    time: int


class World:
    """All channels, messages, inboxes and jobs of one example."""

    def __init__(self, user_ids: Sequence[str], answers_seconds: float) -> None:
        self.inboxes = {user_id: Inbox(user_id) for user_id in user_ids}
        self.channels: set[str] = set()
        self.leaving: list[str] = []
        """Channels that are being deleted, in the order of their turns."""
        self.messages: dict[str, Send] = {}
        """Those that are there, in the order of their commits."""
        self._born: list[str] = []
        """The users that have an inbox, in the order of the inboxes' numbers."""
        self._answered: dict[str, _Answered] = {}
        self._answers_microseconds = round(answers_seconds * 1_000_000)

    def decide(self, send: Send, now: int) -> Decision:
        """Returns the outcomes that a send may have."""
        earlier = self._answered.get(send.request_id)
        if earlier is not None and now - earlier.time <= self._answers_microseconds:
            if earlier.send != send:
                return Decision(reused=True)
            there = earlier.message_id in self.messages
            # While its channel is being deleted, the message goes at some step.
            gone = not there or send.channel_id in self.leaving
            return Decision(repeated=earlier.message_id if there else "", gone=gone)
        known = send.channel_id in self.channels
        return Decision(stored=known, gone=not known)

    def number_inboxes(self, sends: Sequence[Send]) -> None:
        """Sends were answered that were committed together: their new inboxes are in users' order."""
        recipients = {user_id for send in sends for user_id in send.recipients}
        self._born += sorted(recipients.difference(self._born))

    def store(self, send: Send, message_id: str, now: int) -> None:
        """A send was answered with a message of its own."""
        if send.request_id:
            self._answered[send.request_id] = _Answered(send, message_id, now)
        self.messages[message_id] = send
        for user_id in sorted(set(send.recipients)):
            self.inboxes[user_id].arrive(message_id, send, now)

    def is_empty(self, channel_id: str) -> bool:
        """Whether a channel has no messages."""
        return all(send.channel_id != channel_id for send in self.messages.values())

    def delete(self, channel_id: str) -> None:
        """A channel was deleted; one that has messages leaves step by step."""
        self.channels.remove(channel_id)
        if not self.is_empty(channel_id):
            self.leaving.append(channel_id)

    def work(self, now: int) -> bool:
        """Does one step of the deletion whose turn it is; False when there is none."""
        if not self.leaving:
            return False
        channel_id = self.leaving.pop(0)
        copies = [
            (message_id, user_id)
            for message_id, send in self.messages.items()
            for user_id in self._born
            if send.channel_id == channel_id and message_id in self.inboxes[user_id].now
        ][:COPIES_A_STEP]
        for user_id in {user_id for _, user_id in copies}:
            removed = {message_id for message_id, of_user in copies if of_user == user_id}
            self.inboxes[user_id].remove(removed, now)
        if copies:
            self.leaving.append(channel_id)
        else:
            self.messages = {
                message_id: send
                for message_id, send in self.messages.items()
                if send.channel_id != channel_id
            }
        return True
