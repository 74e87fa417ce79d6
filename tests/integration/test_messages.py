import asyncio

import pytest
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.error_reason_pb2 import ErrorReason
from tocsin.v1.message_pb2 import ContentFormat, Message, MessageState, Severity
from tocsin.v1.message_service_pb2 import (
    BatchSendMessagesRequest,
    GetMessageRequest,
    ListMessagesRequest,
    SendMessageRequest,
)

from tests.support.asking import LARGE, batch_request, numbered, send_request
from tests.support.failures import failing
from tests.support.serving import Served
from tests.support.streams import RESPONSE_BYTES

# Nothing here depends on what a hub tells.
pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


async def test_a_message_is_sent_and_read_back_whole(server: Served) -> None:
    data = Struct()
    data.update({"lead": {"id": 42, "tags": ["new", None, True]}})
    submitted = Message(
        message_id="mine",
        channel_id="news",
        title="A new lead ü😀",
        content="*Hello*",
        content_format=ContentFormat.CONTENT_FORMAT_MARKDOWN,
        url="https://example.com/leads/42",
        mobile_url="/leads/42",
        data=data,
        labels={"team": "sales"},
        severity=Severity.SEVERITY_HIGH,
        sender="crm",
    )

    answer = await server.messages.SendMessage(
        SendMessageRequest(message=submitted, audience=Audience(user_ids=["alice", "bob"]))
    )

    assert answer.accepted_count == 2
    stored = answer.message
    assert stored.message_id not in {"", "mine"}
    assert stored.state == MessageState.MESSAGE_STATE_SENT
    assert stored.create_time.seconds > 0
    expected = Message()
    expected.CopyFrom(submitted)
    expected.message_id = stored.message_id
    expected.state = stored.state
    expected.create_time.CopyFrom(stored.create_time)
    assert stored == expected
    read = await server.messages.GetMessage(GetMessageRequest(message_id=stored.message_id))
    assert read.message == stored


async def test_what_a_message_leaves_out_has_its_default(server: Served) -> None:
    stored = (await server.messages.SendMessage(send_request("alice"))).message

    assert stored.severity == Severity.SEVERITY_NORMAL
    assert stored.content_format == ContentFormat.CONTENT_FORMAT_PLAIN
    assert not stored.HasField("data")


async def test_a_repeated_recipient_gets_one_notification(server: Served) -> None:
    answer = await server.messages.SendMessage(send_request("alice", "bob", "alice"))

    assert answer.accepted_count == 2
    assert (await server.client.get_inbox("alice")).total_count == 1


async def test_an_unknown_channel_is_not_found_by_name(server: Served) -> None:
    failure = await failing(server.messages.SendMessage(send_request("al", channel_id="nowhere")))

    assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "CHANNEL_NOT_FOUND")
    assert failure.metadata == {"channel_id": "nowhere"}
    assert (await server.client.get_inbox("al")).revision == 0


async def test_an_unknown_message_is_not_found_by_name(server: Served) -> None:
    failure = await failing(server.messages.GetMessage(GetMessageRequest(message_id="m-1")))

    assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "MESSAGE_NOT_FOUND")
    assert failure.metadata == {"message_id": "m-1"}


async def test_every_violated_field_of_a_send_is_in_one_answer(server: Served) -> None:
    request = send_request(
        *(f"user-{n}" for n in range(1_001)),
        title="",
        content="x" * 10_001,
        url="javascript:alert(1)",
    )

    failure = await failing(server.messages.SendMessage(request))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert dict(failure.violations) == {
        "message.title": "is required, 1 to 200 characters",
        "message.content": "has 10,001 characters; 10,000 is the limit",
        "message.url": "must be http, https, or a path that starts with one slash",
        "audience.user_ids": "has 1,001 items; 1,000 is the limit",
    }
    assert set(failure.metadata["fields"].split(",")) == set(failure.fields)
    assert all(field in failure.message for field in failure.fields)


@pytest.mark.parametrize(
    "key", ["k" * 60, "é" * 60, "😀" * 60], ids=["one byte", "two bytes", "four bytes"]
)
async def test_however_much_is_wrong_the_error_arrives_with_its_details(
    server: Served, key: str
) -> None:
    request = send_request("alice")
    request.message.labels.update({f"{key}{n:02}": "v" * 257 for n in range(32)})

    failure = await failing(server.messages.SendMessage(request))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert failure.violations


async def test_a_repeat_sends_nothing_and_another_body_is_refused(server: Served) -> None:
    first = await server.messages.SendMessage(send_request("alice", request_id="r-1"))
    again = await server.messages.SendMessage(send_request("alice", request_id="r-1"))
    failure = await failing(
        server.messages.SendMessage(send_request("alice", title="Other", request_id="r-1"))
    )

    assert again == first
    assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert failure.metadata == {"request_id": "r-1"}
    assert (await server.client.get_inbox("alice")).revision == 1


async def test_two_at_once_with_one_request_id_send_one_message(server: Served) -> None:
    request = send_request("alice", request_id="r-1")

    answers = await asyncio.gather(*(server.messages.SendMessage(request) for _ in range(10)))

    assert all(answer == answers[0] for answer in answers)
    assert (await server.client.get_inbox("alice")).revision == 1


async def test_an_item_and_a_call_share_their_request_ids(server: Served) -> None:
    request = send_request("alice", request_id="r-1")

    alone = await server.messages.SendMessage(request)
    batch = await server.messages.BatchSendMessages(batch_request([request, request]))

    assert [r.response.message.message_id for r in batch.results] == [alone.message.message_id] * 2
    assert (await server.client.get_inbox("alice")).revision == 1


async def test_each_item_of_a_batch_stands_alone_and_in_order(server: Served) -> None:
    batch = await server.messages.BatchSendMessages(
        batch_request(
            [
                send_request("alice", title="first", content="text", request_id="r-1"),
                send_request("alice", channel_id="nowhere"),
                send_request("alice", "b c", title=""),
                send_request("alice", title="last"),
                send_request("alice", title="another body", request_id="r-1"),
            ]
        )
    )

    assert [result.WhichOneof("outcome") for result in batch.results] == [
        "response", "error", "error", "response", "error",
    ]  # fmt: skip
    first, unknown, invalid, last, reused = batch.results
    assert (first.response.message.title, first.response.accepted_count) == ("first", 1)
    assert unknown.error.code == StatusCode.NOT_FOUND.value[0]
    assert unknown.error.reason == ErrorReason.ERROR_REASON_CHANNEL_NOT_FOUND
    assert dict(unknown.error.metadata) == {"channel_id": "nowhere"}
    assert invalid.error.code == StatusCode.INVALID_ARGUMENT.value[0]
    assert {v.field for v in invalid.error.violations} == {"message.title", "audience.user_ids[1]"}
    assert last.response.message.title == "last"
    assert reused.error.code == StatusCode.ALREADY_EXISTS.value[0]
    assert dict(reused.error.metadata) == {"request_id": "r-1"}
    listed = [n.message.title async for n in server.client.list_notifications("alice")]
    assert listed == ["last", "first"]


async def test_messages_in_the_answer_to_a_batch_have_no_content_and_no_data(
    server: Served,
) -> None:
    request = send_request("alice", content="text")
    request.message.data.update({"a": 1})

    batch = await server.messages.BatchSendMessages(batch_request([request]))

    message = batch.results[0].response.message
    assert message.title == "Hello"
    assert message.content == ""
    assert not message.HasField("data")
    whole = await server.client.get_message(message.message_id)
    assert (whole.content, whole.data["a"]) == ("text", 1)


async def test_the_answer_to_a_batch_fits_a_response(server: Served) -> None:
    requests = [send_request("alice") for _ in range(400)]
    for request in requests:
        request.message.labels.update({f"key-{n}": "v" * 256 for n in range(32)})

    batch = await server.messages.BatchSendMessages(batch_request(requests))

    assert len(batch.results) == 400
    assert batch.ByteSize() <= RESPONSE_BYTES


@pytest.mark.parametrize(
    ("request_", "description"),
    [
        (BatchSendMessagesRequest(), "has 0 items; 1 to 500 is the limit"),
        (numbered(501, "alice"), "has 501 items; 1 to 500 is the limit"),
        (
            numbered(51, *(f"user-{n}" for n in range(100))),
            "has 5,100 recipients in all; 5,000 is the limit",
        ),
    ],
    ids=["empty", "items", "recipients"],
)
async def test_a_batch_beyond_the_limits_fails_as_a_whole(
    server: Served, request_: BatchSendMessagesRequest, description: str
) -> None:
    failure = await failing(server.messages.BatchSendMessages(request_))

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert failure.violations == [("requests", description)]
    assert [m async for m in server.client.list_messages("news")] == []


@pytest.mark.parametrize("page_size", [0, 7, 1_000])
async def test_messages_are_listed_latest_first(server: Served, page_size: int) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice"))
    await server.client.send("offers", "An offer", to="alice")

    listed = [m.title async for m in server.client.list_messages("news", page_size=page_size)]

    assert listed == [str(number) for number in range(60, 0, -1)]


async def test_a_page_token_belongs_to_its_query(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(3, "alice"))
    page = await server.messages.ListMessages(ListMessagesRequest(channel_id="news", page_size=1))

    failure = await failing(
        server.messages.ListMessages(
            ListMessagesRequest(channel_id="offers", page_token=page.next_page_token)
        )
    )

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert failure.violations == [("page_token", "belongs to another query")]
    assert failure.metadata == {"fields": "page_token"}


async def test_pages_of_large_messages_fit_a_response(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))
    request = ListMessagesRequest(channel_id="news", page_size=1_000)
    titles: list[str] = []

    while True:
        page = await server.messages.ListMessages(request)
        assert page.ByteSize() <= RESPONSE_BYTES
        titles += [message.title for message in page.messages]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert titles == [str(number) for number in range(60, 0, -1)]
