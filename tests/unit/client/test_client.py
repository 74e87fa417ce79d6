"""What the blocking client asks and answers, seen from where its server would be."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from tocsin.v1.channel_service_pb2 import ListChannelsResponse
from tocsin.v1.inbox_pb2 import NotificationFilter
from tocsin_client import (
    Aborted,
    AsyncClient,
    CallError,
    Client,
    InboxUpdate,
    Internal,
    InvalidArgument,
    Violation,
    make_send_request,
)

from tests.support.services import FILES
from tests.unit.client.playing import METHODS, Begun, Played
from tests.unit.client.scripting import (
    bad_request,
    error_info,
    live,
    reconnect,
    replay,
    retry_info,
    snapshot,
)

Call = Callable[[Client], object]
Fields = dict[str, Any]

_RESPONSES = {
    name: getattr(file, f"{name}Response")
    for file in FILES
    for name in METHODS
    if hasattr(file, f"{name}Response")
}

# A call, its RPC, the request, the response, and what the call gives of it.
CALLS: list[tuple[Call, str, Fields, Fields, Fields | None]] = [
    (
        lambda client: client.create_channel("news", title="News", request_id="r"),
        "CreateChannel",
        {"channel": {"channelId": "news", "title": "News"}, "requestId": "r"},
        {"channel": {"etag": "e1"}},
        {"etag": "e1"},
    ),
    (
        lambda client: client.get_channel("news"),
        "GetChannel",
        {"channelId": "news"},
        {"channel": {"etag": "e1"}},
        {"etag": "e1"},
    ),
    (
        lambda client: next(client.list_channels(page_size=3)),
        "ListChannels",
        {"pageSize": 3},
        {"channels": [{"channelId": "a"}]},
        {"channelId": "a"},
    ),
    (
        lambda client: client.update_channel("news", title="N", labels={}, request_id="r"),
        "UpdateChannel",
        {
            "channel": {"channelId": "news", "title": "N"},
            "updateMask": "title,labels",
            "requestId": "r",
        },
        {"channel": {"etag": "e2"}},
        {"etag": "e2"},
    ),
    (
        lambda client: client.update_channel("news", description="", etag="e1", request_id="r"),
        "UpdateChannel",
        {
            "channel": {"channelId": "news", "etag": "e1"},
            "updateMask": "description",
            "requestId": "r",
        },
        {"channel": {"etag": "e2"}},
        {"etag": "e2"},
    ),
    (
        lambda client: client.delete_channel("news", force=True, request_id="r"),
        "DeleteChannel",
        {"channelId": "news", "force": True, "requestId": "r"},
        {},
        None,
    ),
    (
        lambda client: client.send("news", "Hello", to="alice", request_id="r"),
        "SendMessage",
        {
            "message": {"channelId": "news", "title": "Hello"},
            "audience": {"userIds": ["alice"]},
            "requestId": "r",
        },
        {"acceptedCount": "1"},
        {"acceptedCount": "1"},
    ),
    (
        lambda client: client.send_batch(
            [make_send_request("news", "Hello", to="alice", request_id="r")]
        )[0],
        "BatchSendMessages",
        {
            "requests": [
                {
                    "message": {"channelId": "news", "title": "Hello"},
                    "audience": {"userIds": ["alice"]},
                    "requestId": "r",
                }
            ]
        },
        {"results": [{"response": {"acceptedCount": "1"}}]},
        {"response": {"acceptedCount": "1"}},
    ),
    (
        lambda client: client.get_message("m1"),
        "GetMessage",
        {"messageId": "m1"},
        {"message": {"title": "Hello"}},
        {"title": "Hello"},
    ),
    (
        lambda client: next(client.list_messages("news", page_size=3)),
        "ListMessages",
        {"channelId": "news", "pageSize": 3},
        {"messages": [{"title": "Hello"}]},
        {"title": "Hello"},
    ),
    (
        lambda client: client.get_inbox("alice"),
        "GetInbox",
        {"userId": "alice"},
        {"inbox": {"revision": "5"}},
        {"revision": "5"},
    ),
    (
        lambda client: next(
            client.list_notifications(
                "alice",
                channel_ids="news",
                filter=NotificationFilter.NOTIFICATION_FILTER_READ,
                page_size=3,
            )
        ),
        "ListNotifications",
        {
            "userId": "alice",
            "channelIds": ["news"],
            "filter": "NOTIFICATION_FILTER_READ",
            "pageSize": 3,
        },
        {"notifications": [{"notificationId": "n1"}]},
        {"notificationId": "n1"},
    ),
    (
        lambda client: next(client.list_inbox_channels("alice", unread_only=True, page_size=3)),
        "ListInboxChannels",
        {"userId": "alice", "unreadOnly": True, "pageSize": 3},
        {"inboxChannels": [{"totalCount": "2"}]},
        {"totalCount": "2"},
    ),
    (
        lambda client: client.update_notifications(
            "alice", ids=["n1", "n2"], read=False, seen=True, request_id="r"
        ),
        "UpdateNotifications",
        {
            "userId": "alice",
            "selector": {"ids": {"notificationIds": ["n1", "n2"]}},
            "read": False,
            "seen": True,
            "requestId": "r",
        },
        {"updatedCount": "2"},
        {"updatedCount": "2"},
    ),
    (
        lambda client: client.mark_read("alice", all=True, up_to_revision=7, request_id="r"),
        "UpdateNotifications",
        {
            "userId": "alice",
            "selector": {"all": True, "upToRevision": "7"},
            "read": True,
            "requestId": "r",
        },
        {"updatedCount": "2"},
        {"updatedCount": "2"},
    ),
    (
        lambda client: client.mark_unread("alice", ids="n1", request_id="r"),
        "UpdateNotifications",
        {
            "userId": "alice",
            "selector": {"ids": {"notificationIds": ["n1"]}},
            "read": False,
            "requestId": "r",
        },
        {},
        {},
    ),
    (
        lambda client: client.mark_seen("alice", channel_ids="news", request_id="r"),
        "UpdateNotifications",
        {
            "userId": "alice",
            "selector": {"channelIds": {"channelIds": ["news"]}},
            "seen": True,
            "requestId": "r",
        },
        {},
        {},
    ),
]

# Everything that changes something, without a request id.
MUTATIONS: list[tuple[Call, str]] = [
    (lambda client: client.create_channel("news", title="News"), "CreateChannel"),
    (lambda client: client.update_channel("news", title="News"), "UpdateChannel"),
    (lambda client: client.delete_channel("news"), "DeleteChannel"),
    (lambda client: client.send("news", "Hello", to="alice"), "SendMessage"),
    (lambda client: client.update_notifications("a", all=True, read=True), "UpdateNotifications"),
    (lambda client: client.mark_read("alice", all=True), "UpdateNotifications"),
    (lambda client: client.mark_unread("alice", all=True), "UpdateNotifications"),
    (lambda client: client.mark_seen("alice", all=True), "UpdateNotifications"),
]


class Hurried:
    """A client whose every call gets a timeout."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(getattr(self._client, name), timeout=0.25)


@pytest.fixture
def played() -> Iterator[Played]:
    played = Played()
    yield played
    played.client.close()


@pytest.mark.parametrize(
    ("call", "name", "carried", "response", "returned"),
    CALLS,
    ids=[f"{number}-{name}" for number, (_, name, *_) in enumerate(CALLS)],
)
def test_a_call_carries_its_arguments_and_gives_what_the_response_holds(
    played: Played,
    call: Call,
    name: str,
    carried: Fields,
    response: Fields,
    returned: Fields | None,
) -> None:
    calling = Begun(call, played.client)

    request = played.answer(name, ParseDict(response, _RESPONSES[name]()))

    result = calling.result()
    assert request == carried
    assert (MessageToDict(result) if isinstance(result, Message) else result) == returned
    assert played.timeouts == [7.0]


@pytest.mark.parametrize(
    ("call", "name", "response"),
    [(call, name, response) for call, name, _, response, _ in CALLS],
    ids=[f"{number}-{name}" for number, (_, name, *_) in enumerate(CALLS)],
)
def test_a_call_takes_a_timeout_of_its_own(
    played: Played, call: Call, name: str, response: Fields
) -> None:
    calling = Begun(call, Hurried(played.client))

    played.answer(name, ParseDict(response, _RESPONSES[name]()))

    calling.result()
    assert played.timeouts == [0.25]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda client: client.create_channel(5, title="News"), "channel_id"),
        (lambda client: client.get_channel(5), "channel_id"),
        (lambda client: client.update_channel("news", title=5), "title"),
        (lambda client: client.delete_channel(5), "channel_id"),
        (lambda client: client.send(5, "Hello", to="alice"), "channel_id"),
        (lambda client: client.get_message(5), "message_id"),
        (lambda client: next(client.list_messages(5)), "channel_id"),
        (lambda client: client.get_inbox(5), "user_id"),
        (lambda client: next(client.list_notifications(5)), "user_id"),
        (lambda client: next(client.list_inbox_channels(5)), "user_id"),
        (lambda client: client.mark_read(5, all=True), "user_id"),
        (lambda client: client.subscribe(5), "user_id"),
        (lambda client: client.subscribe("alice", cursor=5), "cursor"),
        (lambda client: client.inbox(5), "user_id"),
    ],
    ids=map(str, range(14)),
)
def test_what_is_no_string_is_refused_by_its_name(played: Played, call: Call, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a string, not int$"):
        call(played.client)


def test_what_is_no_number_of_seconds_is_refused_by_its_name(played: Played) -> None:
    client: Any = played.client

    with pytest.raises(TypeError, match="timeout must be a number of seconds, not str"):
        Client("host:1", timeout="3")  # type: ignore[arg-type]  # a user's mistake
    with pytest.raises(TypeError, match="timeout must be a number of seconds, not str"):
        client.get_inbox("alice", timeout="3")
    with pytest.raises(TypeError, match="heartbeat_interval must be a number of seconds, not str"):
        client.subscribe("alice", heartbeat_interval="3")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e10])
def test_a_timeout_that_cannot_be_waited_for_is_refused(played: Played, timeout: float) -> None:
    for make in (Client, AsyncClient):
        with pytest.raises(ValueError, match=f"timeout is {timeout}, and must be more than 0"):
            make("host:1", timeout=timeout)
    with pytest.raises(ValueError, match=f"timeout is {timeout}, and must be more than 0"):
        played.client.get_inbox("alice", timeout=timeout)


def test_every_method_of_the_services_is_called() -> None:
    assert {name for _, name, *_ in CALLS} | {"Subscribe"} == set(METHODS)


@pytest.mark.parametrize(
    ("call", "name"),
    MUTATIONS,
    ids=[f"{number}-{name}" for number, (_, name) in enumerate(MUTATIONS)],
)
def test_what_changes_something_carries_a_new_request_id(
    played: Played, call: Call, name: str
) -> None:
    ids = set()
    for _ in range(2):
        calling = Begun(call, played.client)
        ids.add(played.answer(name, _RESPONSES[name]())["requestId"])
        calling.result()

    assert len(ids) == 2
    assert all(UUID(made).version == 4 for made in ids)


def test_a_list_asks_for_the_next_page_once_the_one_before_is_used_up(played: Played) -> None:
    channels = played.client.list_channels(page_size=2)
    first = Begun(next, channels)
    requests = [played.answer("ListChannels", page("a", "b", then="t1"))]
    ids = [first.result().channel_id, next(channels).channel_id]

    rest = Begun(lambda: [channel.channel_id for channel in channels])
    requests += [played.answer("ListChannels", last) for last in (page(then="t2"), page("c"))]

    assert ids + rest.result() == ["a", "b", "c"]
    assert requests == [
        {"pageSize": 2},
        {"pageSize": 2, "pageToken": "t1"},
        {"pageSize": 2, "pageToken": "t2"},
    ]


def page(*channel_ids: str, then: str = "") -> ListChannelsResponse:
    response = ListChannelsResponse(next_page_token=then)
    for channel_id in channel_ids:
        response.channels.add(channel_id=channel_id)
    return response


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidArgument),
        (grpc.StatusCode.ABORTED, Aborted),
        (grpc.StatusCode.INTERNAL, Internal),
        (grpc.StatusCode.UNKNOWN, CallError),
    ],
)
def test_a_failure_is_an_exception_of_the_clients_own(
    played: Played, code: grpc.StatusCode, kind: type[CallError]
) -> None:
    calling = Begun(played.client.get_channel, "news")
    played.fail("GetChannel", code, error_info("REASON"), bad_request(channel_id="no"))

    with pytest.raises(kind) as caught:
        calling.result()

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.reason) == (code.name, "REASON")
    assert caught.value.violations == (Violation("channel_id", "no"),)


@pytest.mark.parametrize("selected", [{}, {"all": False}, {"ids": "n1", "all": True}, {"ids": (), "channel_ids": ()}])  # fmt: skip
def test_a_mark_of_nothing_or_of_two_things_is_refused(
    played: Played, selected: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="one of ids, channel_ids and all"):
        played.client.mark_read("alice", **selected)


def test_a_change_of_nothing_is_refused(played: Played) -> None:
    with pytest.raises(ValueError, match="title, description or labels"):
        played.client.update_channel("news", etag="e1")


def test_streams_that_fail_are_followed_by_others_ever_later(played: Played) -> None:
    subscription = played.client.subscribe("alice")
    following: Begun[InboxUpdate] = Begun(next, subscription)
    began = []
    for _ in range(8):
        _, stream = played.take("Subscribe")
        began.append(round(played.clock.time(), 6))
        stream.terminate((), grpc.StatusCode.UNAVAILABLE, "played")
    _, stream = played.take("Subscribe")
    stream.send_response(snapshot(5))
    first = following.result()
    following = Begun(next, subscription)
    stream.terminate((), grpc.StatusCode.UNAVAILABLE, "played")
    request, stream = played.take("Subscribe")
    stream.send_response(replay(5, 5, last=True))

    assert began == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 11.3]
    assert round(played.clock.time(), 6) == 16.4
    assert MessageToDict(request)["cursor"] == first.cursor == "c5"
    assert following.result().phase != first.phase


def test_a_server_says_how_long_to_wait(played: Played) -> None:
    subscription = played.client.subscribe("alice")
    following: Begun[InboxUpdate] = Begun(next, subscription)
    played.fail("Subscribe", grpc.StatusCode.RESOURCE_EXHAUSTED, retry_info(60.0))
    _, stream = played.take("Subscribe")
    resumed_at = played.clock.time()
    stream.send_response(snapshot(5))
    following.result()
    following = Begun(next, subscription)
    stream.send_response(reconnect(5, 2.0))
    request, stream = played.take("Subscribe")
    stream.send_response(live(5, 6))

    assert resumed_at == pytest.approx(60.1)
    assert played.clock.time() == pytest.approx(62.2)
    assert MessageToDict(request)["cursor"] == "drained5"
    assert following.result().revision == 6


def test_nothing_connects_before_it_is_needed() -> None:
    connected: list[object] = []

    def connect(options: object) -> grpc.Channel:
        connected.append(options)
        return grpc.insecure_channel("unix:none")

    with Client("played.example:1", _connect=connect) as client:
        client.subscribe("alice")
        client.list_channels()

    assert connected == []
