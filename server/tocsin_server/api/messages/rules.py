"""What requests about messages must look like."""

from typing import cast

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1 import audience_pb2, message_pb2
from tocsin.v1 import message_service_pb2 as message_service

from tocsin_server.api.rules import (
    CHANNEL_ID,
    PAGE_SIZE,
    REQUEST_ID,
    FieldRules,
    Found,
    Table,
    check,
    data,
    known,
    labels,
    link,
    present,
    text,
    user_ids,
    validator,
)
from tocsin_server.domain.model import limits
from tocsin_server.domain.model.errors import Violation


def batch(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The items of a batch, counted; each is checked as the item that it is."""
    items = cast("message_service.BatchSendMessagesRequest", message).requests
    most = limits.BATCH_ITEMS
    if not 0 < len(items) <= most:
        found.append(
            Violation(path + name, f"has {len(items):,} items; 1 to {most:,} is the limit")
        )
        return
    recipients = sum(len(item.audience.user_ids) for item in items)
    most = limits.BATCH_RECIPIENTS
    if recipients > most:
        found.append(
            Violation(path + name, f"has {recipients:,} recipients in all; {most:,} is the limit")
        )


def selecting(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """An audience that names at least one user."""
    audience: audience_pb2.Audience = getattr(message, name)
    if audience.user_ids:
        check(audience, _AUDIENCE, f"{path}{name}.", found)
    else:
        found.append(Violation(path + name, "is required: it must name at least one user"))


_MESSAGE: FieldRules = (
    ("channel_id", CHANNEL_ID),
    ("title", text(limits.TITLE_CHARACTERS, required=True)),
    ("content", text(limits.CONTENT_CHARACTERS)),
    ("content_format", known(message_pb2.ContentFormat)),
    ("url", link),
    ("mobile_url", link),
    ("data", data),
    ("labels", labels),
    ("severity", known(message_pb2.Severity)),
    ("sender", text(limits.SENDER_CHARACTERS)),
)

_AUDIENCE: FieldRules = (("user_ids", user_ids(limits.RECIPIENTS)),)

RULES: Table = {
    message_service.SendMessageRequest: (
        REQUEST_ID,
        ("message", present(_MESSAGE)),
        ("audience", selecting),
    ),
    message_service.BatchSendMessagesRequest: (("requests", batch),),
    message_service.GetMessageRequest: (
        ("message_id", text(limits.MESSAGE_ID_CHARACTERS, required=True)),
    ),
    message_service.ListMessagesRequest: (("channel_id", CHANNEL_ID), PAGE_SIZE),
}

validate = validator(RULES)
