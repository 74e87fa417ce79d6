"""Spliced responses, byte for byte: they are what protobuf alone would have built."""

from collections.abc import Iterator
from typing import TypeVar

import pytest
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.struct_pb2 import Struct
from google.protobuf.unknown_fields import UnknownFieldSet
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.inbox_service_pb2 import (
    ListNotificationsRequest,
    ListNotificationsResponse,
    SubscribeRequest,
    SubscribeResponse,
)
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import (
    GetMessageRequest,
    GetMessageResponse,
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)

from tests.support import raw
from tests.support.serving import Served

M = TypeVar("M", bound=ProtoMessage)

MESSAGES = "/tocsin.v1.MessageService/"
INBOXES = "/tocsin.v1.InboxService/"


def rich_message() -> Message:
    """A message that has every field, large enough for lengths of three bytes."""
    data = Struct()
    data.update({"null": None, "number": 1.5, "list": [True, {"deep": "ü"}], "text": "😀" * 100})
    return Message(
        channel_id="news",
        title="Ünï 😀",
        content="😀" * 10_000,
        content_format=2,  # type: ignore[arg-type]  # MARKDOWN
        url="https://example.com/?a=b#c",
        mobile_url="/mobile",
        data=data,
        labels={"a": "1", "ü": "", "z" * 63: "v" * 256},
        severity=4,  # type: ignore[arg-type]  # CRITICAL
        sender="crm",
    )


def decoded(kind: type[M], encoded: object) -> M:
    """Decodes a response whose every byte must count: nothing unknown, nothing twice."""
    assert isinstance(encoded, bytes)
    message = kind.FromString(encoded)
    assert len(encoded) == message.ByteSize()
    assert message.SerializeToString(deterministic=True) == kind.FromString(
        message.SerializeToString()
    ).SerializeToString(deterministic=True)
    assert all(not len(UnknownFieldSet(part)) for part in parts(message))
    return message


def parts(message: ProtoMessage) -> Iterator[ProtoMessage]:
    """A message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for part in value if field.is_repeated else [value]:
            yield from parts(part)


@pytest.fixture
async def sent(server: Served) -> Message:
    """What the server made of a rich message to Alice."""
    request = SendMessageRequest(message=rich_message(), audience=Audience(user_ids=["alice"]))
    encoded = await raw.unary(server.channel, MESSAGES + "SendMessage", request.SerializeToString())
    response = decoded(SendMessageResponse, encoded)
    assert response.accepted_count == 1
    return response.message


async def test_a_stored_message_is_what_was_sent_and_what_the_server_set(sent: Message) -> None:
    expected = rich_message()
    expected.message_id = sent.message_id
    expected.state = sent.state
    expected.create_time.CopyFrom(sent.create_time)

    assert sent == expected
    assert sent.message_id
    assert sent.state


async def test_a_message_that_is_read_is_the_one_that_was_sent(
    server: Served, sent: Message
) -> None:
    request = GetMessageRequest(message_id=sent.message_id)
    encoded = await raw.unary(server.channel, MESSAGES + "GetMessage", request.SerializeToString())

    assert decoded(GetMessageResponse, encoded) == GetMessageResponse(message=sent)


async def test_messages_that_are_listed_are_those_that_were_sent(
    server: Served, sent: Message
) -> None:
    second = (await server.client.send("news", "Second", to="alice")).message
    request = ListMessagesRequest(channel_id="news")
    encoded = await raw.unary(
        server.channel, MESSAGES + "ListMessages", request.SerializeToString()
    )

    assert decoded(ListMessagesResponse, encoded) == ListMessagesResponse(messages=[second, sent])


async def test_a_page_with_a_token_decodes_too(server: Served, sent: Message) -> None:
    await server.client.send("news", "Second", to="alice")

    for path, request, kind in (
        ("MessageService/ListMessages", ListMessagesRequest(channel_id="news", page_size=1),
         ListMessagesResponse),
        ("InboxService/ListNotifications",
         ListNotificationsRequest(user_id="alice", page_size=1), ListNotificationsResponse),
    ):  # fmt: skip
        encoded = await raw.unary(server.channel, f"/tocsin.v1.{path}", request.SerializeToString())
        assert decoded(kind, encoded).next_page_token  # type: ignore[attr-defined]


async def test_notifications_carry_the_message_that_was_sent(server: Served, sent: Message) -> None:
    request = ListNotificationsRequest(user_id="alice")
    encoded = await raw.unary(
        server.channel, INBOXES + "ListNotifications", request.SerializeToString()
    )

    (notification,) = decoded(ListNotificationsResponse, encoded).notifications
    assert notification.message == sent
    assert (notification.user_id, notification.revision) == ("alice", 1)


async def test_responses_of_a_stream_carry_the_message_that_was_sent(
    server: Served, sent: Message
) -> None:
    request = SubscribeRequest(user_id="alice")
    call = raw.stream(server.channel, INBOXES + "Subscribe", request.SerializeToString())

    opening = decoded(SubscribeResponse, await call.read())
    second = (await server.client.send("news", "Second", to="alice")).message
    following = decoded(SubscribeResponse, await call.read())
    call.cancel()

    listed = [n async for n in server.client.list_notifications("alice")]
    assert [change.upserted for change in opening.changes] == listed[1:]
    assert opening.changes[0].upserted.message == sent
    assert [change.upserted for change in following.changes] == listed[:1]
    assert following.changes[0].upserted.message == second
