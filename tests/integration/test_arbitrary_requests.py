"""Arbitrary requests: each is answered, or refused with an error that names what is wrong with it."""

import asyncio

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tocsin.v1.inbox_service_pb2 import ListNotificationsRequest, SubscribeRequest

from tests.support import arbitrary, raw
from tests.support.asking import send_request
from tests.support.services import METHODS
from tests.support.serving import Served

# Nothing here depends on what a hub tells.
pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)

OF_THE_CALLER = {
    StatusCode.OK,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.ABORTED,
    StatusCode.FAILED_PRECONDITION,
}


async def outcome(server: Served, method: MethodDescriptor, body: bytes) -> StatusCode:
    """Calls a method; a stream is over when its first response is there."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if not method.server_streaming:
            await raw.unary(server.channel, path, body)
            return StatusCode.OK
        call = raw.stream(server.channel, path, body)
        response = await call.read()
        call.cancel()
        return StatusCode.OK if response is not grpc.aio.EOF else await call.code()
    except grpc.aio.AioRpcError as error:
        return error.code()


@pytest.fixture
async def inhabited(server: Served) -> Served:
    """A server whose users have something in their inboxes."""
    await server.messages.SendMessage(send_request("alice", "bob"))
    return server


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(
    max_examples=60,
    deadline=None,
    # One server for all examples: what an earlier one left behind is part of the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_no_request_is_more_than_a_mistake_of_its_caller(
    inhabited: Served, method: MethodDescriptor, data: st.DataObject
) -> None:
    server = inhabited
    request = data.draw(arbitrary.messages(method.input_type))

    async with asyncio.timeout(60):
        code = await outcome(server, method, request.SerializeToString())

        assert code in OF_THE_CALLER
        # Later reads work.
        for user_id in ("alice", "bob"):
            await server.inboxes.ListNotifications(ListNotificationsRequest(user_id=user_id))
            stream = server.inboxes.Subscribe(SubscribeRequest(user_id=user_id))
            assert await stream.read() is not grpc.aio.EOF
            stream.cancel()
