"""What an inbox holds, put together from the updates of a subscription.

Free of transport: whoever reads the subscription hands each update to the view.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from tocsin.v1.inbox_pb2 import (
    ChannelCounters,
    Inbox,
    Notification,
    NotificationChange,
    NotificationFilter,
)
from tocsin.v1.inbox_service_pb2 import SubscribePhase

from tocsin_client._progress import InboxUpdate
from tocsin_client._replica import InboxChange, Replica
from tocsin_client._requests import id_list

_IDLE = {SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT, SubscribePhase.SUBSCRIBE_PHASE_RECONNECT}

# Whether what a filter lists is read.
_READ: Mapping[NotificationFilter.ValueType, set[bool]] = {
    NotificationFilter.NOTIFICATION_FILTER_UNSPECIFIED: {False, True},
    NotificationFilter.NOTIFICATION_FILTER_ALL: {False, True},
    NotificationFilter.NOTIFICATION_FILTER_UNREAD: {False},
    NotificationFilter.NOTIFICATION_FILTER_READ: {True},
}


class InboxView:
    """An inbox in memory, by the updates of one subscription that begins without a cursor.

    ```python
    view = InboxView()
    async with client.subscribe("alice") as subscription:
        async for update in subscription:
            if view.apply(update):
                print(view.inbox.unread_count, [n.message.title for n in view.notifications])
    ```

    What it shows is the inbox at one revision, `revision`: a SNAPSHOT or REPLAY of several
    responses shows with the last of them, all at once. Then it equals what the server lists
    (`NOTIFICATION_FILTER_ALL`) down to `floor`: of what arrived there or later nothing is missing
    and nothing is too many, and each has the state that the server has. One thing may show early:
    what is marked or removed while a SNAPSHOT of several responses is under way; the stream brings
    it next. The counters are the server's own, of the whole inbox.

    The messages that it gives stay as they are, whatever comes: others take their place. They are
    what the view itself holds: leave them as they are, too.

    What arrives is held until it is removed: a view grows with its inbox, until a SNAPSHOT.
    """

    def __init__(self) -> None:
        self._replica = Replica()
        self._inbox = Inbox()
        self._channels: Mapping[str, ChannelCounters] = MappingProxyType({})
        self._floor = 0
        self._caught_up = False
        # What came for the next state, until that is whole.
        self._pending: list[NotificationChange] = []
        self._starts_over = False

    @property
    def caught_up(self) -> bool:
        """Whether it shows anything: the first SNAPSHOT is complete."""
        return self._caught_up

    @property
    def revision(self) -> int:
        """The inbox's revision that it shows."""
        return self._inbox.revision

    @property
    def floor(self) -> int:
        """The `arrive_revision` from which on it holds everything.

        0 when the last SNAPSHOT gave the whole inbox; otherwise that of the oldest notification
        in it. What arrived before is not shown, not even when it changes.
        """
        return self._floor

    @property
    def inbox(self) -> Inbox:
        """The counters of the whole inbox, as of `revision`."""
        return self._inbox

    @property
    def channels(self) -> Mapping[str, ChannelCounters]:
        """The counters of every channel that the inbox has something of, by channel id."""
        return self._channels

    @property
    def notifications(self) -> Sequence[Notification]:
        """What it holds, in list order: today the latest arrival first."""
        return self._replica.listed

    def get(self, notification_id: str) -> Notification | None:
        """One of what it holds, by its id; None when it is not there."""
        return self._replica.get(notification_id)

    def select(
        self,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,
    ) -> list[Notification]:
        """Some of what it holds, in list order.

        Args:
            channel_ids: Only these channels' notifications; by default every one's.
            filter: Which notifications: all, unread or read.

        Raises:
            ValueError: `filter` is another.
        """
        read = _READ.get(filter)
        if read is None:
            raise ValueError(f"filter {filter} is neither all, unread nor read")
        channels = set(id_list("channel_ids", channel_ids))
        return [
            notification
            for notification in self.notifications
            if notification.HasField("read_time") in read
            and (not channels or notification.message.channel_id in channels)
        ]

    def apply(self, update: InboxUpdate) -> InboxChange | None:
        """Takes in the subscription's next update.

        Returns:
            What it shows differently now; None when that is nothing, as it is until a SNAPSHOT or
            REPLAY is complete.

        Raises:
            ValueError: The subscription began with a cursor; or a change is of an unknown kind,
                which no subscription gives: only a SNAPSHOT makes the view right again.
        """
        if update.phase in _IDLE:
            return None
        if update.starts_over:
            self._pending.clear()
            self._starts_over = True
        elif not self._caught_up and not self._starts_over:
            raise ValueError("a view begins with a SNAPSHOT: subscribe without a cursor")
        self._pending += update.changes
        # What completes a state has its counters.
        return None if update.inbox is None else self._show(update, update.inbox)

    def _show(self, update: InboxUpdate, inbox: Inbox) -> InboxChange | None:
        """Shows the state that `update` completes."""
        starts_over, self._starts_over = self._starts_over, False
        changes, self._pending = self._pending, []
        moved = inbox.revision != self.revision
        if starts_over:
            self._replica.clear()
            self._floor = 0
        self._replica.apply(changes, self._floor)
        if starts_over and len(self._replica) < inbox.total_count:
            oldest = self._replica.oldest
            self._floor = inbox.revision + 1 if oldest is None else oldest
        self._count(update, inbox)
        self._caught_up = True
        change = self._replica.difference(starts_over=starts_over)
        return change if moved or starts_over else None

    def _count(self, update: InboxUpdate, inbox: Inbox) -> None:
        self._inbox = Inbox()
        self._inbox.CopyFrom(inbox)
        channels = {} if update.caught_up else dict(self._channels)
        for counters in update.channel_counters:
            channels.pop(counters.channel_id, None)
            if counters.total_count:
                channels[counters.channel_id] = copy = ChannelCounters()
                copy.CopyFrom(counters)
        self._channels = MappingProxyType(channels)
