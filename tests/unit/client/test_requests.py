from typing import Any
from uuid import UUID

import pytest
from google.protobuf.json_format import MessageToDict
from tocsin.v1.message_pb2 import ContentFormat, Severity
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin_client import _requests, make_send_request


def test_a_send_carries_every_argument() -> None:
    request = make_send_request(
        "marketing-clue",
        "A new lead",
        to=["alice", "bob"],
        content="*Acme* called",
        content_format=ContentFormat.CONTENT_FORMAT_MARKDOWN,
        url="/leads/42",
        mobile_url="https://m.example/leads/42",
        data={"lead": {"id": 42, "tags": ["new", None, True]}},
        labels={"region": "emea"},
        severity=Severity.SEVERITY_HIGH,
        sender="crm",
        request_id="lead-42",
    )

    assert MessageToDict(request, preserving_proto_field_name=True) == {
        "request_id": "lead-42",
        "message": {
            "channel_id": "marketing-clue",
            "title": "A new lead",
            "content": "*Acme* called",
            "content_format": "CONTENT_FORMAT_MARKDOWN",
            "url": "/leads/42",
            "mobile_url": "https://m.example/leads/42",
            "data": {"lead": {"id": 42, "tags": ["new", None, True]}},
            "labels": {"region": "emea"},
            "severity": "SEVERITY_HIGH",
            "sender": "crm",
        },
        "audience": {"user_ids": ["alice", "bob"]},
    }


def test_a_send_leaves_fields_without_an_argument_unset() -> None:
    message = make_send_request("news", "Hello", to=["alice"]).message

    assert MessageToDict(message) == {"channelId": "news", "title": "Hello"}


def test_a_lone_user_id_is_one_recipient() -> None:
    assert make_send_request("news", "Hello", to="alice").audience.user_ids == ["alice"]


@pytest.mark.parametrize("argument", [None, 5, b"alice", ["alice", None]])
def test_recipients_that_are_no_strings_are_refused(argument: list[str]) -> None:
    with pytest.raises(TypeError, match=r"to must be strings, not (NoneType|int)"):
        make_send_request("news", "Hello", to=argument)


@pytest.mark.parametrize("argument", [None, ""])
def test_a_send_without_a_request_id_gets_a_new_one(argument: str | None) -> None:
    ids = {
        make_send_request("news", "Hello", to="alice", request_id=argument).request_id
        for _ in range(2)
    }

    assert len(ids) == 2
    assert all(UUID(made).version == 4 for made in ids)


def test_a_batch_gives_request_ids_to_copies_only() -> None:
    bare = SendMessageRequest()
    named = SendMessageRequest(request_id="mine")

    batch = _requests.batch_request([bare, named])

    assert UUID(batch.requests[0].request_id).version == 4
    assert batch.requests[1].request_id == "mine"
    assert bare.request_id == ""


def test_a_channel_to_create_carries_every_argument() -> None:
    request = _requests.create_channel_request(
        "news", title="News", description="All of it", labels={"a": "b"}, request_id="once"
    )

    assert MessageToDict(request) == {
        "channel": {
            "channelId": "news",
            "title": "News",
            "description": "All of it",
            "labels": {"a": "b"},
        },
        "requestId": "once",
    }


def test_a_heartbeat_interval_is_in_seconds() -> None:
    request = _requests.subscribe_request("alice", snapshot_size=10, heartbeat_interval=1.5)

    assert request.heartbeat_interval.ToMilliseconds() == 1500
    assert (request.user_id, request.snapshot_size) == ("alice", 10)


@pytest.mark.parametrize(
    "name", ["channel_id", "title", "content", "url", "mobile_url", "sender", "request_id"]
)
def test_what_is_no_string_is_refused_by_its_name(name: str) -> None:
    arguments: dict[str, Any] = {"channel_id": "news", "title": "Hello", "to": "alice", name: 5}

    with pytest.raises(TypeError, match=f"^{name} must be a string, not int$"):
        make_send_request(**arguments)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": 1}, "labels must map strings to strings, and 'a' to 1 is not"),
        (["a"], "labels must be a mapping, not list"),
    ],
)
def test_labels_of_other_things_are_refused(labels: dict[str, str], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make_send_request("news", "Hello", to="alice", labels=labels)
