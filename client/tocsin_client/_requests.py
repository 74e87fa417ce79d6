"""Builds requests from plain Python values, for any transport."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    DeleteChannelRequest,
    UpdateChannelRequest,
)
from tocsin.v1.inbox_pb2 import (
    ChannelIds,
    NotificationFilter,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.inbox_service_pb2 import (
    ListNotificationsRequest,
    SubscribeRequest,
    UpdateNotificationsRequest,
)
from tocsin.v1.message_pb2 import ContentFormat, Message, Severity
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest

from tocsin_client._data import dict_to_data


def check_strings(**arguments: object) -> None:
    """Raises TypeError, with the argument's name, when one is neither a string nor None.

    Protobuf's own error does not name it.
    """
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a string, not {type(value).__name__}")


def check_labels(labels: object) -> None:
    """Raises TypeError when labels do not map strings to strings."""
    if labels is None:
        return
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels must be a mapping, not {type(labels).__name__}")
    for name, value in labels.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"labels must map strings to strings, and {name!r} to {value!r} is not")


def new_request_id() -> str:
    return str(uuid.uuid4())


def create_channel_request(
    channel_id: str,
    *,
    title: str,
    description: str,
    labels: Mapping[str, str] | None,
    request_id: str | None,
) -> CreateChannelRequest:
    check_strings(
        channel_id=channel_id, title=title, description=description, request_id=request_id
    )
    check_labels(labels)
    return CreateChannelRequest(
        channel=Channel(channel_id=channel_id, title=title, description=description, labels=labels),
        request_id=request_id or new_request_id(),
    )


def update_channel_request(
    channel_id: str,
    *,
    title: str | None,
    description: str | None,
    labels: Mapping[str, str] | None,
    etag: str | None,
    request_id: str | None,
) -> UpdateChannelRequest:
    """A change of the fields that are not None.

    Raises:
        ValueError: All are None.
    """
    check_strings(
        channel_id=channel_id,
        title=title,
        description=description,
        etag=etag,
        request_id=request_id,
    )
    check_labels(labels)
    fields = {"title": title, "description": description, "labels": labels}
    paths = [name for name, value in fields.items() if value is not None]
    if not paths:
        raise ValueError("give what to change: title, description or labels")
    return UpdateChannelRequest(
        channel=Channel(
            channel_id=channel_id,
            title=title or "",
            description=description or "",
            labels=labels,
            etag=etag or "",
        ),
        update_mask=FieldMask(paths=paths),
        request_id=request_id or new_request_id(),
    )


def delete_channel_request(
    channel_id: str, *, force: bool, request_id: str | None
) -> DeleteChannelRequest:
    check_strings(channel_id=channel_id, request_id=request_id)
    return DeleteChannelRequest(
        channel_id=channel_id, force=force, request_id=request_id or new_request_id()
    )


def make_send_request(
    channel_id: str,
    title: str,
    *,
    to: str | Iterable[str],
    content: str = "",
    content_format: ContentFormat.ValueType = ContentFormat.CONTENT_FORMAT_UNSPECIFIED,
    url: str = "",
    mobile_url: str = "",
    data: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    severity: Severity.ValueType = Severity.SEVERITY_UNSPECIFIED,
    sender: str = "",
    request_id: str | None = None,
) -> SendMessageRequest:
    """Makes one send for `send_batch`; the arguments are those of `send`.

    Raises:
        ValueError: `data` holds a value that JSON cannot express, an integer that a double cannot
            hold exactly, NaN or an infinity, or is nested too deep.
        TypeError: An argument has the wrong type.
    """
    check_strings(
        channel_id=channel_id,
        title=title,
        content=content,
        url=url,
        mobile_url=mobile_url,
        sender=sender,
        request_id=request_id,
    )
    check_labels(labels)
    struct = None if data is None else dict_to_data(data)
    try:
        return SendMessageRequest(
            request_id=request_id or new_request_id(),
            message=Message(
                channel_id=channel_id,
                title=title,
                content=content,
                content_format=content_format,
                url=url,
                mobile_url=mobile_url,
                data=struct,
                labels=labels,
                severity=severity,
                sender=sender,
            ),
            audience=Audience(user_ids=id_list("to", to)),
        )
    except DecodeError:
        # Protobuf copies the Struct, and reads no message of more than 100 levels.
        raise ValueError("data is nested too deep") from None


def batch_request(requests: Iterable[SendMessageRequest]) -> BatchSendMessagesRequest:
    """One batch of copies of `requests`, each with a request id."""
    batch = BatchSendMessagesRequest(requests=requests)
    for request in batch.requests:
        request.request_id = request.request_id or new_request_id()
    return batch


def list_notifications_request(
    user_id: str,
    *,
    channel_ids: str | Iterable[str],
    filter: NotificationFilter.ValueType,
    page_size: int,
) -> ListNotificationsRequest:
    check_strings(user_id=user_id)
    return ListNotificationsRequest(
        user_id=user_id,
        channel_ids=id_list("channel_ids", channel_ids),
        filter=filter,
        page_size=page_size,
    )


def update_notifications_request(
    user_id: str,
    *,
    ids: str | Iterable[str] | None,
    channel_ids: str | Iterable[str] | None,
    all: bool,
    up_to_revision: int | None,
    read: bool | None,
    seen: bool | None,
    request_id: str | None,
) -> UpdateNotificationsRequest:
    """A mark of notifications that are selected in one of three ways.

    Raises:
        ValueError: Not exactly one of `ids`, `channel_ids` and `all` is passed, or
            `up_to_revision` with `ids`, or neither `read` nor `seen`.
    """
    check_strings(user_id=user_id, request_id=request_id)
    if (ids is not None) + (channel_ids is not None) + bool(all) != 1:
        raise ValueError("pass one of ids, channel_ids and all=True")
    if ids is not None and up_to_revision is not None:
        raise ValueError("up_to_revision is for channel_ids and all=True")
    if read is None and seen is None:
        raise ValueError("pass read, seen or both")
    selector = NotificationSelector(up_to_revision=up_to_revision or 0)
    if ids is not None:
        selector.ids.CopyFrom(NotificationIds(notification_ids=id_list("ids", ids)))
    elif channel_ids is not None:
        selector.channel_ids.CopyFrom(ChannelIds(channel_ids=id_list("channel_ids", channel_ids)))
    else:
        selector.all = True
    return UpdateNotificationsRequest(
        user_id=user_id,
        selector=selector,
        read=read,
        seen=seen,
        request_id=request_id or new_request_id(),
    )


def subscribe_request(
    user_id: str, *, snapshot_size: int, heartbeat_interval: float
) -> SubscribeRequest:
    check_strings(user_id=user_id)
    interval = Duration()
    try:
        interval.FromTimedelta(timedelta(seconds=heartbeat_interval))
    except (ValueError, OverflowError):
        raise ValueError(
            f"heartbeat_interval is {heartbeat_interval}, which is no duration"
        ) from None
    return SubscribeRequest(
        user_id=user_id, snapshot_size=snapshot_size, heartbeat_interval=interval
    )


def id_list(name: str, argument: object) -> list[str]:
    """The ids of an argument; a lone string is one id, not its letters.

    Raises:
        TypeError: Something in it is not a string.
    """
    if isinstance(argument, str):
        return [argument]
    ids: list[object] = list(argument) if isinstance(argument, Iterable) else [argument]
    for each in ids:
        if not isinstance(each, str):
            raise TypeError(f"{name} must be strings, not {type(each).__name__}")
    return cast("list[str]", ids)
