"""How fast messages are taken: one at a time, by many callers, and in batches."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tests.benchmarks.load import call_each, connection, require, timed
from tests.benchmarks.samples import batches, sends, users
from tests.benchmarks.servers import BARE, Program, running
from tests.benchmarks.sizes import Round, Sizes

MANY_CALLERS = 64
BATCH_CALLERS = 4


@asynccontextmanager
async def lone_sends(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """One caller, one recipient a send: sends a second."""
    async with _sends(program, sizes.users, sizes.lone_sends, callers=1) as one_round:
        yield one_round


@asynccontextmanager
async def concurrent_sends(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """64 callers, one recipient a send: sends a second."""
    async with _sends(program, sizes.users, sizes.concurrent_sends, MANY_CALLERS) as one_round:
        yield one_round


@asynccontextmanager
async def _sends(
    program: Program, user_count: int, count: int, callers: int
) -> AsyncIterator[Round]:
    async with running(program) as server, connection(server.target) as channel:
        send = MessageServiceStub(channel).SendMessage
        supply = _Supply(user_count)
        # Every inbox exists before the first round.
        await call_each(send, supply.take(user_count), MANY_CALLERS)

        async def one_round() -> dict[str, float]:
            requests = supply.take(count)
            with timed() as stopwatch:
                responses = await call_each(send, requests, callers)
            accepted = sum(response.accepted_count for response in responses)
            require(accepted == count, f"{count} sends reach {count} users, not {accepted}")
            return {"rate": count / stopwatch.seconds}

        yield one_round


@asynccontextmanager
async def batched_sends(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """4 callers, batches of 100 items with one recipient each: messages a second.

    On the bare server, the lone sends of one caller, which batches replace.
    """
    if program is BARE:
        async with lone_sends(program, sizes) as one_round:
            yield one_round
        return
    count = sizes.batches * sizes.batch_items
    async with running(program) as server, connection(server.target) as channel:
        send = MessageServiceStub(channel).BatchSendMessages
        supply = _Supply(sizes.users)
        await call_each(send, batches(supply.take(sizes.users), sizes.batch_items), BATCH_CALLERS)

        async def one_round() -> dict[str, float]:
            requests = list(batches(supply.take(count), sizes.batch_items))
            with timed() as stopwatch:
                responses = await call_each(send, requests, BATCH_CALLERS)
            accepted = sum(
                result.response.accepted_count
                for response in responses
                for result in response.results
            )
            require(accepted == count, f"{count} items reach {count} users, not {accepted}")
            return {"rate": count / stopwatch.seconds}

        yield one_round


class _Supply:
    """Sends to one user after the other, no request id twice."""

    def __init__(self, user_count: int) -> None:
        self._requests = sends(itertools.cycle(users(user_count)), "load")

    def take(self, count: int) -> list[SendMessageRequest]:
        return list(itertools.islice(self._requests, count))
