"""Messages as text for people."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text

from tocsin_client.cli.sanitizing import plain, plain_title

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.timestamp_pb2 import Timestamp
    from tocsin.v1.channel_pb2 import Channel
    from tocsin.v1.inbox_pb2 import Inbox, Mark, NotificationChange, NotificationSelector
    from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse
    from tocsin.v1.message_pb2 import Message
    from tocsin.v1.message_service_pb2 import SendMessageResponse

# By the numbers of `Severity`: `tocsin --help` need not load Protobuf for its names.
SEVERITIES = {
    1: ("low", "dim"),
    2: ("normal", ""),
    3: ("high", "bold yellow"),
    4: ("critical", "bold red"),
}
_TIME_WIDTH = len("2026-11-22 17:51:04+01:00")


def done(verb: str, channel_id: str) -> Text:
    """Returns what was done to a channel."""
    return Text.assemble(f"{verb} ", (channel_id, "bold"))


def channels_listed(channels: Sequence["Channel"]) -> Iterator[Text]:
    """Yields a line for each channel."""
    width = max((len(channel.channel_id) for channel in channels), default=0)
    for channel in channels:
        yield Text.assemble(
            (f"{channel.channel_id:<{width}}", "bold"), "  ", plain_title(channel.title)
        )


def channel_shown(channel: "Channel", zone: tzinfo | None) -> Iterator[Text]:
    """Yields a line for each field of a channel that is set."""
    yield _pair("channel", channel.channel_id)
    yield _pair("title", plain_title(channel.title))
    if channel.description:
        yield _pair("description", channel.description)
    for name, value in sorted(channel.labels.items()):
        yield _pair("label", f"{name}={value}")
    yield _pair("created", moment(channel.create_time, zone))
    yield _pair("updated", moment(channel.update_time, zone))
    yield _pair("etag", channel.etag)


def sent(response: "SendMessageResponse") -> Text:
    """Returns how many inboxes a message was sent to, and its id."""
    count = response.accepted_count
    return Text.assemble(
        f"sent to {count:,} {'inbox' if count == 1 else 'inboxes'}",
        (f"  {response.message.message_id}", "dim"),
    )


def changed(change: "NotificationChange", zone: tzinfo | None) -> Text:
    """Returns a change of an inbox: its time, its revision, and what changed."""
    if change.HasField("upserted"):
        return _notified(change, zone)
    if change.HasField("marked"):
        time = moment(change.marked.mark_time, zone)
        return _line(change, time, *_marked(change.marked))
    return _line(change, "", ("removed", "dim"), (plain(change.removed), ""))


def counted(inbox: "Inbox") -> Text:
    """Returns the unread count of an inbox."""
    return Text(f"{plain(inbox.user_id)} has {inbox.unread_count:,} unread", "bold")


def marked(response: "UpdateNotificationsResponse", state: str) -> Iterator[Text]:
    """Yields how many notifications were marked, and the unread count."""
    count = response.updated_count
    yield Text(f"marked {count:,} {'notification' if count == 1 else 'notifications'} {state}")
    yield counted(response.inbox)


def message_shown(message: "Message", zone: tzinfo | None) -> Iterator[Text]:
    """Yields a line for each field of a message that is set; the content comes last."""
    yield _pair("message", message.message_id)
    yield _pair("channel", message.channel_id)
    yield _pair("title", plain_title(message.title))
    yield _pair("severity", severity(message)[0])
    for name, text in (
        ("sender", message.sender),
        ("url", message.url),
        ("mobile url", message.mobile_url),
    ):
        if text:
            yield _pair(name, text)
    for name, value in sorted(message.labels.items()):
        yield _pair("label", f"{name}={value}")
    if message.HasField("data"):
        yield _pair("data", _json(message.data))
    yield _pair("sent", moment(message.create_time, zone))
    for number, line in enumerate(message.content.splitlines()):
        yield _pair("" if number else "content", line)


def severity(message: "Message") -> tuple[str, str]:
    """Returns the name of a message's severity, and its style."""
    return SEVERITIES.get(message.severity, (str(message.severity), ""))


def moment(timestamp: "Timestamp", zone: tzinfo | None) -> str:
    """Formats a time with its offset from UTC; without a zone, in the local one."""
    time = datetime.fromtimestamp(timestamp.seconds, UTC).astimezone(zone)
    return time.isoformat(" ", "seconds")


def _notified(change: "NotificationChange", zone: tzinfo | None) -> Text:
    notification = change.upserted
    message = notification.message
    name, style = severity(message)
    line = _line(
        change,
        moment(notification.receive_time, zone),
        (message.channel_id, "cyan"),
        (f"{name:<8}", style),
        (plain_title(message.title), style),
        (plain(message.url), "underline"),
    )
    if notification.HasField("read_time"):
        line.stylize("dim")
    return line


def _marked(mark: "Mark") -> Iterator[tuple[str, str]]:
    # Read implies seen, and unseen implies unread.
    if mark.HasField("read"):
        yield "read" if mark.read else "unread", "green"
    else:
        yield "seen" if mark.seen else "unseen", "green"
    yield " ".join(_selected(mark.selector)), ""


def _selected(selector: "NotificationSelector") -> Iterable[str]:
    if selector.HasField("ids"):
        count = len(selector.ids.notification_ids)
        yield f"{count:,} {'notification' if count == 1 else 'notifications'}"
        return
    if selector.HasField("channel_ids"):
        yield f"all of {', '.join(selector.channel_ids.channel_ids)}"
    else:
        yield "all"
    if selector.up_to_revision:
        yield f"up to {selector.up_to_revision}"


def _line(change: "NotificationChange", time: str, *parts: tuple[str, str]) -> Text:
    start = Text.assemble((f"{time:<{_TIME_WIDTH}}", "dim"), f"  {change.revision:>5}")
    return Text("  ").join([start, *(Text(text, style) for text, style in parts if text)])


def _pair(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<11}", "dim"), f"  {plain(value)}")


def _json(data: "Struct") -> str:
    from tocsin_client.cli import json_numbers  # noqa: PLC0415  # help does without

    return json_numbers.dump(data, for_people=True)
