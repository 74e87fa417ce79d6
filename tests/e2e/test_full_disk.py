"""A disk that is full, in the real process: its files may not grow any more."""

import asyncio
import resource

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, SubscribeRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_client import AsyncClient, ResourceExhausted

from tests.e2e.conftest import StartProgram
from tests.e2e.program import Program

pytestmark = pytest.mark.disk

STEP_SECONDS = 60.0
OTHERS = [f"user-{number}" for number in range(999)]
SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING)
NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def fill_the_disk(program: Program, room: int) -> None:
    """Lets the process's files grow by `room` bytes, and no further."""
    largest = max(path.stat().st_size for path in program.directory.glob("tocsin.db*"))
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))


def make_room(program: Program) -> None:
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, UNLIMITED)


@pytest.mark.parametrize("room", [0, 100 * 1024], ids=["nothing", "a little"])
async def test_writes_are_refused_reads_go_on_and_health_says_so_until_there_is_room(
    start_program: StartProgram, room: int
) -> None:
    program = await start_program()
    sent = 0
    async with (
        asyncio.timeout(STEP_SECONDS),
        AsyncClient(program.target) as client,
        grpc.aio.insecure_channel(program.target) as channel,
    ):
        health = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )(HealthCheckRequest())
        assert await health.read() == SERVING
        await client.create_channel("news", title="News")
        for _ in range(20):
            await client.send("news", "before", to="alice")
            sent += 1

        fill_the_disk(program, room)
        refused = None
        while refused is None:
            try:
                await client.send("news", "meanwhile", to=["alice", *OTHERS])
                sent += 1
            except ResourceExhausted as error:
                refused = error
        assert await health.read() == NOT_SERVING
        inboxes = InboxServiceStub(channel)
        counted = await inboxes.GetInbox(GetInboxRequest(user_id="alice"))
        opening = await anext(aiter(inboxes.Subscribe(SubscribeRequest(user_id="alice"))))

        make_room(program)
        assert await health.read() == SERVING
        await client.send("news", "after", to="alice")
        sent += 1

        listed = [n async for n in client.list_notifications("alice")]

    assert refused.reason == "STORAGE_FULL"
    assert counted.inbox.total_count == sent - 1 == opening.revision
    assert len(listed) == sent
    assert "Traceback" not in program.log
