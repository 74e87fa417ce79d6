import pytest
from google.protobuf.duration_pb2 import Duration
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin.v1.message_pb2 import ContentFormat, Message, MessageState, Severity
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin_server.api.channels import decode as channel_decode
from tocsin_server.api.inboxes import decode as inbox_decode
from tocsin_server.api.messages import decode as message_decode
from tocsin_server.domain.model.channels import ChannelType
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.identity import Caller, InboxKey

CALLER = Caller("acme", "backend")


def send_request(*user_ids: str, request_id: str = "r-1", **fields: str) -> SendMessageRequest:
    message = Message(**{"channel_id": "news", "title": "Hello"} | fields)  # type: ignore[arg-type]
    return SendMessageRequest(
        request_id=request_id, message=message, audience=Audience(user_ids=user_ids)
    )


def test_a_send_belongs_to_the_tenant_and_the_name_of_its_caller() -> None:
    submission = message_decode.submission(CALLER, send_request("alice"))

    assert submission.request.name == ("acme", "backend", "SendMessage", "r-1")


def test_recipients_count_once_and_keep_their_order() -> None:
    submission = message_decode.submission(
        CALLER, send_request("carol", "alice", "carol", "bob", "alice")
    )

    assert list(submission.draft.recipients) == ["carol", "alice", "bob"]


def test_what_the_server_sets_is_not_stored_and_defaults_are() -> None:
    request = send_request("alice", message_id="mine")
    request.message.state = MessageState.MESSAGE_STATE_SENT
    request.message.create_time.GetCurrentTime()

    body = Message.FromString(message_decode.submission(CALLER, request).draft.body)

    assert body == Message(
        channel_id="news",
        title="Hello",
        severity=Severity.SEVERITY_NORMAL,
        content_format=ContentFormat.CONTENT_FORMAT_PLAIN,
    )


def test_data_without_fields_is_stored_as_none() -> None:
    request = send_request("alice")
    request.message.data.SetInParent()
    request.message.data.MergeFromString(b"\xc0\x3e\x01")  # field 1,000, which is dropped

    body = Message.FromString(message_decode.submission(CALLER, request).draft.body)

    assert not body.HasField("data")


def test_what_the_sender_chose_is_stored() -> None:
    request = send_request("alice")
    request.message.severity = Severity.SEVERITY_CRITICAL
    request.message.content_format = ContentFormat.CONTENT_FORMAT_MARKDOWN

    draft = message_decode.submission(CALLER, request).draft

    body = Message.FromString(draft.body)
    assert (body.severity, body.content_format) == (4, 2)
    assert draft.severity == 4


def test_the_same_request_has_the_same_digest_and_another_has_not() -> None:
    def digest(request: SendMessageRequest) -> bytes:
        return message_decode.submission(CALLER, request).request.digest

    first = send_request("alice")
    first.message.labels.update({"a": "1", "b": "2"})
    again = send_request("alice")
    again.message.labels.update({"b": "2", "a": "1"})

    assert digest(first) == digest(again)
    assert digest(send_request("alice")) != digest(send_request("bob"))
    assert digest(send_request("alice")) != digest(send_request("alice", title="Other"))


def test_a_channel_belongs_to_the_tenant_of_its_caller_and_is_in_app_by_default() -> None:
    request = CreateChannelRequest(channel=Channel(channel_id="news", title="News", etag="mine"))

    channel = channel_decode.channel(CALLER, request)

    assert (channel.tenant, channel.channel_id) == ("acme", "news")
    assert channel.type is ChannelType.IN_APP
    assert channel.etag == ""


def test_a_subscription_has_the_defaults() -> None:
    subscription = inbox_decode.subscription(CALLER, SubscribeRequest(user_id="alice"))

    assert subscription.key == InboxKey("acme", "alice")
    assert subscription.cursor is None
    assert subscription.snapshot_size == 50
    assert subscription.heartbeat_interval == 30.0


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [(Duration(seconds=1), 1.0), (Duration(seconds=2, nanos=500_000_000), 2.5)],
)
def test_a_subscription_has_the_values_of_its_request(interval: Duration, seconds: float) -> None:
    cursor = Cursor(1, 2, InboxKey("acme", "alice").digest(), Position(3))

    subscription = inbox_decode.subscription(
        CALLER,
        SubscribeRequest(
            user_id="alice",
            cursor=cursor.encode(),
            snapshot_size=5_000,
            heartbeat_interval=interval,
        ),
    )

    assert subscription.cursor == cursor
    assert subscription.snapshot_size == 1_000
    assert subscription.heartbeat_interval == seconds
