"""Each rule of the table: at its limit, beyond it, below it."""

from collections.abc import Mapping, Sequence

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.struct_pb2 import Struct
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    GetChannelRequest,
    ListChannelsRequest,
)
from tocsin.v1.inbox_pb2 import (
    ChannelIds,
    NotificationFilter,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    ListInboxChannelsRequest,
    ListNotificationsRequest,
    SubscribeRequest,
    UpdateNotificationsRequest,
)
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import (
    BatchSendMessagesRequest,
    GetMessageRequest,
    ListMessagesRequest,
    SendMessageRequest,
)
from tocsin_server.api.channels import rules as channels
from tocsin_server.api.inboxes import rules as inboxes
from tocsin_server.api.messages import rules as messages
from tocsin_server.api.rules import validator
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.errors import FieldsInvalid

from tests.support.building import ALICE
from tests.support.services import SERVICES

validate = validator({**channels.RULES, **messages.RULES, **inboxes.RULES})

Value = str | int | dict[str, str] | Struct

USER_ID_RULE = "must have 1 to 128 characters, none of them a control, format or space character"
PROVIDED = [
    *("auth0|65f0", "google-oauth2|1", "o'brien@example.com", "_svc", "+15551234"),
    *("DOMAIN\\joe", ".a", "alice", "Alice"),
]
EXCLUDED = {
    "NUL": "\0",
    "a tab": "\t",
    "DEL": "\x7f",
    "a control character of Latin-1": "\x85",
    "a soft hyphen": "\xad",
    "a zero-width space": "\u200b",
    "an override": "\u202e",
    "a space": " ",
    "a no-break space": "\xa0",
    "an ideographic space": "\u3000",
    "a line separator": "\u2028",
    "a paragraph separator": "\u2029",
    "a tag": "\U000e0041",
}

CURSOR = Cursor(1, 2, ALICE.digest(), Position(3)).encode()


def create(**fields: Value) -> CreateChannelRequest:
    """A valid request to create a channel; `fields` replace the channel's."""
    request = CreateChannelRequest(channel=Channel(channel_id="news", title="News"))
    put(request.channel, fields)
    return request


def send(
    user_ids: Sequence[str] = ("alice",), request_id: str = "", **fields: Value
) -> SendMessageRequest:
    """A valid request to send; `fields` replace the message's."""
    request = SendMessageRequest(
        request_id=request_id,
        message=Message(channel_id="news", title="Hello"),
        audience=Audience(user_ids=user_ids),
    )
    put(request.message, fields)
    return request


def by_all(up_to_revision: int = 0) -> NotificationSelector:
    return NotificationSelector(all=True, up_to_revision=up_to_revision)


def by_ids(count: int) -> NotificationSelector:
    ids = [f"id-{n}" for n in range(count)]
    return NotificationSelector(ids=NotificationIds(notification_ids=ids))


def by_channels(count: int) -> NotificationSelector:
    ids = [f"channel-{n}" for n in range(count)]
    return NotificationSelector(channel_ids=ChannelIds(channel_ids=ids))


def marking(
    user_id: str = "alice",
    selector: NotificationSelector | None = None,
    *,
    read: bool | None = True,
    seen: bool | None = None,
    request_id: str = "",
) -> UpdateNotificationsRequest:
    """A valid request to mark all as read, with the given fields replaced."""
    return UpdateNotificationsRequest(
        user_id=user_id,
        selector=selector or by_all(),
        read=read,
        seen=seen,
        request_id=request_id,
    )


def put(message: ProtoMessage, fields: Mapping[str, Value]) -> None:
    for name, value in fields.items():
        if isinstance(value, dict):
            getattr(message, name).update(value)
        elif isinstance(value, Struct):
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)


def data_of(size: int) -> Struct:
    """A Struct of exactly `size` bytes."""
    struct = Struct()
    text = "x" * (size - 32)
    while struct.ByteSize() < size:
        struct.update({"key": text})
        text += "x"
    assert struct.ByteSize() == size
    return struct


def violations(request: ProtoMessage) -> list[tuple[str, str]]:
    """The field and the description of each violation."""
    try:
        validate(request)
    except FieldsInvalid as error:
        return [(violation.field, violation.description) for violation in error.violations]
    return []


def users(count: int) -> list[str]:
    return [f"user-{number}" for number in range(count)]


def labels(count: int) -> dict[str, str]:
    return {f"key-{number}": "value" for number in range(count)}


GOOD: list[tuple[str, ProtoMessage]] = [
    ("shortest channel id", create(channel_id="a")),
    ("longest channel id", create(channel_id="a" * 63)),
    ("every kind of character in a channel id", create(channel_id="0a-_9")),
    ("shortest title", create(title="T")),
    ("longest title", create(title="é" * 200)),
    ("no description", create(description="")),
    ("longest description", create(description="😀" * 2_000)),
    ("most labels", create(labels=labels(32))),
    ("longest label", create(labels={"k" * 63: "v" * 256})),
    ("shortest label", create(labels={"k": ""})),
    ("default type", create(type=0)),
    ("known type", create(type=1)),
    ("longest request id", CreateChannelRequest(channel=create().channel, request_id="r" * 128)),
    ("plain send", send()),
    ("everything read", marking()),
    ("everything unread and unseen", marking(read=False, seen=False)),
    ("everything up to a revision", marking(selector=by_all(7))),
    ("most ids", marking(selector=by_ids(1_000))),
    (
        "ids of nobody",
        marking(
            selector=NotificationSelector(ids=NotificationIds(notification_ids=["", "x" * 9_999]))
        ),
    ),
    ("most channels to mark", marking(selector=by_channels(100))),
    ("longest content", send(content="😀" * 10_000)),
    ("markdown", send(content_format=2)),
    ("longest url", send(url="/" + "a" * 2_047)),
    ("longest mobile url", send(mobile_url="https://example.com/" + "a" * 2_028)),
    ("most data", send(data=data_of(16 * 1024))),
    ("known severity", send(severity=4)),
    ("longest sender", send(sender="s" * 128)),
    ("what the server sets", send(message_id="ignored", state=99)),
    ("most recipients", send(users(1_000))),
    ("a recipient twice", send(["alice", "alice"])),
    ("longest user id", send(["a" * 128])),
    ("longest user id in the widest characters", send(["😀" * 128])),
    ("every visible character of ASCII in a user id", send(["".join(map(chr, range(33, 127)))])),
    ("user ids of identity providers", send(PROVIDED)),
    ("letters of any script in a user id", send(["юзер", "用户", "é", "e\u0301"])),
    ("most items", BatchSendMessagesRequest(requests=[send()] * 500)),
    ("most recipients in all", BatchSendMessagesRequest(requests=[send(users(1_000))] * 5)),
    ("an item's own mistake is its own", BatchSendMessagesRequest(requests=[send(title="")])),
    ("message id", GetMessageRequest(message_id="m" * 128)),
    ("a channel's messages", ListMessagesRequest(channel_id="news")),
    ("largest page", ListChannelsRequest(page_size=2**31 - 1)),
    ("no page size", ListNotificationsRequest(user_id="alice")),
    ("most channels", ListNotificationsRequest(user_id="alice", channel_ids=["a"] * 100)),
    (
        "known filter",
        ListNotificationsRequest(
            user_id="alice", filter=NotificationFilter.NOTIFICATION_FILTER_READ
        ),
    ),
    ("no cursor", SubscribeRequest(user_id="alice")),
    ("a cursor", SubscribeRequest(user_id="alice", cursor=CURSOR)),
    (
        "shortest heartbeat",
        SubscribeRequest(user_id="alice", heartbeat_interval=Duration(seconds=1)),
    ),
    (
        "longest heartbeat",
        SubscribeRequest(user_id="alice", heartbeat_interval=Duration(seconds=300)),
    ),
    ("default heartbeat", SubscribeRequest(user_id="alice", heartbeat_interval=Duration())),
    ("largest snapshot", SubscribeRequest(user_id="alice", snapshot_size=2**31 - 1)),
]


@pytest.mark.parametrize("request_", [r for _, r in GOOD], ids=[name for name, _ in GOOD])
def test_what_is_within_the_limits_passes(request_: ProtoMessage) -> None:
    assert violations(request_) == []


BAD: list[tuple[str, ProtoMessage, str, str]] = [
    ("no channel", CreateChannelRequest(), "channel", "is required"),
    ("no channel id", create(channel_id=""), "channel.channel_id", "must match"),
    ("long channel id", create(channel_id="a" * 64), "channel.channel_id", "must match"),
    ("upper case channel id", create(channel_id="News"), "channel.channel_id", "must match"),
    ("channel id with a dash first", create(channel_id="-a"), "channel.channel_id", "must match"),
    ("channel id with a line end", create(channel_id="news\n"), "channel.channel_id", "must match"),
    ("channel id of other letters", create(channel_id="né"), "channel.channel_id", "must match"),
    ("no title", create(title=""), "channel.title", "is required, 1 to 200 characters"),
    ("blank title", create(title=" \t\n"), "channel.title", "is required, 1 to 200 characters"),
    ("invisible title", create(title="\u3164\u200b"), "channel.title", "has no visible character"),
    ("long title", create(title="é" * 201), "channel.title", "has 201 characters; 200 is"),
    ("title with NUL", create(title="a\0b"), "channel.title", "must not contain"),
    ("long description", create(description="x" * 2_001), "channel.description", "has 2,001"),
    ("description with NUL", create(description="\0"), "channel.description", "must not contain"),
    ("too many labels", create(labels=labels(33)), "channel.labels", "has 33 entries; 32 is"),
    ("empty label key", create(labels={"": "v"}), "channel.labels", "has a key of 0 characters"),
    ("long label key", create(labels={"k" * 64: "v"}), "channel.labels", "has a key of 64"),
    ("long label value", create(labels={"k": "v" * 257}), 'channel.labels["k"]', "has 257"),
    ("unknown type", create(type=2), "channel.type", "has the unknown value 2"),
    ("long request id", send(request_id="r" * 129), "request_id", "has 129 characters; 128 is"),
    ("request id with NUL", send(request_id="\0"), "request_id", "must not contain"),
    ("no channel to get", GetChannelRequest(), "channel_id", "must match"),
    ("no message", SendMessageRequest(audience=send().audience), "message", "is required"),
    ("no audience", SendMessageRequest(message=send().message), "audience", "is required"),
    ("empty audience", send([]), "audience", "is required"),
    ("no channel of a message", send(channel_id=""), "message.channel_id", "must match"),
    ("no title of a message", send(title=""), "message.title", "is required"),
    ("long title of a message", send(title="x" * 201), "message.title", "has 201"),
    ("long content", send(content="x" * 10_001), "message.content", "has 10,001"),
    ("unknown format", send(content_format=3), "message.content_format", "has the unknown value 3"),
    ("script", send(url="javascript:alert(1)"), "message.url", "must be http"),
    ("long url", send(url="/" + "a" * 2_048), "message.url", "has 2,049 characters; 2,048 is"),
    ("user info", send(mobile_url="https://a@b.c/"), "message.mobile_url", "must not contain user"),
    ("too much data", send(data=data_of(16 * 1024 + 1)), "message.data", "has 16,385 bytes"),
    ("too many labels of a message", send(labels=labels(33)), "message.labels", "has 33 entries"),
    ("unknown severity", send(severity=5), "message.severity", "has the unknown value 5"),
    ("negative severity", send(severity=-1), "message.severity", "has the unknown value -1"),
    ("long sender", send(sender="s" * 129), "message.sender", "has 129 characters; 128 is"),
    ("too many recipients", send(users(1_001)), "audience.user_ids", "has 1,001 items; 1,000 is"),
    ("empty user id", send(["alice", ""]), "audience.user_ids[1]", USER_ID_RULE),
    ("long user id", send(["a" * 129]), "audience.user_ids[0]", USER_ID_RULE),
    ("long user id of wide characters", send(["é" * 129]), "audience.user_ids[0]", USER_ID_RULE),
    *[
        (f"user id with {name}", send([f"a{text}b"]), "audience.user_ids[0]", USER_ID_RULE)
        for name, text in EXCLUDED.items()
    ],
    ("user id that ends with a line", send(["a\n"]), "audience.user_ids[0]", USER_ID_RULE),
    ("no item", BatchSendMessagesRequest(), "requests", "has 0 items; 1 to 500 is"),
    (
        "too many items",
        BatchSendMessagesRequest(requests=[send()] * 501),
        "requests",
        "has 501 items; 1 to 500 is",
    ),
    (
        "too many recipients in all",
        BatchSendMessagesRequest(requests=[*[send(users(1_000))] * 5, send()]),
        "requests",
        "has 5,001 recipients in all; 5,000 is",
    ),
    ("no message id", GetMessageRequest(), "message_id", "is required"),
    ("long message id", GetMessageRequest(message_id="m" * 129), "message_id", "has 129"),
    ("no channel of messages", ListMessagesRequest(), "channel_id", "must match"),
    ("a bad channel's messages", ListMessagesRequest(channel_id="A"), "channel_id", "must match"),
    (
        "negative page of messages",
        ListMessagesRequest(channel_id="a", page_size=-1),
        "page_size",
        "is -1",
    ),
    ("negative page of channels", ListChannelsRequest(page_size=-(2**31)), "page_size", "is -2147"),
    ("no user to get", GetInboxRequest(), "user_id", USER_ID_RULE),
    ("no user to list", ListNotificationsRequest(), "user_id", USER_ID_RULE),
    (
        "too many channels",
        ListNotificationsRequest(user_id="alice", channel_ids=["a"] * 101),
        "channel_ids",
        "has 101 items; 100 is",
    ),
    (
        "bad channel",
        ListNotificationsRequest(user_id="alice", channel_ids=["a", "B"]),
        "channel_ids[1]",
        "must match",
    ),
    (
        "unknown filter",
        ListNotificationsRequest(user_id="alice", filter=4),  # type: ignore[arg-type]  # that is the mistake
        "filter",
        "has the unknown value 4",
    ),
    (
        "negative page of notifications",
        ListNotificationsRequest(user_id="alice", page_size=-1),
        "page_size",
        "is -1; it must not be negative",
    ),
    ("no user whose channels to list", ListInboxChannelsRequest(), "user_id", USER_ID_RULE),
    (
        "negative page of an inbox's channels",
        ListInboxChannelsRequest(user_id="alice", page_size=-1),
        "page_size",
        "is -1; it must not be negative",
    ),
    ("no user to mark", marking(user_id=""), "user_id", USER_ID_RULE),
    (
        "no selector",
        UpdateNotificationsRequest(user_id="alice", read=True),
        "selector",
        "is required",
    ),
    (
        "a selector of nothing",
        marking(selector=NotificationSelector(up_to_revision=3)),
        "selector.target",
        "is required: ids, channel_ids or all",
    ),
    (
        "not all",
        marking(selector=NotificationSelector(all=False)),
        "selector.all",
        "must be true",
    ),
    (
        "no ids",
        marking(selector=by_ids(0)),
        "selector.ids.notification_ids",
        "has 0 items; 1 to 1,000 is",
    ),
    (
        "too many ids",
        marking(selector=by_ids(1_001)),
        "selector.ids.notification_ids",
        "has 1,001 items; 1 to 1,000 is",
    ),
    (
        "no channels",
        marking(selector=by_channels(0)),
        "selector.channel_ids.channel_ids",
        "has 0 items; 1 to 100 is",
    ),
    (
        "too many channels to mark",
        marking(selector=by_channels(101)),
        "selector.channel_ids.channel_ids",
        "has 101 items; 1 to 100 is",
    ),
    (
        "a bad channel to mark",
        marking(selector=NotificationSelector(channel_ids=ChannelIds(channel_ids=["a", "B"]))),
        "selector.channel_ids.channel_ids[1]",
        "must match",
    ),
    (
        "up to a negative revision",
        marking(selector=NotificationSelector(all=True, up_to_revision=-1)),
        "selector.up_to_revision",
        "is -1; it must not be negative",
    ),
    (
        "ids up to a revision",
        marking(selector=NotificationSelector(ids=by_ids(1).ids, up_to_revision=1)),
        "selector.up_to_revision",
        "must not be set together with ids",
    ),
    ("nothing to mark as", marking(read=None), "read", "is required when seen is not set"),
    ("read but not seen", marking(seen=False), "read", "must not be true when seen is false"),
    ("long request id of a marking", marking(request_id="r" * 129), "request_id", "has 129"),
    ("no user to follow", SubscribeRequest(), "user_id", USER_ID_RULE),
    (
        "no cursor at all",
        SubscribeRequest(user_id="alice", cursor="x"),
        "cursor",
        "is not a cursor",
    ),
    (
        "negative snapshot",
        SubscribeRequest(user_id="alice", snapshot_size=-1),
        "snapshot_size",
        "is -1; it must not be negative",
    ),
    *[
        (
            f"heartbeat of {span.seconds} s and {span.nanos} ns",
            SubscribeRequest(user_id="alice", heartbeat_interval=span),
            "heartbeat_interval",
            "it must be 1 to 300 s",
        )
        for span in (
            Duration(nanos=999_999_999),
            Duration(seconds=-1),
            Duration(seconds=300, nanos=1),
            Duration(seconds=10**11),
        )
    ],
    *[
        (
            f"heartbeat of {nanos} ns",
            SubscribeRequest(user_id="alice", heartbeat_interval=Duration(nanos=nanos)),
            "heartbeat_interval",
            f"has {nanos:,} nanos; 0 to 999,999,999 is the limit",
        )
        for nanos in (-1, 1_000_000_000, 2**31 - 1)
    ],
    ("a label with NUL", send(labels={"k": "\0"}), "message.labels", "must not contain"),
    ("a label's key with NUL", send(labels={"\0": "v"}), "message.labels", "must not contain"),
]


@pytest.mark.parametrize(
    ("request_", "field", "description"),
    [case[1:] for case in BAD],
    ids=[case[0] for case in BAD],
)
def test_what_is_beyond_a_limit_is_named_with_the_rule(
    request_: ProtoMessage, field: str, description: str
) -> None:
    (violation,) = violations(request_)

    assert violation[0] == field
    assert description in violation[1]


def test_a_title_that_shows_nothing_is_not_called_absent_nor_too_long() -> None:
    assert violations(create(title="\u3164\u200b")) == [
        ("channel.title", "has no visible character")
    ]


def test_every_violated_field_is_in_one_answer() -> None:
    request = send(
        ["alice", "b c", "d e"],
        request_id="r" * 129,
        channel_id="News",
        title="",
        content="x" * 10_001,
        url="javascript:alert(1)",
        mobile_url="//evil.com",
        labels={"k": "v" * 257},
        severity=9,
        sender="s" * 129,
    )

    assert sorted(field for field, _ in violations(request)) == sorted(
        [
            "request_id",
            "message.channel_id",
            "message.title",
            "message.content",
            "message.url",
            "message.mobile_url",
            'message.labels["k"]',
            "message.severity",
            "message.sender",
            "audience.user_ids[1]",
            "audience.user_ids[2]",
        ]
    )


def test_validating_leaves_a_request_as_it_is() -> None:
    request = send(data=data_of(16 * 1024))
    # A field that this server does not know: number 1,000, the varint 1.
    request.message.data.MergeFromString(b"\xc0\x3e\x01")
    before = request.SerializeToString()

    assert violations(request) == []  # what is not known is not stored, and not counted
    assert request.SerializeToString() == before


def test_a_cursor_has_a_reason_of_its_own() -> None:
    with pytest.raises(FieldsInvalid) as caught:
        validate(SubscribeRequest(cursor="x"))

    assert [v.field for v in caught.value.violations] == ["user_id", "cursor"]
    assert caught.value.reason == "CURSOR_INVALID"


def test_every_request_of_every_service_has_rules_for_fields_that_it_has() -> None:
    tables = {
        "ChannelService": channels.RULES,
        "MessageService": messages.RULES,
        "InboxService": inboxes.RULES,
    }
    for service in SERVICES:
        table = tables[service.name]
        assert {request.DESCRIPTOR for request in table} == {
            method.input_type for method in service.methods
        }
        for message, rules in table.items():
            own = {*message.DESCRIPTOR.fields_by_name, *message.DESCRIPTOR.oneofs_by_name}
            assert {name for name, _ in rules} <= own
