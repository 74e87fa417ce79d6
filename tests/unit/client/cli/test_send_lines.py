import json

import pytest
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest
from tocsin_client.cli.send_lines import Item, batches, parse_line
from tocsin_client.cli.stdin import Line


def item(number: int = 1, *, recipients: int = 1, content: int = 0) -> Item:
    message = Message(content="x" * content)
    audience = Audience(user_ids=["alice"] * recipients)
    return Item(number, SendMessageRequest(message=message, audience=audience))


def sizes(*items: Item) -> list[int]:
    made = list(batches(items))
    assert [each for batch in made for each in batch] == list(items)
    return [len(batch) for batch in made]


def test_a_batch_has_at_most_500_items() -> None:
    assert sizes(*[item()] * 1_001) == [500, 500, 1]


def test_a_batch_has_at_most_5000_recipients() -> None:
    assert sizes(*[item(recipients=1_000)] * 6) == [5, 1]
    assert sizes(item(recipients=4_999), item(), item()) == [2, 1]


def test_a_batch_fits_a_request() -> None:
    items = [item(content=300_000)] * 20

    made = list(batches(items))

    for batch in made:
        request = BatchSendMessagesRequest(
            requests=[each.request for each in batch if each.request]
        )
        for each in request.requests:
            each.request_id = "0" * 36
        assert request.ByteSize() <= 4 * 1024 * 1024
    assert [len(batch) for batch in made] == [13, 7]


def test_what_is_beyond_the_limits_is_alone() -> None:
    assert sizes(item(), item(recipients=6_000), item()) == [1, 1, 1]
    assert sizes(item(), item(content=5_000_000), item()) == [1, 1, 1]


def test_a_line_that_holds_no_request_keeps_its_place() -> None:
    assert sizes(item(1), Item(2, None, "why"), item(3)) == [3]


def test_no_items_are_no_batch() -> None:
    assert sizes() == []


def test_a_line_holds_a_request_in_the_json_of_protobuf() -> None:
    text = json.dumps(
        {
            "message": {"channelId": "news", "title": "Nüws", "data": {"a": 1}},
            "audience": {"userIds": ["alice"]},
            "requestId": "r",
        }
    )

    request = parse_line(Line(7, text.encode())).request

    assert request is not None
    assert (request.message.channel_id, request.message.title) == ("news", "Nüws")
    assert request.message.data["a"] == 1
    assert parse_line(Line(8, b'{"message": null}')).request == SendMessageRequest()
    assert list(request.audience.user_ids) == ["alice"]
    assert request.request_id == "r"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "1 MiB"),
        (b"\xff", "UTF-8"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"{", "SendMessageRequest"),
        (b'{"massage": {}}', "massage"),
        (b'{"message": 1}', "message"),
        (b'{"message": {"title": "\\ud800"}}', "title"),
        (b'{"requestId": "a", "requestId": "b"}', "requestId"),
        (b'{"message": {"severity": "SEVERITY_URGENT"}}', "SEVERITY_URGENT"),
        (b'{"message": {"data": ' + b'{"a":' * 40 + b"1" + b"}" * 42, "deep"),
        (b'{"message": {"data": {"a": [1, {"b": 738529527931269425}]}}}', "message.data.a[1].b "),
        (b'{"message": {"data": {"a": NaN}}}', "NaN"),
        (b'{"a":' * 50_000, "SendMessageRequest"),
        (b'{"requestId": ' + b"9" * 5_000 + b"}", "SendMessageRequest"),
    ],
    ids=str,
)
def test_a_line_that_holds_none_says_why(text: bytes | None, problem: str) -> None:
    item = parse_line(Line(7, text))

    assert (item.number, item.request) == (7, None)
    assert problem in item.problem
    assert not item.problem.endswith(".")


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deep_to_be_sent_holds_none(begin: str, end: str) -> None:
    for depth in range(20, 60):
        text = '{"message": {"data": {"a": ' + begin * depth + "1" + end * depth + "}}}"

        request = parse_line(Line(1, text.encode())).request

        if request is not None:
            # Protobuf parses a message of at most 100 levels when it copies it.
            assert BatchSendMessagesRequest(requests=[request]).requests[0] == request
