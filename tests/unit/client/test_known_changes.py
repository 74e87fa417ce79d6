"""Which changes the client can apply."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tocsin.v1.inbox_pb2 import (
    ChannelIds,
    Mark,
    Notification,
    NotificationChange,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.message_pb2 import Message
from tocsin_client._known_changes import kind_of

# Field 100, a number: no message has one.
NEWER = b"\xa0\x06\x01"


def marked(
    selector: NotificationSelector | None = None, mark_time: Timestamp | None = None
) -> NotificationChange:
    selector = selector or NotificationSelector(all=True, up_to_revision=9)
    mark = Mark(selector=selector, read=True, mark_time=mark_time or Timestamp(seconds=9))
    return NotificationChange(revision=9, marked=mark)


def newer_mark() -> NotificationChange:
    mark = Mark.FromString(marked().marked.SerializeToString() + NEWER)
    return NotificationChange(revision=9, marked=mark)


def newer_channel_ids() -> NotificationSelector:
    channel_ids = ChannelIds.FromString(
        ChannelIds(channel_ids=["news"]).SerializeToString() + NEWER
    )
    return NotificationSelector(channel_ids=channel_ids, up_to_revision=9)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (NotificationChange(upserted=Notification(notification_id="n1")), "upserted"),
        (NotificationChange(removed="n1"), "removed"),
        (marked(), "marked"),
        (marked(NotificationSelector(channel_ids=ChannelIds(channel_ids=["news"]))), "marked"),
    ],
    ids=["upserted", "removed", "all marked", "channels marked"],
)
def test_what_every_server_makes_is_known(change: NotificationChange, kind: str) -> None:
    assert kind_of(change) == kind


@pytest.mark.parametrize(
    "change",
    [
        NotificationChange(revision=9),
        NotificationChange.FromString(NEWER),
        NotificationChange(revision=9, marked=Mark(read=True)),
        marked(NotificationSelector(up_to_revision=9)),
        marked(NotificationSelector.FromString(NEWER)),
        marked(NotificationSelector(ids=NotificationIds(notification_ids=["n1"]))),
        marked(
            NotificationSelector.FromString(marked().marked.selector.SerializeToString() + NEWER)
        ),
        marked(newer_channel_ids()),
        marked(mark_time=Timestamp.FromString(NEWER)),
        newer_mark(),
    ],
    ids=[
        "no kind",
        "another kind",
        "a mark without a selector",
        "a selector without a target",
        "another target",
        "ids as a target",
        "a field beside the target",
        "a field inside the target",
        "a field inside the time",
        "a field of the mark",
    ],
)
def test_what_only_a_newer_server_makes_is_not_known(change: NotificationChange) -> None:
    # As it comes off the wire.
    assert kind_of(NotificationChange.FromString(change.SerializeToString())) is None


def test_what_is_new_in_a_notification_does_no_harm() -> None:
    message = Message.FromString(Message(message_id="m1").SerializeToString() + NEWER)
    upserted = Notification.FromString(Notification(message=message).SerializeToString() + NEWER)

    assert kind_of(NotificationChange(revision=9, upserted=upserted)) == "upserted"
