"""What kill -9 cannot show: an answer leaves only when what it acknowledges is on disk."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from sqlalchemy import make_url
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub
from tocsin_server.store.engine.sqlite import write_engine

from tests.e2e.conftest import StartProgram
from tests.e2e.program import SERVE
from tests.e2e.tracing import STRACE, collecting, not_durable, read_events

pytestmark = pytest.mark.disk

SECONDS = 60.0
SENDS = 20

_WAL = "/data/tocsin.db-wal"
_SEEDED = """\
7 recvmsg(17<socket:[1]>, {msg_iov=[{iov_base="lead-1", iov_len=6}]}, 0) = 6
8 pwrite64(9</data/tocsin.db-wal>, "..", 24, 0) = 24
8 fdatasync(9</data/tocsin.db-wal>) = 0
7 sendmsg(17<socket:[1]>, {msg_iov=[{iov_base="lead-1", iov_len=6}]}, 0) = 6
7 recvmsg(17<socket:[1]>,  <unfinished ...>
8 pwrite64(9</data/tocsin.db-wal>, "..", 24, 24 <unfinished ...>
7 <... recvmsg resumed> {msg_iov=[{iov_base="lead-2", iov_len=6}]}, 0) = 6
8 <... pwrite64 resumed>) = 24
8 fdatasync(9</data/tocsin.db-wal> <unfinished ...>
7 recvmsg(17<socket:[1]>, {msg_namelen=0}, 0) = -1 EAGAIN (Resource temporarily unavailable)
8 <... fdatasync resumed>) = 0
7 sendmsg(17<socket:[1]>, {msg_iov=[{iov_base="lead-2"...}]}, 0 <unfinished ...>
7 <... sendmsg resumed>) = 6
7 +++ exited with 0 +++
""".splitlines()


def test_a_trace_that_syncs_before_each_answer_is_durable() -> None:
    assert not_durable([*read_events(_SEEDED)], ["lead-1", "lead-2"], _WAL) == []


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param(
            [*_SEEDED[:2], *_SEEDED[3:]],
            ["lead-1"],
            id="without a sync",
        ),
        pytest.param(
            [*_SEEDED[:2], _SEEDED[3], _SEEDED[2], *_SEEDED[4:]],
            ["lead-1"],
            id="answered before the sync",
        ),
        pytest.param(
            [*_SEEDED[:10], _SEEDED[11], _SEEDED[10], *_SEEDED[12:]],
            ["lead-2"],
            id="answered before the sync is complete",
        ),
        pytest.param(
            [*_SEEDED[:10], _SEEDED[10].replace("= 0", "= -1 EIO"), *_SEEDED[11:]],
            ["lead-2"],
            id="failed to sync",
        ),
        pytest.param(
            [*_SEEDED[:2], _SEEDED[2].replace("-wal", ""), *_SEEDED[3:]],
            ["lead-1"],
            id="synced another file",
        ),
        pytest.param(
            [*_SEEDED[:3], _SEEDED[1], *_SEEDED[3:]],
            ["lead-1"],
            id="wrote more after the sync",
        ),
        pytest.param(
            [_SEEDED[0], *_SEEDED[2:]],
            ["lead-1"],
            id="wrote nothing",
        ),
    ],
)
def test_a_trace_that_answers_too_early_is_found(lines: list[str], found: list[str]) -> None:
    assert not_durable([*read_events(lines)], ["lead-1", "lead-2"], _WAL) == found


def test_a_trace_without_the_answer_proves_nothing() -> None:
    with pytest.raises(ValueError, match="lead-3"):
        not_durable([*read_events(_SEEDED)], ["lead-3"], _WAL)


def test_the_writers_own_connection_syncs_every_commit(tmp_path: Path) -> None:
    engine = write_engine(make_url(f"sqlite+aiosqlite:///{tmp_path / 'tocsin.db'}"))

    with engine.connect() as connection:
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    engine.dispose()

    assert synchronous == 2
    assert journal == "wal"


@pytest.mark.durability
async def test_every_answer_comes_after_the_sync_of_what_it_acknowledges(
    start_program: StartProgram, tmp_path: Path
) -> None:
    names = [f"durable-{number:04}" for number in range(SENDS)]
    pipe = tmp_path / "trace"

    async with collecting(pipe) as trace:
        program = await start_program([*STRACE, "-o", str(pipe), *SERVE])
        async with grpc.aio.insecure_channel(program.target) as channel:
            await _create_and_send(channel, "durable-channel", names)
        await program.end(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            lines = (await trace).decode(errors="replace").splitlines()

    wal = str(program.directory / "tocsin.db-wal")
    assert not_durable([*read_events(lines)], ["durable-channel", *names], wal) == []


async def _create_and_send(channel: grpc.aio.Channel, title: str, names: Sequence[str]) -> None:
    """Creates a channel, and sends messages one at a time: alone and in batches, in turn."""
    create = CreateChannelRequest(channel=Channel(channel_id="leads", title=title))
    await ChannelServiceStub(channel).CreateChannel(create, timeout=SECONDS)
    stub = MessageServiceStub(channel)
    for number, name in enumerate(names):
        send = SendMessageRequest(
            message=Message(channel_id="leads", title=name),
            audience=Audience(user_ids=["ann", "bob"]),
        )
        if number % 2:
            await stub.SendMessage(send, timeout=SECONDS)
        else:
            await stub.BatchSendMessages(BatchSendMessagesRequest(requests=[send]), timeout=SECONDS)
