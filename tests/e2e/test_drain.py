"""SIGTERM and SIGINT: every stream gets a RECONNECT, and the program ends in good order."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Sequence
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    SubscribePhase,
    SubscribeRequest,
    SubscribeResponse,
)
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tests.e2e.conftest import StartProgram
from tests.e2e.ports import lasting_port
from tests.e2e.program import PATIENT, SERVE, environment
from tests.e2e.traffic import flowing
from tests.histories.validating import validate
from tests.support.postgres import Postgres

HELD_SECONDS = 20.0
"""Less than a database that does not answer, or is locked, could hold up the program's end: a minute.

That the program's own limits add up to less than two seconds is a test of
`unit/server/test_stopping.py`."""
STEP_SECONDS = 60.0

STALLED_READER = Path(__file__).with_name("stalled_reader.py")

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])

Stream = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]


async def _next(stream: Stream) -> SubscribeResponse:
    async with asyncio.timeout(STEP_SECONDS):
        response = await stream.read()
    assert isinstance(response, SubscribeResponse)
    return response


async def _open_streams(channel: grpc.aio.Channel, users: Sequence[str]) -> list[Stream]:
    stub = InboxServiceStub(channel)
    streams: list[Stream] = [stub.Subscribe(SubscribeRequest(user_id=user)) for user in users]
    for stream in streams:
        assert (await _next(stream)).caught_up
    return streams


async def test_an_interrupt_ends_what_waits_for_a_database_that_does_not_answer(
    tmp_path: Path,
) -> None:
    connected = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        while await reader.read(1_000):
            pass
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        host, port = silent.sockets[0].getsockname()
        process = await asyncio.create_subprocess_exec(
            *SERVE,
            # As many as any limit of open files allows: what is more is logged.
            *("--listen", "127.0.0.1:0", "--max-streams", "10"),
            *("--database-url", f"postgresql+asyncpg://tocsin@{host}:{port}/tocsin"),
            cwd=tmp_path,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(STEP_SECONDS):
            await connected.wait()
            process.send_signal(signal.SIGINT)
            stdout, stderr = await process.communicate()

    assert (process.returncode, stdout, stderr.strip()) == (130, b"", b"")


async def test_a_database_that_does_not_answer_holds_nothing_up(
    start_program: StartProgram, postgres: Postgres, postgres_url: str
) -> None:
    program = await start_program(database_url=postgres_url)
    async with grpc.aio.insecure_channel(program.target) as channel:
        (stream,) = await _open_streams(channel, ["alice"])
        with postgres.frozen():
            calls: list[Awaitable[object]] = [
                InboxServiceStub(channel).GetInbox(GetInboxRequest(user_id="alice")),
                ChannelServiceStub(channel).CreateChannel(
                    CreateChannelRequest(channel=Channel(channel_id="news", title="News"))
                ),
            ]
            goodbye = asyncio.create_task(_next(stream))
            code = await program.end(signal.SIGTERM, HELD_SECONDS)
            for call in calls:
                with pytest.raises(grpc.aio.AioRpcError):
                    await call

    assert (await goodbye).phase == SubscribePhase.SUBSCRIBE_PHASE_RECONNECT
    assert code == 0
    assert "did not answer in time" in program.log


async def _fill(channel: grpc.aio.Channel, user_id: str, batches: int = 4) -> None:
    """Puts 12 MB into an inbox: more than what is written and not read yet may take."""
    create = CreateChannelRequest(channel=Channel(channel_id="news", title="News"))
    await ChannelServiceStub(channel).CreateChannel(create)
    message = Message(channel_id="news", title="Hello", content="x" * 10_000)
    item = SendMessageRequest(message=message, audience=Audience(user_ids=[user_id]))
    for _ in range(batches):
        batch = BatchSendMessagesRequest(requests=[item] * 300)
        response = await MessageServiceStub(channel).BatchSendMessages(batch)
        assert all(result.response.accepted_count for result in response.results)


@BOTH
async def test_streams_get_a_reconnect_and_end_ok(
    start_program: StartProgram, number: signal.Signals
) -> None:
    program = await start_program()
    async with grpc.aio.insecure_channel(program.target) as channel:
        streams = await _open_streams(channel, [f"user-{i % 10}" for i in range(30)])

        code = await program.end(number, HELD_SECONDS)

        for stream in streams:
            response = await _next(stream)
            assert response.phase == SubscribePhase.SUBSCRIBE_PHASE_RECONNECT
            assert response.HasField("reconnect_delay")
            assert response.cursor
            async with asyncio.timeout(STEP_SECONDS):
                assert await stream.read() is grpc.aio.EOF
            assert await stream.code() is grpc.StatusCode.OK
    assert code == 0
    assert program.output == f"tocsin ready grpc={program.target}\n"
    assert "Traceback" not in program.log


@BOTH
async def test_a_watch_of_its_health_sees_it_stop(
    start_program: StartProgram, number: signal.Signals
) -> None:
    program = await start_program()
    async with grpc.aio.insecure_channel(program.target) as channel:
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )(HealthCheckRequest(), timeout=STEP_SECONDS)
        serving = await watch.read()

        end = asyncio.create_task(program.end(number, HELD_SECONDS))
        stopping = await watch.read()
        code = await end

    assert serving == HealthCheckResponse(status=HealthCheckResponse.SERVING)
    assert stopping == HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)
    assert code == 0
    assert "Traceback" not in program.log


@BOTH
async def test_it_ends_without_connections(
    start_program: StartProgram, number: signal.Signals
) -> None:
    program = await start_program()

    code = await program.end(number, HELD_SECONDS)

    assert code == 0
    assert program.output == f"tocsin ready grpc={program.target}\n"
    assert "Traceback" not in program.log


@BOTH
async def test_a_client_that_does_not_read_does_not_hold_it_up(
    start_program: StartProgram, number: signal.Signals
) -> None:
    program = await start_program()
    async with grpc.aio.insecure_channel(program.target) as channel:
        await _fill(channel, "ann")
        request = SubscribeRequest(user_id="ann", snapshot_size=1_000)
        unread = InboxServiceStub(channel).Subscribe(request)
        await unread.initial_metadata()

        code = await program.end(number, HELD_SECONDS)

        assert not unread.done()
    assert code == 0
    assert "Traceback" not in program.log


async def test_a_client_that_is_stopped_does_not_hold_it_up(start_program: StartProgram) -> None:
    program = await start_program()
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, str(STALLED_READER), program.target, "16"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert reader.stdout is not None
        async with asyncio.timeout(STEP_SECONDS):
            assert await reader.stdout.readline() == b"following\n"
        async with grpc.aio.insecure_channel(program.target) as channel:
            await _fill(channel, "ann")

        code = await program.end(signal.SIGTERM, HELD_SECONDS)
    finally:
        reader.kill()
        await reader.wait()

    assert code == 0
    assert "Traceback" not in program.log


async def test_a_lock_of_another_process_does_not_hold_it_up(start_program: StartProgram) -> None:
    program = await start_program(PATIENT)
    async with grpc.aio.insecure_channel(program.target) as channel:
        await _fill(channel, "ann", batches=1)
        with closing(sqlite3.connect(program.directory / "tocsin.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            message = Message(channel_id="news", title="Hello")
            request = SendMessageRequest(message=message, audience=Audience(user_ids=["ann"]))
            stub = MessageServiceStub(channel)
            calls = [stub.SendMessage(request) for _ in range(8)]
            # A call that comes behind the others is answered: they have been read.
            await InboxServiceStub(channel).GetInbox(GetInboxRequest(user_id="ann"))

            code = await program.end(signal.SIGTERM, HELD_SECONDS)

            codes = {await call.code() for call in calls}

    assert code == 0
    assert codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert "Traceback" not in program.log


async def test_stops_under_load_lose_double_and_reorder_nothing(
    start_program: StartProgram,
) -> None:
    program = await start_program(target=f"127.0.0.1:{lasting_port()}")

    async with flowing(program.target, seed=1) as traffic:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            await traffic.go_on(40, STEP_SECONDS)
            assert await program.end(number) == 0
            await program.start()
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    violations = validate(traffic.history)
    assert not violations, "\n".join(map(str, violations[:20]))
    assert "Traceback" not in program.log
