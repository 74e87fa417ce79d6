"""The digest of a request is of its meaning: order, repeats and defaults do not count."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from google.protobuf.message import Message as ProtoMessage
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel, ChannelType
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    DeleteChannelRequest,
    UpdateChannelRequest,
)
from tocsin.v1.inbox_pb2 import ChannelIds, NotificationIds, NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest
from tocsin.v1.message_pb2 import ContentFormat, Message, MessageState, Severity
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin_server.api.channels import decode as channels
from tocsin_server.api.inboxes import decode as inboxes
from tocsin_server.api.inboxes.notification_ids import suffix_of
from tocsin_server.api.messages import decode as messages
from tocsin_server.domain.model.identity import Caller, InboxKey

from tests.support.services import FILES

CALLER = Caller("acme", "backend")
# Field 1,000, a varint: no message has it.
UNKNOWN = b"\xc0\x3e\x01"

DIGESTS: dict[type[ProtoMessage], Callable[[Any], bytes]] = {
    SendMessageRequest: lambda r: messages.submission(CALLER, r).request.digest,
    CreateChannelRequest: lambda r: channels.create_key(CALLER, r).digest,
    UpdateChannelRequest: lambda r: channels.update_key(CALLER, r).digest,
    DeleteChannelRequest: lambda r: channels.delete_key(CALLER, r).digest,
    UpdateNotificationsRequest: lambda r: inboxes.marking(CALLER, r).request.digest,
}


def test_every_request_with_a_request_id_has_a_digest() -> None:
    repeatable = {
        message.full_name
        for file in FILES
        for message in file.DESCRIPTOR.message_types_by_name.values()
        if "request_id" in message.fields_by_name
    }

    assert {request.DESCRIPTOR.full_name for request in DIGESTS} == repeatable


def digest(request: ProtoMessage) -> bytes:
    """The digest of a request, which may be changed while it is decoded."""
    copy = type(request).FromString(request.SerializeToString())
    made = DIGESTS[type(request)](copy)
    assert len(made) == 16
    return made


def send(*user_ids: str, **fields: Any) -> SendMessageRequest:  # noqa: ANN401  # of any field
    return SendMessageRequest(
        request_id="r-1",
        message=Message(**{"channel_id": "news", "title": "Hello"} | fields),
        audience=Audience(user_ids=user_ids),
    )


def create(**fields: Any) -> CreateChannelRequest:  # noqa: ANN401  # of any field
    fields = {"channel_id": "news", "title": "News"} | fields
    return CreateChannelRequest(request_id="r-1", channel=Channel(**fields))


def update(*paths: str, **fields: Any) -> UpdateChannelRequest:  # noqa: ANN401  # of any field
    request = UpdateChannelRequest(
        request_id="r-1", channel=Channel(**{"channel_id": "news"} | fields)
    )
    request.update_mask.paths.extend(paths)
    return request


def mark(
    selector: NotificationSelector,
    user_id: str = "alice",
    *,
    read: bool | None = True,
    seen: bool | None = None,
) -> UpdateNotificationsRequest:
    return UpdateNotificationsRequest(
        request_id="r-1", user_id=user_id, selector=selector, read=read, seen=seen
    )


def of_ids(*message_ids: str, user_id: str = "alice") -> NotificationSelector:
    suffix = suffix_of(InboxKey("acme", user_id))
    ids = [message_id + suffix for message_id in message_ids]
    return NotificationSelector(ids=NotificationIds(notification_ids=ids))


def of_channels(*channel_ids: str, up_to_revision: int = 0) -> NotificationSelector:
    return NotificationSelector(
        channel_ids=ChannelIds(channel_ids=channel_ids), up_to_revision=up_to_revision
    )


ALL = NotificationSelector(all=True)
LABELS = {"a": "1", "b": "2"}

SAME: list[tuple[str, ProtoMessage, ProtoMessage]] = [
    ("default severity", send("a"), send("a", severity=Severity.SEVERITY_NORMAL)),
    (
        "default format",
        send("a"),
        send("a", content_format=ContentFormat.CONTENT_FORMAT_PLAIN),
    ),
    (
        "what the server sets",
        send("a"),
        send("a", message_id="m", state=MessageState.MESSAGE_STATE_SENT),
    ),
    ("default type", create(), create(type=ChannelType.CHANNEL_TYPE_IN_APP)),
    ("what the server sets of a channel", create(), create(etag="e")),
    ("no mask", update(title="T"), update("title", title="T")),
    ("mask in another order", update("title", "labels"), update("labels", "title", "labels")),
    ("star", update("*", title="T"), update("title", "labels", "description", title="T")),
    ("star beside others", update("*", title="T"), update("title", "*", title="T")),
    (
        "what the mask leaves out",
        update("title", title="T"),
        update("title", title="T", labels=LABELS),
    ),
    ("read implies seen", mark(ALL), mark(ALL, seen=True)),
    ("unseen implies unread", mark(ALL, read=None, seen=False), mark(ALL, read=False, seen=False)),
    (
        "ids of others",
        mark(of_ids("m")),
        mark(
            NotificationSelector(
                ids=NotificationIds(notification_ids=["x", *of_ids("m").ids.notification_ids])
            )
        ),
    ),
]


@pytest.mark.parametrize(("one", "other"), [s[1:] for s in SAME], ids=[s[0] for s in SAME])
def test_requests_that_mean_the_same_have_one_digest(
    one: ProtoMessage, other: ProtoMessage
) -> None:
    assert digest(one) == digest(other)


DIFFERENT: list[ProtoMessage] = [
    send("a"),
    send("b"),
    send("a", "b"),
    send("ab"),
    send("a", title="Other"),
    send("a", channel_id="offers"),
    send("a", severity=Severity.SEVERITY_HIGH),
    send("a", labels={"a": "1"}),
    send("a", labels={"a": "2"}),
    send("a", content="c"),
    send("a", url="/c"),
    send("a", mobile_url="/c"),
    send("a", sender="c"),
    create(),
    create(channel_id="offers"),
    create(title="Other"),
    create(description="News"),
    create(labels={"a": "1"}),
    update("title", title="T"),
    update("title", title="T", etag="e"),
    update("title", title="T", channel_id="offers"),
    update("title", title="U"),
    update("description", description="T"),
    update("description"),
    update("labels"),
    update("labels", labels={"a": "1"}),
    update("title", "labels", title="T"),
    DeleteChannelRequest(request_id="r-1", channel_id="news"),
    DeleteChannelRequest(request_id="r-1", channel_id="news", force=True),
    DeleteChannelRequest(request_id="r-1", channel_id="offers"),
    mark(ALL),
    mark(ALL, "bob"),
    mark(ALL, read=False),
    mark(ALL, read=None, seen=True),
    mark(ALL, read=None, seen=False),
    mark(ALL, read=False, seen=True),
    mark(NotificationSelector(all=True, up_to_revision=1)),
    mark(of_channels("news")),
    mark(of_channels("news", up_to_revision=1)),
    mark(of_channels("offers")),
    mark(of_channels("news", "offers")),
    mark(of_ids("news")),
    mark(of_ids("news", "offers")),
    mark(of_ids("news", user_id="bob"), "bob"),
]


def test_requests_that_mean_something_else_have_another_digest() -> None:
    digests = [digest(request) for request in DIFFERENT]

    assert len(set(digests)) == len(digests)


# No prefix of a list is another's: "a", "b" and "ab" are distinguished.
NAMES = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=6)


def disorder(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """The same names in any order, some of them twice."""
    again = st.lists(st.sampled_from(names), max_size=3)
    return again.flatmap(lambda more: st.permutations([*names, *more]))


@given(st.data(), NAMES, NAMES)
def test_lists_count_as_sets(data: st.DataObject, names: list[str], others: list[str]) -> None:
    makes: list[Callable[[Sequence[str]], ProtoMessage]] = [
        lambda names: send(*names),
        lambda names: mark(of_ids(*names)),
        lambda names: mark(of_channels(*names)),
    ]
    for make in makes:
        one = digest(make(names))

        assert digest(make(data.draw(disorder(names)))) == one
        assert (digest(make(others)) == one) == (set(others) == set(names))


def absent_messages(message: ProtoMessage) -> Iterator[tuple[ProtoMessage, str]]:
    """The fields of a message, and of the messages in it, that hold a message and are absent.

    A oneof has one field: whoever sets another one makes another request.
    """
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None or field.is_repeated or field.containing_oneof is not None:
            continue
        if message.HasField(field.name):
            yield from absent_messages(getattr(message, field.name))
        else:
            yield message, field.name


@pytest.mark.parametrize("request_", DIFFERENT, ids=range(len(DIFFERENT)))
def test_an_empty_message_in_a_field_is_the_same_as_none(request_: ProtoMessage) -> None:
    copy = type(request_).FromString(request_.SerializeToString())

    for message, name in absent_messages(copy):
        getattr(message, name).SetInParent()

    assert digest(copy) == digest(request_)


@pytest.mark.parametrize("request_", DIFFERENT, ids=range(len(DIFFERENT)))
def test_what_this_server_does_not_know_and_the_request_id_are_no_part(
    request_: ProtoMessage,
) -> None:
    copy: Any = type(request_).FromString(request_.SerializeToString() + UNKNOWN)
    copy.request_id = "r-2"
    for name in ("message", "audience", "channel", "selector"):
        if name in copy.DESCRIPTOR.fields_by_name:
            getattr(copy, name).MergeFromString(UNKNOWN)

    assert digest(copy) == digest(request_)


def test_labels_in_another_order_are_the_same() -> None:
    backwards = dict(reversed(LABELS.items()))

    assert digest(send("a", labels=LABELS)) == digest(send("a", labels=backwards))
    assert digest(create(labels=LABELS)) == digest(create(labels=backwards))
    assert digest(update("labels", labels=LABELS)) == digest(update("labels", labels=backwards))


def test_a_request_without_an_id_has_no_digest() -> None:
    request = send("a")
    request.request_id = ""

    assert messages.submission(CALLER, request).request.digest == b""
