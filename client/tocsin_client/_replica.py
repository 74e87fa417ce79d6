"""A replica of an inbox's notifications, in list order, and the difference that changes make."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from tocsin.v1.inbox_pb2 import Mark, Notification, NotificationChange, NotificationSelector

from tocsin_client._known_changes import kind_of


@dataclass(frozen=True, slots=True)
class InboxChange:
    """The difference between two states of an inbox.

    The lists are in the order of arrival and complete. A notification is in one of them at most;
    one that arrived and left in between is in none. All are empty when only counters changed.
    """

    arrived: Sequence[Notification]
    """Notifications that were not shown before."""
    changed: Sequence[Notification]
    """Notifications that are still shown and have changed, in their new state."""
    removed: Sequence[Notification]
    """Notifications that are no longer shown, in their last state."""
    starts_over: bool
    """A SNAPSHOT replaced everything: the first one, or one because the history was too short.
    Then `arrived` may be old, and notifications in `removed` may only lie below the new floor."""


class _Arrival(NamedTuple):
    """A notification's place in the order of arrival; the id distinguishes equal revisions."""

    arrive_revision: int
    notification_id: str


class Replica:
    """Notifications by their ids, and in list order.

    A notification is copied when it arrives, and again when it changes: a message that was returned
    to a caller never changes, and no response stays in memory for a part of it.
    """

    def __init__(self) -> None:
        self._held: dict[str, Notification] = {}
        # In the order of arrival, oldest first: the reverse of list order.
        self._arrivals: list[_Arrival] = []
        self._listed: tuple[Notification, ...] | None = None
        # The earlier state of each notification that has changed since the last difference.
        self._before: dict[str, Notification | None] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def listed(self) -> Sequence[Notification]:
        """All of them, in list order."""
        if self._listed is None:
            arrivals = reversed(self._arrivals)
            self._listed = tuple(self._held[arrival.notification_id] for arrival in arrivals)
        return self._listed

    @property
    def oldest(self) -> int | None:
        """The least `arrive_revision`; None when it holds nothing."""
        return self._arrivals[0].arrive_revision if self._arrivals else None

    def get(self, notification_id: str) -> Notification | None:
        return self._held.get(notification_id)

    def clear(self) -> None:
        """Drops everything."""
        self._before = {**self._held, **self._before}
        self._held.clear()
        self._arrivals.clear()
        self._listed = None

    def apply(self, changes: Iterable[NotificationChange], floor: int) -> None:
        """Applies changes in their order; ignores notifications that arrived below the floor.

        Raises:
            ValueError: A change is of an unknown kind.
        """
        for change in changes:
            match kind_of(change):
                case "upserted":
                    self._drop(change.upserted.notification_id)
                    if change.upserted.arrive_revision >= floor:
                        self._put(change.upserted)
                case "removed":
                    self._drop(change.removed)
                case "marked":
                    self._mark(change.marked)
                case _:
                    raise ValueError(f"the change at {change.revision} is of an unknown kind")

    def difference(self, *, starts_over: bool) -> InboxChange:
        """The difference since the last call."""
        before, self._before = self._before, {}
        arrived, changed, removed = [], [], []
        for name, was in before.items():
            now = self._held.get(name)
            if now is None:
                removed += [] if was is None else [was]
            elif was is None:
                arrived.append(now)
            elif now != was:
                changed.append(now)
        return InboxChange(_ordered(arrived), _ordered(changed), _ordered(removed), starts_over)

    def _put(self, notification: Notification) -> None:
        copy = _copy(notification)
        self._set(copy)
        insort(self._arrivals, _arrival_of(copy))

    def _drop(self, notification_id: str) -> None:
        notification = self._held.get(notification_id)
        if notification is not None:
            self._note(notification_id)
            del self._held[notification_id]
            del self._arrivals[bisect_left(self._arrivals, _arrival_of(notification))]

    def _mark(self, mark: Mark) -> None:
        for notification in list(self._selected(mark.selector)):
            copy = _copy(notification)
            _mark(copy, mark)
            # In a REPLAY most have the state already.
            if copy != notification:
                self._set(copy)

    def _selected(self, selector: NotificationSelector) -> Iterator[Notification]:
        """The notifications that a selector matches."""
        by_revision = attrgetter("arrive_revision")
        end = bisect_right(self._arrivals, selector.up_to_revision, key=by_revision)
        channel_ids = set(selector.channel_ids.channel_ids)
        for arrival in self._arrivals[:end]:
            notification = self._held[arrival.notification_id]
            if selector.all or notification.message.channel_id in channel_ids:
                yield notification

    def _set(self, notification: Notification) -> None:
        self._note(notification.notification_id)
        self._held[notification.notification_id] = notification

    def _note(self, notification_id: str) -> None:
        """Remembers the state of a notification that is about to change."""
        self._before.setdefault(notification_id, self._held.get(notification_id))
        self._listed = None


def _arrival_of(notification: Notification) -> _Arrival:
    return _Arrival(notification.arrive_revision, notification.notification_id)


def _ordered(notifications: Iterable[Notification]) -> Sequence[Notification]:
    return tuple(sorted(notifications, key=_arrival_of))


def _copy(notification: Notification) -> Notification:
    copy = Notification()
    copy.CopyFrom(notification)
    return copy


def _mark(notification: Notification, mark: Mark) -> None:
    """Marks a notification; a time that is already set stays."""
    read = mark.read if mark.HasField("read") else None
    seen = mark.seen if mark.HasField("seen") else None
    if (read or seen) and not notification.HasField("seen_time"):
        notification.seen_time.CopyFrom(mark.mark_time)
    if read and not notification.HasField("read_time"):
        notification.read_time.CopyFrom(mark.mark_time)
    if read is False or seen is False:
        notification.ClearField("read_time")
    if seen is False:
        notification.ClearField("seen_time")
