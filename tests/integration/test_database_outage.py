"""PostgreSQL goes away and comes back: calls fail with a reason, and nothing acknowledged is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import grpc
import pytest
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, SubscribeRequest
from tocsin.v1.message_service_pb2 import SendMessageRequest
from tocsin_server.settings import Settings

from tests.support.asking import send_request
from tests.support.failures import failing, failure_of
from tests.support.postgres import Postgres
from tests.support.serving import Served, served
from tests.support.waiting import until

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

Disturb = Callable[[Postgres], None]


@pytest.fixture
async def server(postgres_url: str) -> AsyncIterator[Served]:
    """A server that has the channel `news`."""
    settings = Settings(database_url=postgres_url, listen="127.0.0.1:0")
    async with served(settings) as server:
        await server.client.create_channel("news", title="News")
        yield server


async def send_through(server: Served, request: SendMessageRequest) -> str:
    """Sends, again for as long as the server says that it is unavailable; gives the message's id."""
    while True:
        try:
            return (await server.messages.SendMessage(request)).message.message_id
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            assert failure.code == UNAVAILABLE, failure
            assert failure.reason == "STORE_UNAVAILABLE"
            assert failure.retry_seconds


@pytest.mark.parametrize(
    "disturb", [Postgres.cut, Postgres.restart], ids=["connections cut", "crashed and started"]
)
async def test_what_is_acknowledged_outlives_the_database(
    server: Served, postgres: Postgres, disturb: Disturb
) -> None:
    received: list[str] = []
    ready = asyncio.Event()

    async def follow() -> None:
        async with server.client.subscribe("alice", strict=True) as subscription:
            async for update in subscription:
                ready.set()
                received.extend(change.upserted.message.title for change in update.changes)
                if len(received) >= 200:
                    return

    async def send(number: int) -> list[str]:
        return [
            await send_through(server, send_request("alice", title=title, request_id=title))
            for title in (f"{number}-{each}" for each in range(25))
        ]

    following = asyncio.create_task(follow())
    await ready.wait()
    sending = [asyncio.create_task(send(number)) for number in range(8)]
    for disturbed_at in range(20, 180, 40):
        await until(lambda: len(received) >= disturbed_at)  # noqa: B023  # it is over by then
        await asyncio.to_thread(disturb, postgres)
    sent = [message_id for task in sending for message_id in await task]
    async with asyncio.timeout(60):
        await following

    listed = [n.message.message_id async for n in server.client.list_notifications("alice")]
    assert len(set(sent)) == 200
    assert sorted(listed) == sorted(sent)
    assert len(set(received)) == len(received) == 200


@pytest.fixture
def absent(postgres: Postgres) -> Iterator[Postgres]:
    """The PostgreSQL that will be there again after the test."""
    yield postgres
    postgres.start()


async def test_while_the_database_is_away_every_call_says_so_and_then_all_is_well(
    server: Served, absent: Postgres
) -> None:
    stream = server.subscribe("alice")
    await stream.until_caught_up()

    await asyncio.to_thread(absent.stop)
    calls: list[Awaitable[object]] = [
        server.messages.SendMessage(send_request("alice", request_id="r-1")),
        server.inboxes.GetInbox(GetInboxRequest(user_id="alice")),
        server.inboxes.Subscribe(SubscribeRequest(user_id="bob")).read(),
    ]
    for call in calls:
        failure = await failing(call)
        assert (failure.code, failure.reason) == (UNAVAILABLE, "STORE_UNAVAILABLE")
        assert failure.retry_seconds == 1.0
    await asyncio.to_thread(absent.start)

    sent = await send_through(server, send_request("alice", request_id="r-1"))
    await stream.until_revision(1)
    assert [n.message.message_id for n in stream.proof.listed] == [sent]
