"""What requests must look like: one table, message by message, field by field.

Every rule adds all violations it finds; the texts name the limit. A rule costs
well under a microsecond when there is nothing to say.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Protocol, cast

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1 import audience_pb2, channel_pb2, inbox_pb2, message_pb2
from tocsin.v1 import channel_service_pb2 as channel_service
from tocsin.v1 import inbox_service_pb2 as inbox_service
from tocsin.v1 import message_service_pb2 as message_service

from tocsin_server.api.masks import CHANGEABLE, updated_fields
from tocsin_server.api.splicing import optional
from tocsin_server.domain.model import limits
from tocsin_server.domain.model.cursors import Cursor
from tocsin_server.domain.model.errors import FieldsInvalid, Violation
from tocsin_server.domain.model.links import link_problem
from tocsin_server.domain.model.marking import Effect

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value


class Enum(Protocol):
    """What generated code makes of an enum."""

    def values(self) -> Iterable[int]:
        """Returns the numbers of its values."""
        ...


Found = list[Violation]
Rule = Callable[[ProtoMessage, str, str, Found], None]
"""Looks at the field (second) of a message, at a path (third), and adds violations."""


_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,127}")


def text(most: int, *, required: bool = False) -> Rule:
    """A text of at most so many characters, without NUL; required: not blank."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        value: str = getattr(message, name)
        if required and not value.strip():
            found.append(Violation(path + name, f"is required, 1 to {most:,} characters"))
        elif len(value) > most:
            found.append(
                Violation(path + name, f"has {len(value):,} characters; {most:,} is the limit")
            )
        if "\0" in value:
            found.append(Violation(path + name, "must not contain the character NUL"))

    return rule


def matching(pattern: re.Pattern[str]) -> Rule:
    """A text of a pattern."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        value: str = getattr(message, name)
        if not pattern.fullmatch(value):
            found.append(Violation(path + name, f"must match {pattern.pattern}"))

    return rule


def each(pattern: re.Pattern[str], most: int, least: int = 0) -> Rule:
    """So many texts of a pattern."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        values: Sequence[str] = getattr(message, name)
        if not least <= len(values) <= most:
            limit = f"{least} to {most:,}" if least else f"{most:,}"
            found.append(Violation(path + name, f"has {len(values):,} items; {limit} is the limit"))
            return
        matches = pattern.fullmatch
        for index, value in enumerate(values):
            if not matches(value):
                found.append(Violation(f"{path}{name}[{index}]", f"must match {pattern.pattern}"))

    return rule


def link(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A link, or none."""
    value: str = getattr(message, name)
    if not value:
        return
    most = limits.URL_CHARACTERS
    if len(value) > most:
        found.append(
            Violation(path + name, f"has {len(value):,} characters; {most:,} is the limit")
        )
    elif problem := link_problem(value):
        found.append(Violation(path + name, problem))


def labels(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """Names and values of the application's own."""
    values: Mapping[str, str] = getattr(message, name)
    if len(values) > limits.LABELS:
        found.append(
            Violation(path + name, f"has {len(values):,} entries; {limits.LABELS} is the limit")
        )
        return
    for key, value in values.items():
        if not 0 < len(key) <= limits.LABEL_KEY_CHARACTERS:
            found.append(
                Violation(
                    f"{path}{name}",
                    f"has a key of {len(key):,} characters; "
                    f"1 to {limits.LABEL_KEY_CHARACTERS} is the limit",
                )
            )
        elif len(value) > limits.LABEL_VALUE_CHARACTERS:
            found.append(
                Violation(
                    f'{path}{name}["{key}"]',
                    f"has {len(value):,} characters; {limits.LABEL_VALUE_CHARACTERS} is the limit",
                )
            )
        if "\0" in key or "\0" in value:
            found.append(Violation(path + name, "must not contain the character NUL"))


def data(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The application's own data: small, not too deep, and expressible as JSON."""
    if not message.HasField(name):
        return
    struct: Struct = getattr(message, name)
    struct.DiscardUnknownFields()
    if (size := struct.ByteSize()) > limits.DATA_BYTES:
        found.append(
            Violation(path + name, f"has {size:,} bytes; {limits.DATA_BYTES:,} is the limit")
        )
        return
    problems: set[str] = set()
    level: list[Value] = list(struct.fields.values())
    for _ in range(limits.DATA_DEPTH):
        inner: list[Value] = []
        for value in level:
            kind = value.WhichOneof("kind")
            if kind is None:
                problems.add("has a value without a kind")
            elif kind == "number_value" and not isfinite(value.number_value):
                problems.add("has a number that is not finite")
            elif kind == "struct_value":
                inner += value.struct_value.fields.values()
            elif kind == "list_value":
                inner += value.list_value.values
        level = inner
        if not level:
            break
    else:
        problems.add(f"is nested deeper than {limits.DATA_DEPTH} levels")
    found += [Violation(path + name, problem) for problem in sorted(problems)]


def known(enum: Enum) -> Rule:
    """A value of an enum that this server knows."""
    values = frozenset(enum.values())

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        if (value := getattr(message, name)) not in values:
            found.append(Violation(path + name, f"has the unknown value {value}"))

    return rule


def not_negative(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A number from 0."""
    if (value := getattr(message, name)) < 0:
        found.append(Violation(path + name, f"is {value}; it must not be negative"))


def cursor(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A cursor, or none."""
    if value := getattr(message, name):
        try:
            Cursor.parse(value)
        except ValueError as problem:
            found.append(Violation(path + name, str(problem), "CURSOR_INVALID"))


def heartbeat(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A span within the limits, or none."""
    value = getattr(message, name)
    if not 0 <= value.nanos < 1_000_000_000:
        found.append(
            Violation(path + name, f"has {value.nanos:,} nanos; 0 to 999,999,999 is the limit")
        )
        return
    nanos = value.seconds * 1_000_000_000 + value.nanos
    least, most = limits.HEARTBEAT_SECONDS_MIN, limits.HEARTBEAT_SECONDS_MAX
    if nanos and not least * 1_000_000_000 <= nanos <= most * 1_000_000_000:
        asked = f"{value.seconds:,}" + f".{value.nanos:09}".rstrip("0").rstrip(".")
        found.append(Violation(path + name, f"is {asked} s; it must be {least:g} to {most:g} s"))


def present(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A message that must be there, and its own fields."""
    if message.HasField(name):
        check(getattr(message, name), f"{path}{name}.", found)
    else:
        found.append(Violation(path + name, "is required"))


def batch(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The items of a batch, counted; each is checked as the item that it is."""
    items: Sequence[message_service.SendMessageRequest] = getattr(message, name)
    most = limits.BATCH_ITEMS
    if not 0 < len(items) <= most:
        found.append(
            Violation(path + name, f"has {len(items):,} items; 1 to {most:,} is the limit")
        )
    recipients = sum(len(item.audience.user_ids) for item in items)
    most = limits.BATCH_RECIPIENTS
    if recipients > most:
        found.append(
            Violation(path + name, f"has {recipients:,} recipients in all; {most:,} is the limit")
        )


def selecting(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """An audience, which names somebody."""
    audience: audience_pb2.Audience = getattr(message, name)
    if audience.user_ids:
        check(audience, f"{path}{name}.", found)
    else:
        found.append(Violation(path + name, "is required: it must name somebody"))


def mask(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """Which fields of a channel to change, and their new values."""
    request = cast("channel_service.UpdateChannelRequest", message)
    changeable = CHANGEABLE[channel_pb2.Channel]
    for wrong in sorted({*request.update_mask.paths} - {*changeable, "*"}):
        found.append(
            Violation(
                path + name,
                f"has {wrong[:64]!r}; {', '.join(changeable)} and * are what it may have",
            )
        )
    names = updated_fields(request)
    for field, rule in RULES[channel_pb2.Channel]:
        if field == "channel_id" or (field in changeable and field in names):
            rule(request.channel, field, f"{path}channel.", found)


def counted(most: int) -> Rule:
    """A list of 1 to so many texts, whatever they are."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        values: Sequence[str] = getattr(message, name)
        if not 0 < len(values) <= most:
            found.append(
                Violation(path + name, f"has {len(values):,} items; 1 to {most:,} is the limit")
            )

    return rule


def target(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """What a selector selects by, and up to where."""
    selector = cast("inbox_pb2.NotificationSelector", message)
    chosen = message.WhichOneof(name)
    if chosen is None:
        found.append(Violation(path + name, "is required: ids, channel_ids or all"))
    elif chosen == "all":
        if not selector.all:
            found.append(Violation(path + "all", "must be true when given"))
    else:
        check(getattr(selector, chosen), f"{path}{chosen}.", found)
    if selector.up_to_revision < 0:
        not_negative(selector, "up_to_revision", path, found)
    elif selector.up_to_revision and chosen == "ids":
        found.append(Violation(path + "up_to_revision", "must not stand beside ids"))


def effect(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """Whether to be read, and whether to be seen."""
    request = cast("inbox_service.UpdateNotificationsRequest", message)
    try:
        Effect.of(optional(request, "read"), optional(request, "seen"))
    except ValueError as problem:
        found.append(Violation(path + name, str(problem)))


_REQUEST_ID = ("request_id", text(limits.REQUEST_ID_CHARACTERS))
_PAGE_SIZE = ("page_size", not_negative)
RULES: Mapping[type[ProtoMessage], Sequence[tuple[str, Rule]]] = {
    channel_pb2.Channel: (
        ("channel_id", matching(_SLUG)),
        ("type", known(channel_pb2.ChannelType)),
        ("title", text(limits.TITLE_CHARACTERS, required=True)),
        ("description", text(limits.DESCRIPTION_CHARACTERS)),
        ("labels", labels),
    ),
    message_pb2.Message: (
        ("channel_id", matching(_SLUG)),
        ("title", text(limits.TITLE_CHARACTERS, required=True)),
        ("content", text(limits.CONTENT_CHARACTERS)),
        ("content_format", known(message_pb2.ContentFormat)),
        ("url", link),
        ("mobile_url", link),
        ("data", data),
        ("labels", labels),
        ("severity", known(message_pb2.Severity)),
        ("sender", text(limits.SENDER_CHARACTERS)),
    ),
    audience_pb2.Audience: (("user_ids", each(_USER_ID, limits.RECIPIENTS)),),
    channel_service.CreateChannelRequest: (("channel", present), _REQUEST_ID),
    channel_service.UpdateChannelRequest: (("update_mask", mask), _REQUEST_ID),
    channel_service.DeleteChannelRequest: (("channel_id", matching(_SLUG)), _REQUEST_ID),
    channel_service.GetChannelRequest: (("channel_id", matching(_SLUG)),),
    channel_service.ListChannelsRequest: (_PAGE_SIZE,),
    message_service.SendMessageRequest: (
        _REQUEST_ID,
        ("message", present),
        ("audience", selecting),
    ),
    message_service.BatchSendMessagesRequest: (("requests", batch),),
    message_service.GetMessageRequest: (("message_id", text(128, required=True)),),
    message_service.ListMessagesRequest: (
        ("channel_id", matching(_SLUG)),
        _PAGE_SIZE,
    ),
    inbox_service.SubscribeRequest: (
        ("user_id", matching(_USER_ID)),
        ("cursor", cursor),
        ("snapshot_size", not_negative),
        ("heartbeat_interval", heartbeat),
    ),
    inbox_pb2.NotificationIds: (("notification_ids", counted(limits.SELECTED_NOTIFICATIONS)),),
    inbox_pb2.ChannelIds: (("channel_ids", each(_SLUG, limits.SELECTED_CHANNELS, least=1)),),
    inbox_pb2.NotificationSelector: (("target", target),),
    inbox_service.UpdateNotificationsRequest: (
        ("user_id", matching(_USER_ID)),
        ("selector", present),
        ("read", effect),
        _REQUEST_ID,
    ),
    inbox_service.ListInboxChannelsRequest: (
        ("user_id", matching(_USER_ID)),
        _PAGE_SIZE,
    ),
    inbox_service.GetInboxRequest: (("user_id", matching(_USER_ID)),),
    inbox_service.ListNotificationsRequest: (
        ("user_id", matching(_USER_ID)),
        ("channel_ids", each(_SLUG, limits.CHANNEL_FILTER)),
        ("filter", known(inbox_pb2.NotificationFilter)),
        _PAGE_SIZE,
    ),
}


def check(message: ProtoMessage, path: str, found: Found) -> None:
    """Adds the violations of a message whose fields stand at a path."""
    for name, rule in RULES[type(message)]:
        rule(message, name, path, found)


def validate(request: ProtoMessage, *more: Violation) -> None:
    """Checks a request by the table; `more` are violations found elsewhere.

    Raises:
        FieldsInvalid: with every violation.
    """
    found: Found = []
    check(request, "", found)
    found += more
    if found:
        raise FieldsInvalid(found)
