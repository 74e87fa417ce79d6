"""What requests about inboxes must look like."""

from collections.abc import Mapping
from typing import cast

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1 import inbox_pb2
from tocsin.v1 import inbox_service_pb2 as inbox_service

from tocsin_server.api.rules import (
    PAGE_SIZE,
    REQUEST_ID,
    FieldRules,
    Found,
    Table,
    check,
    counted,
    each,
    known,
    not_negative,
    present,
    user_id,
    validator,
)
from tocsin_server.api.splicing import optional
from tocsin_server.domain.model import limits
from tocsin_server.domain.model.cursors import Cursor
from tocsin_server.domain.model.errors import Violation
from tocsin_server.domain.model.marking import Effect


def cursor(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A cursor, or none."""
    if value := getattr(message, name):
        try:
            Cursor.parse(value)
        except ValueError as problem:
            found.append(Violation(path + name, str(problem), "CURSOR_INVALID"))


def heartbeat(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A span of time within the limits, or none."""
    value = getattr(message, name)
    if not 0 <= value.nanos < 1_000_000_000:
        found.append(
            Violation(path + name, f"has {value.nanos:,} nanos; 0 to 999,999,999 is the limit")
        )
        return
    nanos = value.seconds * 1_000_000_000 + value.nanos
    least, most = limits.HEARTBEAT_SECONDS_MIN, limits.HEARTBEAT_SECONDS_MAX
    if nanos and not least * 1_000_000_000 <= nanos <= most * 1_000_000_000:
        requested = f"{value.seconds:,}" + f".{value.nanos:09}".rstrip("0").rstrip(".")
        found.append(
            Violation(path + name, f"is {requested} s; it must be {least:g} to {most:g} s")
        )


def target(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The target of a selector, and its revision."""
    selector = cast("inbox_pb2.NotificationSelector", message)
    chosen = message.WhichOneof(name)
    if chosen is None:
        found.append(Violation(path + name, "is required: ids, channel_ids or all"))
    elif chosen == "all":
        if not selector.all:
            found.append(Violation(path + "all", "must be true when set"))
    else:
        check(getattr(selector, chosen), _TARGETS[chosen], f"{path}{chosen}.", found)
    if selector.up_to_revision < 0:
        not_negative(selector, "up_to_revision", path, found)
    elif selector.up_to_revision and chosen == "ids":
        found.append(Violation(path + "up_to_revision", "must not be set together with ids"))


def effect(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The states to set: read or unread, seen or unseen."""
    request = cast("inbox_service.UpdateNotificationsRequest", message)
    try:
        Effect.of(optional(request, "read"), optional(request, "seen"))
    except ValueError as problem:
        found.append(Violation(path + name, str(problem)))


_TARGETS: Mapping[str, FieldRules] = {
    "ids": (("notification_ids", counted(limits.SELECTED_NOTIFICATIONS)),),
    "channel_ids": (("channel_ids", each(limits.CHANNEL_ID, limits.SELECTED_CHANNELS, least=1)),),
}
"""The rules of each target of a selector that is a message."""

_SELECTOR: FieldRules = (("target", target),)

RULES: Table = {
    inbox_service.SubscribeRequest: (
        ("user_id", user_id),
        ("cursor", cursor),
        ("snapshot_size", not_negative),
        ("heartbeat_interval", heartbeat),
    ),
    inbox_service.UpdateNotificationsRequest: (
        ("user_id", user_id),
        ("selector", present(_SELECTOR)),
        ("read", effect),
        REQUEST_ID,
    ),
    inbox_service.ListInboxChannelsRequest: (("user_id", user_id), PAGE_SIZE),
    inbox_service.GetInboxRequest: (("user_id", user_id),),
    inbox_service.ListNotificationsRequest: (
        ("user_id", user_id),
        ("channel_ids", each(limits.CHANNEL_ID, limits.CHANNEL_FILTER)),
        ("filter", known(inbox_pb2.NotificationFilter)),
        PAGE_SIZE,
    ),
}

validate = validator(RULES)
