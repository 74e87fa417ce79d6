"""Inboxes and what is in them, encoded. Messages are spliced in as they were stored."""

from collections.abc import Iterable
from functools import lru_cache

from tocsin.v1 import inbox_pb2
from tocsin.v1.inbox_service_pb2 import SubscribeResponse

from tocsin_server.api.channels.encode import channel
from tocsin_server.api.inboxes.notification_ids import suffix_of
from tocsin_server.api.messages.encode import message
from tocsin_server.api.splicing import field, number_tag, varint
from tocsin_server.api.times import duration, timestamp
from tocsin_server.domain.model.changes import Item, Mark, Removal
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import InboxChannel, Notification
from tocsin_server.domain.model.streams import Response

_NOTIFICATION_ID = inbox_pb2.Notification.NOTIFICATION_ID_FIELD_NUMBER
_NOTIFICATION_MESSAGE = inbox_pb2.Notification.MESSAGE_FIELD_NUMBER
_NOTIFICATION_REVISION = number_tag(inbox_pb2.Notification.REVISION_FIELD_NUMBER)
_NOTIFICATION_ARRIVED = number_tag(inbox_pb2.Notification.ARRIVE_REVISION_FIELD_NUMBER)
_CHANGE_REVISION = number_tag(inbox_pb2.NotificationChange.REVISION_FIELD_NUMBER)
_CHANGE_UPSERTED = inbox_pb2.NotificationChange.UPSERTED_FIELD_NUMBER
_INBOX_CHANNEL_LATEST = inbox_pb2.InboxChannel.LATEST_NOTIFICATION_FIELD_NUMBER
_RESPONSE_CHANGES = SubscribeResponse.CHANGES_FIELD_NUMBER


@lru_cache(maxsize=1_024)
def _times(receive_time: int, seen_time: int | None, read_time: int | None) -> bytes:
    """Encodes the times of a notification.

    The copies of a message share them, and so do notifications marked together.
    """
    return inbox_pb2.Notification(
        receive_time=timestamp(receive_time),
        seen_time=None if seen_time is None else timestamp(seen_time),
        read_time=None if read_time is None else timestamp(read_time),
    ).SerializeToString()


def inbox(key: InboxKey, revision: int, counters: Counters) -> inbox_pb2.Inbox:
    """Returns an inbox in numbers."""
    return inbox_pb2.Inbox(
        user_id=key.user_id,
        revision=revision,
        total_count=counters.total,
        unread_count=counters.unread,
        unseen_count=counters.unseen,
    )


def mark(logged: Mark) -> inbox_pb2.Mark:
    """Returns a mark."""
    selector = inbox_pb2.NotificationSelector(up_to_revision=logged.up_to_revision)
    if logged.channel_ids is None:
        selector.all = True
    else:
        selector.channel_ids.channel_ids.extend(logged.channel_ids)
    return inbox_pb2.Mark(
        selector=selector,
        read=logged.read,
        seen=logged.seen,
        mark_time=timestamp(logged.mark_time),
    )


class InboxEncoder:
    """Encodes what is of one inbox."""

    __slots__ = ("_key", "_suffix", "_user")

    def __init__(self, key: InboxKey) -> None:
        self._key = key
        self._suffix = suffix_of(key)
        self._user = inbox_pb2.Notification(user_id=key.user_id).SerializeToString()

    def notification(self, stored: Notification) -> bytes:
        """Encodes a notification."""
        revision = arrived = varint(stored.revision)
        if stored.arrive_revision != stored.revision:
            arrived = varint(stored.arrive_revision)
        return b"".join(
            (
                field(_NOTIFICATION_ID, (stored.message.message_id + self._suffix).encode()),
                self._user,
                *(_NOTIFICATION_REVISION, revision),
                *(_NOTIFICATION_ARRIVED, arrived),
                _times(stored.receive_time, stored.seen_time, stored.read_time),
                field(_NOTIFICATION_MESSAGE, message(stored.message)),
            )
        )

    def inbox_channel(self, stored: InboxChannel) -> bytes:
        """Encodes a channel as the inbox shows it."""
        numbers = inbox_pb2.InboxChannel(
            channel=channel(stored.channel),
            total_count=stored.counters.total,
            unread_count=stored.counters.unread,
            unseen_count=stored.counters.unseen,
        ).SerializeToString()
        return numbers + field(_INBOX_CHANNEL_LATEST, self.notification(stored.latest))

    def _changes(self, items: Iterable[Item]) -> Iterable[bytes]:
        for item in items:
            yield field(_RESPONSE_CHANGES, self._change(item))

    def _change(self, item: Item) -> bytes:
        if isinstance(item, Notification):
            upserted = field(_CHANGE_UPSERTED, self.notification(item))
            return _CHANGE_REVISION + varint(item.revision) + upserted
        change = inbox_pb2.NotificationChange(revision=item.revision)
        if isinstance(item, Removal):
            change.removed = item.message_id + self._suffix
        else:
            change.marked.CopyFrom(mark(item))
        return change.SerializeToString()

    def response(self, response: Response) -> bytes:
        """Encodes a response of a stream."""
        proto = SubscribeResponse(
            phase=response.phase.value,  # type: ignore[arg-type]  # the domain has the protos' numbers
            after_revision=response.after_revision,
            revision=response.revision,
            cursor=response.cursor,
            caught_up=response.caught_up,
            channel_counters=[
                inbox_pb2.ChannelCounters(
                    channel_id=channel_id,
                    total_count=counters.total,
                    unread_count=counters.unread,
                    unseen_count=counters.unseen,
                )
                for channel_id, counters in response.channel_counters
            ],
        )
        if response.counters is not None:
            proto.inbox.CopyFrom(inbox(self._key, response.revision, response.counters))
        if response.reconnect_delay is not None:
            proto.reconnect_delay.CopyFrom(duration(response.reconnect_delay))
        return b"".join((proto.SerializeToString(), *self._changes(response.items)))
