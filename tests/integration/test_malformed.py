"""What is no request at all, or too large a one."""

import logging

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct, Value
from grpc import StatusCode
from tocsin.v1 import channel_service_pb2, message_service_pb2
from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin_server.api.page_tokens import Listing
from tocsin_server.domain.model.identity import Caller

from tests.support import raw
from tests.support.asking import send_request
from tests.support.failures import Failure, failing
from tests.support.services import SERVED_METHODS
from tests.support.serving import Served

# Nothing here depends on what a hub tells.
pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)

LIMIT = 4 * 1024 * 1024

# A request without fields takes whatever is encoded well.
METHODS = [method for method in SERVED_METHODS if method.input_type.fields]
LISTS = [method for method in METHODS if "page_token" in method.input_type.fields_by_name]

MALFORMED = {
    "a tag without an end": b"\xff\xff\xff\xff",
    "a length beyond the end": b"\x0a\x7f",
    "a wire type that there is not": b"\x0f",
    "a field of number 0": b"\x02\x00",
}


def path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


async def call(server: Served, method: MethodDescriptor, body: bytes) -> Failure:
    """Sends bytes as they are, and says how the call failed."""
    if method.client_streaming:
        return await failing(raw.exchange(server.channel, path(method), [body]).read())
    if method.server_streaming:
        return await failing(raw.stream(server.channel, path(method), body).read())
    return await failing(raw.unary(server.channel, path(method), body))


@every_method
async def test_a_malformed_request_is_an_invalid_argument(
    server: Served, method: MethodDescriptor
) -> None:
    for what, body in MALFORMED.items():
        failure = await call(server, method, body)

        assert failure.code is StatusCode.INVALID_ARGUMENT, what
        assert failure.reason == "REQUEST_MALFORMED", what


@pytest.mark.parametrize(
    "body",
    [b"\x0a\x02\xff\xfe", b"\x0a\x03\xed\xa0\x80", b"\x0a\x02\xc0\x80"],
    ids=["no UTF-8", "a surrogate", "an overlong NUL"],
)
async def test_a_text_that_is_not_utf_8_is_an_invalid_argument(server: Served, body: bytes) -> None:
    method = channel_service_pb2.DESCRIPTOR.services_by_name["ChannelService"].methods_by_name[
        "GetChannel"
    ]

    failure = await call(server, method, body)

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED")
    assert failure.fields == ["channel_id"]


async def test_data_that_is_nested_too_deeply_is_an_invalid_argument(server: Served) -> None:
    method = message_service_pb2.DESCRIPTOR.services_by_name["MessageService"].methods_by_name[
        "SendMessage"
    ]
    # struct_value within fields within struct_value, 200 deep.
    value = b""
    for _ in range(200):
        entry = b"\x0a\x00\x12" + _length(value) + value
        struct = b"\x0a" + _length(entry) + entry
        value = b"\x2a" + _length(struct) + struct
    entry = b"\x0a\x00\x12" + _length(value) + value
    struct = b"\x0a" + _length(entry) + entry
    message = b"\x42" + _length(struct) + struct

    failure = await call(server, method, b"\x12" + _length(message) + message)

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED")


def _length(value: bytes) -> bytes:
    size, encoded = len(value), bytearray()
    while size > 0x7F:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*encoded, size))


async def test_an_empty_request_is_well_formed_and_names_what_it_lacks(server: Served) -> None:
    method = message_service_pb2.DESCRIPTOR.services_by_name["MessageService"].methods_by_name[
        "SendMessage"
    ]

    failure = await call(server, method, b"")

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert sorted(failure.fields) == ["audience", "message"]


async def test_fields_that_the_server_does_not_know_are_ignored(server: Served) -> None:
    # Field 1000, a number.
    body = send_request("alice").SerializeToString() + b"\xc0\x3e\x01"

    await raw.unary(server.channel, "/tocsin.v1.MessageService/SendMessage", body)

    assert (await server.client.get_inbox("alice")).revision == 1


async def test_what_the_server_does_not_know_of_a_message_is_not_stored(server: Served) -> None:
    request = send_request("alice")
    request.message.data.update({"a": 1})
    known = request.message.SerializeToString()
    unknown = b"\xc2\x3e" + _length(bytes(100_000)) + bytes(100_000)
    # Two encodings one after the other are merged: this one has the field alone, in `message`.
    added = b"\x12" + _length(unknown) + unknown

    body = request.SerializeToString() + added
    await raw.unary(server.channel, "/tocsin.v1.MessageService/SendMessage", body)

    async with server.client.subscribe("alice") as subscription:
        update = await anext(subscription)
    assert update.changes[0].upserted.message.ByteSize() < len(known) + 100


def nested(levels: int) -> Struct:
    """Data that is nested `levels` deep."""
    struct = Struct()
    value = struct.fields["a"]
    for _ in range(levels - 1):
        value = value.list_value.values.add()
    value.number_value = 1
    return struct


async def test_data_as_deep_as_allowed_reaches_its_reader(server: Served) -> None:
    request = send_request("alice")
    request.message.data.CopyFrom(nested(16))

    await server.messages.SendMessage(request)

    async with server.client.subscribe("alice") as subscription:
        update = await anext(subscription)
    assert update.changes[0].upserted.message.data == nested(16)


@pytest.mark.parametrize(
    ("data", "description"),
    [
        (nested(17), "is nested deeper than 16 levels"),
        (nested(40), "is nested deeper than 16 levels"),
        (Struct(fields={"a": Value(number_value=float("nan"))}), "has a number that is not finite"),
        (Struct(fields={"a": Value(number_value=float("inf"))}), "has a number that is not finite"),
        (Struct(fields={"a": Value()}), "has a value without a kind"),
    ],
    ids=["17 levels", "40 levels", "NaN", "infinity", "no kind"],
)
async def test_data_that_could_not_be_read_everywhere_is_refused(
    server: Served, data: Struct, description: str
) -> None:
    request = send_request("alice")
    request.message.data.CopyFrom(data)

    failure = await failing(server.messages.SendMessage(request))

    assert failure.code == StatusCode.INVALID_ARGUMENT
    assert dict(failure.violations) == {"message.data": description}


@every_method
async def test_a_request_above_four_mebibytes_is_refused_with_a_reason(
    server: Served, method: MethodDescriptor
) -> None:
    # Field 1, a text or a message, as long as can be.
    failure = await call(server, method, b"\x0a" + _length(bytes(LIMIT)) + bytes(LIMIT))

    assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
    assert failure.metadata == {"size": str(LIMIT + 5), "limit": str(LIMIT)}
    assert failure.retry_seconds is None


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_grpc_refuses_what_it_would_need_much_memory_for(
    server: Served, compression: grpc.Compression
) -> None:
    # A text of zeros, which gzip makes a thousandth of.
    get_inbox = "/tocsin.v1.InboxService/GetInbox"
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = server.channel.unary_unary(get_inbox)
    body = b"\x0a" + _length(bytes(2 * LIMIT)) + bytes(2 * LIMIT)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(body, compression=compression)

    assert caught.value.code() is StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in (caught.value.details() or "")
    assert (await server.client.get_inbox("alice")).revision == 0


async def test_a_request_of_four_mebibytes_is_looked_at(server: Served) -> None:
    request = SendMessageRequest(request_id="r")
    request.request_id = "r" * (LIMIT - request.ByteSize() - 3 + 1)
    assert request.ByteSize() == LIMIT

    failure = await failing(server.messages.SendMessage(request))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_data_up_to_its_limit_is_taken_and_beyond_it_named(server: Served) -> None:
    request = send_request("alice")
    data = Struct()
    data.update({"text": "x" * 16_000})
    request.message.data.CopyFrom(data)

    answer = await server.messages.SendMessage(request)
    request.message.data.update({"more": "x" * 1_000})
    failure = await failing(server.messages.SendMessage(request))

    assert answer.message.data == data
    assert failure.fields == ["message.data"]


@pytest.mark.parametrize("method", LISTS, ids=lambda method: method.name)
async def test_a_forged_page_token_is_refused_whether_what_is_listed_exists_or_not(
    server: Served, method: MethodDescriptor
) -> None:
    await server.client.send("news", "Hello", to="alice")
    for ids in ({"user_id": "alice", "channel_id": "news"}, {"user_id": "x", "channel_id": "x"}):
        for key in ("nonsense", "[-1]", "[[]]", "[1,2]"):
            request = GetMessageClass(method.input_type)()
            for name in ids.keys() & request.DESCRIPTOR.fields_by_name:
                setattr(request, name, ids[name])
            listing = Listing(Caller("default", "anonymous"), request, lambda *_: None)
            setattr(request, "page_token", listing.token(key))  # noqa: B010  # every list has one

            failure = await call(server, method, request.SerializeToString())

            assert failure.reason == "PAGE_TOKEN_INVALID", (ids, key)
            assert failure.violations == [("page_token", "is not a page token")]


async def test_an_unparsable_subscription_does_not_take_a_stream(server: Served) -> None:
    for request in (
        SubscribeRequest(user_id="alice", cursor="nonsense"),
        SubscribeRequest(user_id="no user"),
    ):
        await failing(server.inboxes.Subscribe(request).read())

    assert server.hub.streams == 0


async def test_nothing_that_a_caller_sends_is_a_defect_of_the_server(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for method in METHODS:
            await call(server, method, b"\xff")

    assert caplog.records == []
