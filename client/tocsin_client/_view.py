"""The state of an inbox, built from the updates of a subscription.

Free of transport: the code that reads the subscription passes each update to the view.
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

# The read states that a filter lists.
_READ: Mapping[NotificationFilter.ValueType, set[bool]] = {
    NotificationFilter.NOTIFICATION_FILTER_UNSPECIFIED: {False, True},
    NotificationFilter.NOTIFICATION_FILTER_ALL: {False, True},
    NotificationFilter.NOTIFICATION_FILTER_UNREAD: {False},
    NotificationFilter.NOTIFICATION_FILTER_READ: {True},
}


class InboxView:
    """An inbox in memory, built from the updates of one subscription that begins without a cursor.

    ```python
    view = InboxView()
    async with client.subscribe("alice") as subscription:
        async for update in subscription:
            if view.apply(update):
                print(view.inbox.unread_count, [n.message.title for n in view.notifications])
    ```

    It shows the inbox at one revision, `revision`: a SNAPSHOT or REPLAY of several responses shows
    with the last of them, all at once. Then it equals the server's list (`NOTIFICATION_FILTER_ALL`)
    down to `floor`: the same notifications, in the same state. Only a mark or a removal during a
    SNAPSHOT of several responses may show early; the stream brings it next. The counters are the
    server's own, of the whole inbox.

    The messages that it returns never change: a change puts other messages in their place. They are
    its own, not copies: do not modify them.

    It holds a notification until that is removed: a view grows with its inbox, until a SNAPSHOT.
    """

    def __init__(self) -> None:
        self._replica = Replica()
        self._inbox = Inbox()
        self._channels: Mapping[str, ChannelCounters] = MappingProxyType({})
        self._floor = 0
        self._caught_up = False
        # The changes of the next state, until it is complete.
        self._pending: list[NotificationChange] = []
        self._pending_counters: list[ChannelCounters] = []
        # The revision that the pending counters are as of.
        self._counted_at = 0
        self._starts_over = False

    @property
    def caught_up(self) -> bool:
        """Whether the first SNAPSHOT is complete, and the view shows it."""
        return self._caught_up

    @property
    def revision(self) -> int:
        """The inbox's revision that it shows."""
        return self._inbox.revision

    @property
    def floor(self) -> int:
        """The `arrive_revision` from which on it holds every notification.

        0 when the last SNAPSHOT held the whole inbox; otherwise that of its oldest notification.
        Notifications that arrived before are not shown, even when they change.
        """
        return self._floor

    @property
    def inbox(self) -> Inbox:
        """The counters of the whole inbox, as of `revision`."""
        return self._inbox

    @property
    def channels(self) -> Mapping[str, ChannelCounters]:
        """The counters of every channel that has notifications in the inbox, by channel id."""
        return self._channels

    @property
    def notifications(self) -> Sequence[Notification]:
        """The notifications that it holds, in list order: today the latest arrival first."""
        return self._replica.listed

    def get(self, notification_id: str) -> Notification | None:
        """A notification by its id; None when it does not hold it."""
        return self._replica.get(notification_id)

    def select(
        self,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,
    ) -> list[Notification]:
        """Selects from the notifications that it holds, in list order.

        Args:
            channel_ids: Only these channels' notifications; by default all channels'.
            filter: Which notifications: all, unread or read.

        Raises:
            ValueError: `filter` is another value.
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
        """Applies the subscription's next update.

        Returns:
            The difference to the state before; None when there is none, as before the end of a
            SNAPSHOT or REPLAY.

        Raises:
            ValueError: The subscription began with a cursor; or a change has an unknown kind, which
                no subscription returns: only a SNAPSHOT makes the view correct again.
        """
        if update.phase in _IDLE:
            return None
        if update.starts_over:
            self._pending.clear()
            self._pending_counters.clear()
            self._starts_over = True
        elif not self._caught_up and not self._starts_over:
            raise ValueError("a view begins with a SNAPSHOT: subscribe without a cursor")
        self._pending += update.changes
        if update.revision != self._counted_at:
            # Counters of a REPLAY that was cut off; another one brings them all again.
            self._pending_counters.clear()
            self._counted_at = update.revision
        self._pending_counters += update.channel_counters
        # The update that completes a state has its counters.
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
        pending, self._pending_counters = self._pending_counters, []
        for counters in pending:
            channels.pop(counters.channel_id, None)
            if counters.total_count:
                channels[counters.channel_id] = copy = ChannelCounters()
                copy.CopyFrom(counters)
        self._channels = MappingProxyType(channels)
