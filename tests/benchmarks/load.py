"""The load: connections, callers and open streams, the same for both servers."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

STREAMS_A_CONNECTION = 90
OPENING_AT_ONCE = 64
# Longer than any measure takes: what is timed is never a heartbeat.
HEARTBEAT_INTERVAL = Duration(seconds=300)

Request = TypeVar("Request")
Response = TypeVar("Response")


class WrongAnswerError(Exception):
    """A server did not answer as the load expects, so its figures mean nothing."""


def require(condition: bool, expectation: str) -> None:
    """Raises WrongAnswerError with `expectation` unless `condition` holds."""
    if not condition:
        raise WrongAnswerError(expectation)


class Stopwatch:
    """How many seconds a `timed` block took, once it has ended."""

    seconds = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Times a block, in which this process collects no garbage of its own."""
    stopwatch = Stopwatch()
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    try:
        yield stopwatch
    finally:
        stopwatch.seconds = time.perf_counter() - begin
        gc.enable()


def connection(target: str) -> grpc.aio.Channel:
    """Makes a channel whose connection no other channel of this process shares."""
    return grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])


async def call_each(
    call: Callable[[Request], Awaitable[Response]], requests: Iterable[Request], callers: int
) -> list[Response]:
    """Makes the calls, `callers` at once: each begins its next one when it has its answer."""
    waiting = iter(requests)
    responses: list[Response] = []

    async def caller() -> None:
        for request in waiting:
            responses.append(await call(request))  # noqa: PERF401

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return responses


class Stream:
    """One user's open stream."""

    def __init__(self, channel: grpc.aio.Channel, user_id: str, cursor: str = "") -> None:
        request = SubscribeRequest(
            user_id=user_id, cursor=cursor, heartbeat_interval=HEARTBEAT_INTERVAL
        )
        self.user_id = user_id
        self._call = InboxServiceStub(channel).Subscribe(request)
        self._responses = aiter(self._call)

    def __aiter__(self) -> AsyncIterator[SubscribeResponse]:
        return self._responses

    async def catch_up(self) -> str:
        """Reads until the stream has caught up, and gives the cursor to come back with."""
        async for response in self._responses:
            if response.caught_up:
                return response.cursor
        raise WrongAnswerError("a stream catches up")

    async def next_arrival(self) -> SubscribeResponse:
        """Reads until a response carries a change."""
        async for response in self._responses:
            if response.changes:
                return response
        raise WrongAnswerError("a stream goes on")

    def close(self) -> None:
        """Ends the stream."""
        self._call.cancel()


@asynccontextmanager
async def open_streams(target: str, user_ids: list[str]) -> AsyncIterator[list[Stream]]:
    """Opens a quiet stream a user, over as few connections as hold 90 each."""
    async with AsyncExitStack() as stack:
        streams: list[Stream] = []
        for start in range(0, len(user_ids), STREAMS_A_CONNECTION):
            channel = await stack.enter_async_context(connection(target))

            async def opened(user_id: str, channel: grpc.aio.Channel = channel) -> Stream:
                stream = Stream(channel, user_id)
                await stream.catch_up()
                return stream

            users = user_ids[start : start + STREAMS_A_CONNECTION]
            streams += await call_each(opened, users, OPENING_AT_ONCE)
        try:
            yield streams
        finally:
            for stream in streams:
                stream.close()
