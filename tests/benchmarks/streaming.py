"""How fast messages reach open streams, and how fast a stream catches up."""

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.inbox_service_pb2 import SubscribeResponse
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tests.benchmarks.load import Stream, call_each, connection, open_streams, require, timed
from tests.benchmarks.samples import batches, sample_message, sends, users
from tests.benchmarks.servers import Program, Server, running
from tests.benchmarks.sizes import Round, Sizes

WARM_UP = 20
FILL_BATCH = 500
FILL_CALLERS = 4


@asynccontextmanager
async def exchanges(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """One stream, one send after the other: from before each send to its receipt, ms."""
    [user_id] = users(1)
    async with (
        running(program) as server,
        connection(server.target) as channel,
        open_streams(server.target, [user_id]) as [stream],
    ):
        send = MessageServiceStub(channel).SendMessage
        requests = sends(itertools.repeat(user_id), "exchange")

        async def exchange(request: SendMessageRequest) -> float:
            begin = time.perf_counter()
            call = send(request)
            response = await stream.next_arrival()
            seconds = time.perf_counter() - begin
            await call
            require(_titles(response) == [request.message.title], "a stream shows what was sent")
            return seconds * 1_000

        await call_each(exchange, itertools.islice(requests, WARM_UP), callers=1)

        async def one_round() -> dict[str, float]:
            batch = list(itertools.islice(requests, sizes.exchanges))
            with timed():
                times = await call_each(exchange, batch, callers=1)
            percentiles = statistics.quantiles(times, n=100, method="inclusive")
            return {"p50": percentiles[49], "p99": percentiles[98]}

        yield one_round


@asynccontextmanager
async def fan_out(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """One message to many quiet streams: from the call to the last one's receipt, ms."""
    user_ids = users(sizes.streams)
    async with (
        running(program) as server,
        connection(server.target) as channel,
        open_streams(server.target, user_ids) as streams,
        _gathering(streams) as arrivals,
    ):
        send = MessageServiceStub(channel).SendMessage
        numbers = itertools.count()

        async def one_message() -> float:
            title = f"Spring campaign, part {next(numbers)}"
            request = SendMessageRequest(
                request_id=title,
                message=sample_message(title),
                audience=Audience(user_ids=user_ids),
            )
            everyone = arrivals.expect(len(streams))
            with timed() as stopwatch:
                call = send(request)
                responses = await everyone
            await call
            shown = [shown for response in responses for shown in _titles(response)]
            require(shown == [title] * len(streams), "every stream shows the message once")
            return stopwatch.seconds * 1_000

        await one_message()

        async def one_round() -> dict[str, float]:
            return {"last": statistics.median([await one_message() for _ in range(sizes.fan_outs)])}

        yield one_round


@asynccontextmanager
async def catch_up(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """One stream from revision 0: notifications a second, to the one that is the last."""
    count = sizes.notifications
    [user_id] = users(1)
    async with running(program) as server, connection(server.target) as channel:
        cursor = await _filled(server, user_id, count)

        async def one_round() -> dict[str, float]:
            seen: set[str] = set()
            carried = 0
            with timed() as stopwatch:
                stream = Stream(channel, user_id, cursor)
                async for response in stream:
                    changes = response.changes
                    carried += len(changes)
                    seen.update([change.upserted.notification_id for change in changes])
                    if response.revision >= count:
                        break
            stream.close()
            require(carried == len(seen) == count, f"{count} notifications come once")
            return {"rate": count / stopwatch.seconds}

        yield one_round


async def _filled(server: Server, user_id: str, count: int) -> str:
    """Fills an inbox, and gives the cursor from which `count` notifications are missing."""
    if server.program.database is None:
        return str(count)
    async with connection(server.target) as channel:
        stream = Stream(channel, user_id)
        cursor = await stream.catch_up()
        stream.close()
        requests = batches(sends(itertools.repeat(user_id, count), "fill"), FILL_BATCH)
        send = MessageServiceStub(channel).BatchSendMessages
        answers = await call_each(send, requests, FILL_CALLERS)
    stored = sum(result.response.accepted_count for each in answers for result in each.results)
    require(stored == count, f"{count} messages fill the inbox, not {stored}")
    return cursor


def _titles(response: SubscribeResponse) -> list[str]:
    return [change.upserted.message.title for change in response.changes]


class _Arrivals:
    """Gathers the responses with changes of many streams, and says when enough have come."""

    def __init__(self) -> None:
        self._responses: list[SubscribeResponse] = []
        self._expected = 0
        self._complete = asyncio.get_running_loop().create_future()

    def expect(self, count: int) -> asyncio.Future[list[SubscribeResponse]]:
        self._responses = []
        self._expected = count
        self._complete = asyncio.get_running_loop().create_future()
        return self._complete

    async def gather(self, stream: Stream) -> None:
        async for response in stream:
            if response.changes:
                self._responses.append(response)
                if len(self._responses) == self._expected:
                    self._complete.set_result(self._responses)


@asynccontextmanager
async def _gathering(streams: list[Stream]) -> AsyncIterator[_Arrivals]:
    arrivals = _Arrivals()
    readers = [asyncio.create_task(arrivals.gather(stream)) for stream in streams]
    try:
        yield arrivals
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
