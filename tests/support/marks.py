"""Marks, as a client applies them to what it holds."""

from tocsin.v1.inbox_pb2 import Mark, Notification


def mark(notification: Notification, mark: Mark) -> None:
    """Applies a mark to a notification that its selector may fit, as the protos say."""
    selector = mark.selector
    of_channel = selector.all or (
        notification.message.channel_id in selector.channel_ids.channel_ids
    )
    if not of_channel or notification.arrive_revision > selector.up_to_revision:
        return
    if (mark.read or mark.seen) and not notification.HasField("seen_time"):
        notification.seen_time.CopyFrom(mark.mark_time)
    if mark.read and not notification.HasField("read_time"):
        notification.read_time.CopyFrom(mark.mark_time)
    unseen = mark.HasField("seen") and not mark.seen
    if unseen or (mark.HasField("read") and not mark.read):
        notification.ClearField("read_time")
    if unseen:
        notification.ClearField("seen_time")
