"""Streams under load: bursts, long histories, readers that stop reading."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tocsin.v1.inbox_service_pb2 import SubscribePhase
from tocsin_client import AsyncClient
from tocsin_server.settings import Settings

from tests.integration.conftest import Serve
from tests.support.asking import LARGE, numbered, send_request
from tests.support.serving import Served
from tests.support.streams import Proof, Replica
from tests.support.waiting import DEADLINE_SECONDS, until

REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY


@pytest.fixture
def without_garbage_collection() -> Iterator[None]:
    """Nothing may need the garbage collector to end."""
    gc.disable()
    yield
    gc.enable()


async def test_a_burst_arrives_whole_in_order_without_a_gap(server: Served) -> None:
    async with server.subscribe("alice", snapshot_size=1_000) as stream:
        await stream.until_caught_up()
        results = (await server.messages.BatchSendMessages(numbered(500, "alice"))).results
        await stream.until_revision(500)

    assert all(result.HasField("response") for result in results)
    arrived = [n.message.message_id for n in reversed(stream.proof.listed)]
    assert arrived == [result.response.message.message_id for result in results]
    assert stream.proof.inbox == await server.client.get_inbox("alice")


async def test_many_concurrent_senders_leave_no_gap_for_many_subscribers(server: Served) -> None:
    users = [f"user-{n}" for n in range(20)]
    streams = [server.subscribe(user) for user in users]
    await asyncio.gather(*(stream.until_caught_up() for stream in streams))

    async def send(number: int) -> None:
        for each in range(10):
            await server.messages.SendMessage(
                send_request(*users[number % 3 :: 2], title=f"{number}-{each}")
            )

    await asyncio.gather(*(send(number) for number in range(16)))
    heads = [(await server.client.get_inbox(user)).revision for user in users]
    await asyncio.gather(
        *(stream.until_revision(head) for stream, head in zip(streams, heads, strict=True))
    )

    for user, stream in zip(users, streams, strict=True):
        assert stream.proof.listed == [n async for n in server.client.list_notifications(user)]
        stream.cancel()
    assert sum(heads) == sum(len(users[number % 3 :: 2]) * 10 for number in range(16))


async def test_a_long_history_is_replayed_in_pages_that_prove_themselves(server: Served) -> None:
    async with server.subscribe("alice") as stream:
        await stream.until_caught_up()
    for _ in range(6):
        await server.messages.BatchSendMessages(numbered(500, "alice"))

    delivered: list[int] = []
    responses = 0
    subscription = server.client.subscribe("alice", cursor=stream.proof.cursor, strict=True)
    async with asyncio.timeout(DEADLINE_SECONDS), subscription:
        async for update in subscription:
            assert update.phase == REPLAY
            delivered += [change.revision for change in update.changes]
            responses += 1
            if update.caught_up:
                break

    assert delivered == list(range(1, 3_001))
    assert 1 < responses < 100
    assert subscription.violations == 0


async def test_what_is_sent_while_a_history_is_replayed_is_not_lost(server: Served) -> None:
    replica = Replica()
    async with server.subscribe("alice", replica) as stream:
        await stream.until_caught_up()
    for _ in range(3):
        await server.messages.BatchSendMessages(numbered(500, "alice"))

    async with server.subscribe("alice", replica) as stream, asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(send_batch(server))
        await stream.until_revision(3_000)

    assert len(replica.notifications) == 3_000
    assert replica.inbox == await server.client.get_inbox("alice")


async def send_batch(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(500, "alice"))


async def test_a_reader_that_stops_reading_delays_no_other_and_catches_up(server: Served) -> None:
    async with server.prove("slow", Proof()) as slow, server.subscribe("other") as other:
        await asyncio.gather(slow.until_caught_up(), other.until_caught_up())

        for sent in range(1, 51):
            await server.messages.BatchSendMessages(numbered(100, "slow", content=LARGE))
            await server.messages.SendMessage(send_request("other"))
            await other.until_revision(sent)
        assert slow.proof.revision == 0
        await slow.until_revision(5_000)

    assert slow.proof.revision == 5_000
    assert len(other.proof.notifications) == 50


@pytest.mark.usefixtures("without_garbage_collection")
async def test_streams_that_are_left_leave_their_places_read_or_not(server: Served) -> None:
    streams = [server.prove("alice", Proof()) for _ in range(16)]
    await asyncio.gather(*(stream.until_caught_up() for stream in streams))
    for _ in range(5):
        await server.messages.BatchSendMessages(numbered(100, "alice", content=LARGE))
    assert server.hub.streams == 16

    for stream in streams:
        stream.cancel()

    await until(lambda: server.hub.streams == 0)
    async with server.subscribe("alice") as another:
        await another.until_caught_up()


async def test_a_connection_that_is_closed_ends_its_streams(server: Served) -> None:
    stream = server.subscribe("alice")
    await stream.until_caught_up()
    assert server.hub.streams == 1

    await server.channel.close()

    await until(lambda: server.hub.streams == 0)


async def test_a_client_follows_through_a_server_that_restarts(
    serve: Serve, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, listen=f"unix:{tmp_path / 'server.sock'}")
    delivered: list[int] = []
    async with AsyncClient(settings.listen) as client:
        subscription = client.subscribe("alice", strict=True)
        for life in range(3):
            async with serve(settings) as server:
                if life == 0:
                    await server.client.create_channel("news", title="News")
                await server.messages.BatchSendMessages(numbered(20, "alice"))
                head = 20 * (life + 1)
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while not delivered or max(delivered) < head:
                        update = await anext(subscription)
                        assert update.starts_over is (not delivered)
                        delivered += [change.revision for change in update.changes]

    assert sorted(delivered) == list(range(1, 61))
    assert subscription.violations == 0
