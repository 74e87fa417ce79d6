"""Readers that are slow, stopped, or gone at once: the server's memory and the others' streams."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import psutil
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_client import AsyncClient

from tests.e2e.calling import connect
from tests.e2e.conftest import StartProgram
from tests.e2e.places import STREAMS_A_USER, is_admitted, occupy, until_free
from tests.e2e.program import HASTY, Program
from tests.support.asking import send_request
from tests.support.proxy import Proxy, proxied
from tests.support.streams import Proof, Stream
from tests.support.waiting import until

STEP_SECONDS = 60.0
MIB = 1 << 20
FLOOD = 10_000
BATCH = 200
FOLLOWING_READER = Path(__file__).with_name("following_reader.py")


class Titles(Proof):
    """The titles of an inbox that nothing but arrives in, in the order of arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []

    def start_over(self) -> None:
        """Drops what it holds."""
        self.titles.clear()

    def take(self, response: SubscribeResponse) -> None:
        """Applies the changes."""
        self.titles += [change.upserted.message.title for change in response.changes]


def follow(channel: grpc.aio.Channel, user_id: str, titles: Titles | None = None) -> Stream[Titles]:
    """Opens a stream that resumes after the titles."""
    titles = titles or Titles()
    request = SubscribeRequest(user_id=user_id, cursor=titles.cursor)
    return Stream(InboxServiceStub(channel).Subscribe(request), titles)


async def catch_up(stream: Stream[Titles], channel: grpc.aio.Channel, user_id: str) -> list[str]:
    """Reads up to the flood's end, and gives the titles.

    A link that is slow enough is taken for dead, and left: then another stream goes on.
    """
    while stream.proof.revision < FLOOD:
        try:
            await stream.until_revision(FLOOD)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017  # it may be none
            stream = follow(channel, user_id, stream.proof)
    return stream.proof.titles


class Flood:
    """Sends messages with 4,000 characters of content, and watches the server's memory."""

    def __init__(self, program: Program, client: AsyncClient, without: int = 0) -> None:
        self.titles: list[str] = []
        """The messages' titles, in their order."""
        self.most = 0
        """The most that the server's process held after a batch, in bytes."""
        self.without = without
        """The most that it held without a reader."""
        self._process = psutil.Process(program.pid)
        self._client = client

    async def send(self, count: int, *user_ids: str) -> None:
        """Sends `count` messages to the users, in batches."""
        first = len(self.titles)
        self.titles += [f"Number {number}" for number in range(first, first + count)]
        for start in range(first, first + count, BATCH):
            requests = [
                send_request(*user_ids, title=title, content="x" * 4_000)
                for title in self.titles[start : start + BATCH]
            ]
            results = await self._client.send_batch(requests)
            assert all(result.HasField("response") for result in results)
            self.most = max(self.most, self._process.memory_info().rss)


@asynccontextmanager
async def flooding(program: Program) -> AsyncIterator[Flood]:
    """A flood that had as much to send already to three who do not read at all."""
    async with AsyncClient(program.target) as client:
        await client.create_channel("news", title="News")
        without = Flood(program, client)
        await without.send(FLOOD, "nobody", "no-one", "none")
        yield Flood(program, client, without.most)


async def test_slow_readers_cost_bounded_memory_delay_no_other_and_catch_up(
    start_program: StartProgram,
) -> None:
    program = await start_program()

    async with (
        flooding(program) as flood,
        proxied(program.target) as link,
        connect(program.target) as channel,
        connect(program.target) as idle_channel,
        connect(link.target) as trickled_channel,
    ):
        idle, other = follow(idle_channel, "idle"), follow(channel, "other")
        trickled = follow(trickled_channel, "trickled")
        for stream in (idle, other, trickled):
            await stream.until_caught_up()
        link.chunk, link.delay = 1, 0.001

        for _ in range(FLOOD // BATCH):
            await flood.send(BATCH, "idle", "other", "trickled")
            await other.until_revision(len(flood.titles))
            if len(flood.titles) % 2_000 == 0:
                await idle.read()

        assert other.proof.titles == flood.titles
        assert idle.proof.revision < FLOOD / 2
        assert trickled.proof.revision < FLOOD / 2
        link.heal()
        assert await catch_up(idle, idle_channel, "idle") == flood.titles
        assert await catch_up(trickled, trickled_channel, "trickled") == flood.titles
    # What the two did not read would take 40 MiB each, were it kept for them.
    assert flood.most - flood.without < 48 * MIB
    assert "Traceback" not in program.log


async def test_a_stopped_reader_is_noticed_delays_no_other_and_resumes(
    start_program: StartProgram,
) -> None:
    program = await start_program(HASTY)
    count = 2_500

    async with (
        flooding(program) as flood,
        connect(program.target) as channel,
        following(program.target, "stopped", count) as reader,
        follow(channel, "other") as other,
    ):
        await other.until_caught_up()
        assert not await is_admitted(channel, "stopped")
        reader.send_signal(signal.SIGSTOP)

        await flood.send(count, "stopped", "other")
        await other.until_revision(count)
        await until_free(channel, "stopped", STEP_SECONDS)

        assert other.proof.titles == flood.titles
        reader.send_signal(signal.SIGCONT)
        for _ in range(STREAMS_A_USER):
            assert json.loads(await line_of(reader)) == flood.titles
    # What they did not read would take 10 MiB a stream, were it kept for them.
    assert flood.most - flood.without < STREAMS_A_USER * 6 * MIB
    assert "Traceback" not in program.log


@asynccontextmanager
async def following(
    target: str, user_id: str, revision: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that follows an inbox to a revision, by as many streams as the limit allows."""
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, str(FOLLOWING_READER), target, user_id),
        *(str(STREAMS_A_USER), str(revision)),
        stdout=asyncio.subprocess.PIPE,
        limit=MIB,
    )
    try:
        assert await line_of(reader) == "following"
        yield reader
    finally:
        if reader.returncode is None:
            reader.kill()
        await reader.wait()


async def line_of(reader: asyncio.subprocess.Process) -> str:
    """The next line that a process writes."""
    assert reader.stdout is not None
    async with asyncio.timeout(STEP_SECONDS):
        return (await reader.stdout.readline()).decode().rstrip("\n")


async def test_readers_that_come_and_go_and_never_read_leave_nothing(
    start_program: StartProgram,
) -> None:
    program = await start_program()
    server = psutil.Process(program.pid)
    users = [f"user-{number}" for number in range(8)]

    async def come_and_go(user_id: str, link: Proxy, times: int) -> None:
        for _ in range(times):
            async with connect(link.target) as channel:
                unread = InboxServiceStub(channel).Subscribe(SubscribeRequest(user_id=user_id))
                await unread.initial_metadata()
                if user_id in users[::2]:
                    link.cut()

    async def all_come_and_go(times: int) -> int:
        await asyncio.gather(*map(come_and_go, users, links, [times // len(users)] * len(users)))
        await until(lambda: not connections(server))
        return server.memory_info().rss

    async with AsyncClient(program.target) as client, AsyncExitStack() as stack:
        await client.create_channel("news", title="News")
        # More than what is on its way at most to a reader that reads nothing.
        await Flood(program, client).send(BATCH, *users)
        await client.aclose()
        links = [await stack.enter_async_context(proxied(program.target)) for _ in users]
        before = await all_come_and_go(200)

        after = await all_come_and_go(1_000)

    # Less than what the least that there is of a stream would take, 1,000 times.
    assert after - before < 16 * MIB
    async with connect(program.target) as channel:
        for user_id in users:
            for stream in await occupy(channel, user_id):
                stream.cancel()
    await program.end(signal.SIGTERM)
    assert "Traceback" not in program.log


def connections(process: psutil.Process) -> int:
    """How many connections a process has."""
    return sum(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("tcp"))
