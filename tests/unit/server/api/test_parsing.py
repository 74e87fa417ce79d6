from collections.abc import Mapping

import pytest
from google.protobuf.message import Message as ProtoMessage
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest
from tocsin_server.api.parsing import parse
from tocsin_server.domain.model.errors import FieldsInvalid, RequestMalformed, TocsinError

# What Node's encoder makes of half of a surrogate pair, put in the place of a text of its length.
LONE_SURROGATE = b"\xed\xa0\x80"
MARK = "@@@"


def request() -> SendMessageRequest:
    """A request that has a text everywhere, and numbers in between."""
    sent = SendMessageRequest(
        request_id="r-1",
        message=Message(channel_id="news", title="Hello", labels={"a": "b"}),
        audience=Audience(user_ids=["alice", "bob"]),
    )
    sent.message.data.update({"text": "x", "list": [1, {"deep": "y"}]})
    sent.message.create_time.seconds = 1
    return sent


def broken(sent: ProtoMessage) -> bytes:
    return sent.SerializeToString().replace(MARK.encode(), LONE_SURROGATE)


def violations(message: type[ProtoMessage], body: bytes) -> Mapping[str, str]:
    with pytest.raises(FieldsInvalid) as caught:
        parse(message, body)
    assert caught.value.reason == "REQUEST_MALFORMED"
    return {violation.field: violation.description for violation in caught.value.violations}


def test_every_text_that_is_not_utf_8_is_named() -> None:
    sent = request()
    sent.request_id = sent.message.title = MARK
    sent.audience.user_ids[1] = MARK

    assert violations(SendMessageRequest, broken(sent)) == {
        "request_id": "is not valid UTF-8",
        "message.title": "is not valid UTF-8",
        "audience.user_ids[1]": "is not valid UTF-8",
    }


@pytest.mark.parametrize("labels", [{MARK: "b"}, {"a": MARK}], ids=["key", "value"])
def test_a_map_is_named_as_a_whole(labels: dict[str, str]) -> None:
    sent = request()
    sent.message.labels.update(labels)

    assert list(violations(SendMessageRequest, broken(sent))) == ["message.labels"]


def test_an_item_of_a_batch_is_named_by_its_place() -> None:
    batch = BatchSendMessagesRequest(requests=[request(), request()])
    batch.requests[1].message.sender = MARK

    assert list(violations(BatchSendMessagesRequest, broken(batch))) == [
        "requests[1].message.sender"
    ]


def test_a_text_of_data_is_named_as_the_data() -> None:
    sent = request()
    sent.message.data.update({"list": [1, {"deep": MARK}]})

    assert list(violations(SendMessageRequest, broken(sent))) == ["message.data"]


def test_what_is_malformed_otherwise_names_no_field() -> None:
    with pytest.raises(RequestMalformed):
        parse(SendMessageRequest, b"\x0a\x7f")


@given(st.binary(max_size=60), st.data())
def test_any_body_is_parsed_or_refused(noise: bytes, data: st.DataObject) -> None:
    good = request().SerializeToString()
    at = data.draw(st.integers(0, len(good)))
    over = data.draw(st.integers(0, 5))

    reason = "REQUEST_MALFORMED"
    try:
        parse(SendMessageRequest, good[:at] + noise + good[at + over :])
    except TocsinError as error:
        reason = error.reason

    assert reason == "REQUEST_MALFORMED"


def test_a_body_of_very_many_fields_is_not_walked_to_its_end() -> None:
    with pytest.raises(RequestMalformed):
        parse(SendMessageRequest, b"\x50\x01" * 1_000_000 + b"\x0a\x01\xff")


def test_a_good_body_is_its_message() -> None:
    assert parse(SendMessageRequest, request().SerializeToString()) == request()
