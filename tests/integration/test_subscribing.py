"""The phases of a stream, and what may be resumed from where."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode
from tocsin.v1.inbox_pb2 import Inbox
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin_server.domain import following
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.settings import Settings

from tests.integration.conftest import Serve
from tests.support.asking import LARGE, create_request, numbered, send_request
from tests.support.failures import failing
from tests.support.serving import Served, database
from tests.support.streams import Proof, Replica, Stream

if TYPE_CHECKING:
    from tocsin.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub

HEARTBEAT = SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT


def titles(replica: Replica) -> list[str]:
    """The titles of a replica's notifications, in list order."""
    return [notification.message.title for notification in replica.listed]


def carried(response: SubscribeResponse) -> list[str]:
    return [change.upserted.message.title for change in response.changes]


async def send(server: Served, *user_ids: str, count: int = 1) -> None:
    await server.messages.BatchSendMessages(numbered(count, *user_ids))


async def cursor_of(server: Served, user_id: str = "alice") -> str:
    """A cursor at the head of a user's inbox."""
    async with server.subscribe(user_id, snapshot_size=1) as stream:
        await stream.until_caught_up()
    return stream.proof.cursor


async def first_response(server: Served, user_id: str, cursor: str) -> SubscribeResponse:
    call = server.inboxes.Subscribe(SubscribeRequest(user_id=user_id, cursor=cursor))
    stream = Stream(call, Proof())
    stream.proof.cursor = cursor
    stream.proof.open_stream()
    async with stream:
        return await stream.read()


async def test_a_stream_opens_with_the_newest_in_list_order(server: Served) -> None:
    await send(server, "alice", count=5)

    async with server.subscribe("alice", snapshot_size=3) as stream:
        (opening,) = await stream.until_caught_up()

    assert opening.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    assert (opening.after_revision, opening.revision) == (0, 5)
    assert carried(opening) == ["5", "4", "3"]
    assert opening.inbox == Inbox(
        user_id="alice", revision=5, total_count=5, unread_count=5, unseen_count=5
    )
    assert [c.channel_id for c in opening.channel_counters] == ["news"]
    assert 0 < len(opening.cursor) <= 256


async def test_a_snapshot_has_fifty_by_default(server: Served) -> None:
    await send(server, "alice", count=60)

    async with server.subscribe("alice") as stream:
        await stream.until_caught_up()

    assert titles(stream.proof) == [str(number) for number in range(60, 10, -1)]


async def test_the_stream_of_a_user_never_seen_opens_at_once_and_sees_the_first_message(
    server: Served,
) -> None:
    async with server.subscribe("newcomer") as stream:
        (opening,) = await stream.until_caught_up()
        await send(server, "newcomer")
        await stream.until_revision(1)

    assert (opening.revision, opening.inbox.total_count) == (0, 0)
    assert titles(stream.proof) == ["1"]


async def test_what_is_sent_arrives_as_it_was_sent_with_true_counts(server: Served) -> None:
    async with server.subscribe("alice") as stream:
        await stream.until_caught_up()
        first = await server.messages.SendMessage(send_request("alice", content="text"))
        await stream.until_revision(1)
        await server.client.send("offers", "An offer", to=["alice", "bob"])
        await stream.until_revision(2)

    assert stream.proof.listed[-1].message == first.message
    assert stream.proof.listed == [n async for n in server.client.list_notifications("alice")]
    assert stream.proof.inbox == await server.client.get_inbox("alice")
    assert {c: n.total_count for c, n in stream.proof.channel_counters.items()} == {
        "news": 1,
        "offers": 1,
    }


async def test_a_snapshot_takes_several_responses_when_messages_are_large(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))

    async with server.subscribe("alice", snapshot_size=50) as stream:
        pages = await stream.until_caught_up()

    assert len(pages) > 1
    assert stream.phases == ["SNAPSHOT"]
    assert [title for page in pages for title in carried(page)] == [
        str(number) for number in range(60, 10, -1)
    ]
    assert {page.revision for page in pages} == {60}
    assert [bool(page.cursor) for page in pages] == [False] * (len(pages) - 1) + [True]


async def test_what_is_sent_while_a_snapshot_is_read_follows_it(server: Served) -> None:
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))

    async with server.subscribe("alice", snapshot_size=100) as stream:
        await stream.read()
        await send(server, "alice", count=5)
        await stream.until_revision(65)

    assert stream.proof.listed == [n async for n in server.client.list_notifications("alice")]


async def test_a_cursor_resumes_with_the_changes_since(server: Served) -> None:
    replica = Replica()
    async with server.subscribe("alice", replica) as stream:
        await stream.until_caught_up()
    await send(server, "alice", count=3)

    async with server.subscribe("alice", replica) as stream:
        (replay,) = await stream.until_caught_up()

    assert stream.phases == ["REPLAY"]
    assert (replay.after_revision, replay.revision) == (0, 3)
    assert carried(replay) == ["1", "2", "3"]
    assert titles(replica) == ["3", "2", "1"]


async def test_a_cursor_at_the_head_resumes_with_an_empty_replay(server: Served) -> None:
    await send(server, "alice", count=3)
    cursor = await cursor_of(server)

    response = await first_response(server, "alice", cursor)

    assert response.phase == SubscribePhase.SUBSCRIBE_PHASE_REPLAY
    assert (response.after_revision, response.revision) == (3, 3)
    assert response.caught_up
    assert response.inbox.total_count == 3
    assert [c.total_count for c in response.channel_counters] == [3]
    assert list(response.changes) == []


async def test_every_response_with_a_cursor_may_be_resumed_from(server: Served) -> None:
    await send(server, "alice")
    cursors = [await cursor_of(server)]
    await server.messages.BatchSendMessages(numbered(60, "alice", content=LARGE))
    replica = Replica()
    replica.cursor = cursors[0]
    async with server.subscribe("alice", replica) as stream:
        cursors += [page.cursor for page in await stream.until_caught_up()]

    rests = []
    for cursor in cursors:
        resumed = Replica()
        resumed.cursor = cursor
        async with server.subscribe("alice", resumed) as stream:
            await stream.until_caught_up()
        rests.append(titles(resumed))

    assert len(cursors) > 2
    assert [len(rest) for rest in rests] == sorted((len(rest) for rest in rests), reverse=True)
    assert rests[0] == [str(number) for number in range(60, 0, -1)]
    assert all(rests[0][: len(rest)] == rest for rest in rests)
    assert rests[-1] == []


@pytest.mark.parametrize(
    "foreign",
    [
        {"epoch": 7},
        {"incarnation": 7},
        {"inbox": InboxKey("default", "bob").digest()},
        {"inbox": InboxKey("other", "alice").digest()},
        {"position": Position(4)},
        {"position": Position(2**40)},
        {"incarnation": 0, "position": Position(2)},
    ],
    ids=["store", "life", "user", "tenant", "next revision", "far revision", "unborn"],
)
async def test_a_cursor_of_elsewhere_gets_a_snapshot(
    server: Served, foreign: dict[str, object]
) -> None:
    await send(server, "alice", count=3)
    own = Cursor.parse(await cursor_of(server))

    response = await first_response(
        server,
        "alice",
        replace(own, **foreign).encode(),  # type: ignore[arg-type]  # names fields of Cursor
    )

    assert response.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    assert carried(response) == ["3", "2", "1"]


async def test_a_cursor_of_another_user_gets_a_snapshot(server: Served) -> None:
    await send(server, "alice", "bob", count=3)

    response = await first_response(server, "bob", await cursor_of(server, "alice"))

    assert response.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    assert {change.upserted.user_id for change in response.changes} == {"bob"}


async def test_a_cursor_of_another_store_gets_a_snapshot(
    server: Served, serve: Serve, tmp_path: Path
) -> None:
    await send(server, "alice", count=3)
    cursor = await cursor_of(server)

    async with serve(Settings(database(tmp_path / "other.db"), "127.0.0.1:0")) as other:
        await other.channels.CreateChannel(create_request("news"))
        await send(other, "alice", count=5)
        response = await first_response(other, "alice", cursor)

    assert response.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    assert carried(response) == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("cursor", ["x", "nonsense", "ü", "A" * 60, "A" * 256, " ", "\n"])
async def test_an_unparsable_cursor_is_an_invalid_argument(server: Served, cursor: str) -> None:
    failure = await failing(
        server.inboxes.Subscribe(SubscribeRequest(user_id="alice", cursor=cursor)).read()
    )

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID")
    assert failure.fields == ["cursor"]


@pytest.mark.parametrize("revision", [2**63 - 1, 2**63, 2**64 - 1])
async def test_a_forged_cursor_that_no_inbox_can_reach_is_an_invalid_argument(
    server: Served, revision: int
) -> None:
    own = Cursor.parse(await cursor_of(server))
    forged = replace(own, position=Position(revision)).encode()

    failure = await failing(
        server.inboxes.Subscribe(SubscribeRequest(user_id="alice", cursor=forged)).read()
    )

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID")


async def test_every_violated_field_of_a_subscription_is_in_one_answer(server: Served) -> None:
    request = SubscribeRequest(
        cursor="x", snapshot_size=-1, heartbeat_interval=Duration(nanos=500_000_000)
    )

    failure = await failing(server.inboxes.Subscribe(request).read())

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert sorted(failure.fields) == ["cursor", "heartbeat_interval", "snapshot_size", "user_id"]


async def test_a_heartbeat_comes_when_nothing_happens_and_can_be_resumed_from(
    server: Served,
) -> None:
    await send(server, "alice", count=3)
    replica = Replica()
    call = server.inboxes.Subscribe(
        SubscribeRequest(user_id="alice", heartbeat_interval=Duration(seconds=1))
    )
    async with Stream(call, replica) as stream:
        (opening,) = await stream.until_caught_up()
        heartbeat = await stream.read()
    await send(server, "alice")

    async with server.subscribe("alice", replica) as stream:
        (replay,) = await stream.until_caught_up()

    assert heartbeat.phase == HEARTBEAT
    assert (heartbeat.after_revision, heartbeat.revision) == (3, 3)
    assert heartbeat.cursor == opening.cursor
    assert (replay.after_revision, replay.revision) == (3, 4)


async def test_several_streams_of_a_user_all_see_everything(server: Served) -> None:
    async with (
        server.subscribe("alice") as first,
        server.subscribe("alice") as second,
        server.subscribe("alice") as third,
    ):
        streams = (first, second, third)
        await asyncio.gather(*(stream.until_caught_up() for stream in streams))
        await send(server, "alice", count=50)
        await asyncio.gather(*(stream.until_revision(50) for stream in streams))

    assert [titles(stream.proof) for stream in streams] == [
        [str(number) for number in range(50, 0, -1)]
    ] * 3


async def test_a_server_that_stops_says_when_to_come_back_and_the_next_one_goes_on(
    serve: Serve, settings: Settings
) -> None:
    replica = Replica()
    async with AsyncExitStack() as outliving:
        async with serve(settings) as server:
            await server.channels.CreateChannel(create_request("news"))
            await send(server, "alice", count=3)
            channel = await outliving.enter_async_context(grpc.aio.insecure_channel(server.target))
            inboxes: InboxServiceAsyncStub = InboxServiceStub(channel)
            stream = Stream(inboxes.Subscribe(SubscribeRequest(user_id="alice")), replica)
            await stream.until_caught_up()
        goodbye = await stream.read()
        with pytest.raises(EOFError):
            await stream.read()
    async with serve(settings) as server:
        await send(server, "alice", count=2)
        async with server.subscribe("alice", replica) as stream:
            (replay,) = await stream.until_caught_up()

    assert goodbye.phase == SubscribePhase.SUBSCRIBE_PHASE_RECONNECT
    assert (goodbye.after_revision, goodbye.revision) == (3, 3)
    assert 0 <= goodbye.reconnect_delay.ToTimedelta().total_seconds() <= 1
    assert replay.phase == SubscribePhase.SUBSCRIBE_PHASE_REPLAY
    assert carried(replay) == ["1", "2"]
    assert len(replica.notifications) == 5


async def test_counters_that_do_not_fit_beside_a_page_come_behind_it(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "COUNTERS_BYTES_BESIDE", 30)
    monkeypatch.setattr(following, "COUNTERS_BYTES_ALONE", 30)
    unborn = server.inboxes.Subscribe(SubscribeRequest(user_id="alice"))
    start = (await anext(aiter(unborn))).cursor
    unborn.cancel()
    for channel_id in ("news", "offers"):
        await server.client.send(channel_id, "Hello", to="alice")

    for cursor in ("", start):
        request = SubscribeRequest(user_id="alice", cursor=cursor)
        responses = aiter(server.inboxes.Subscribe(request))
        page, counters = [await anext(responses) for _ in range(2)]

        assert (len(page.changes), page.caught_up, page.HasField("inbox")) == (2, False, False)
        assert (len(counters.changes), counters.caught_up) == (0, True)
        assert counters.HasField("inbox")
        delivered = [*page.channel_counters, *counters.channel_counters]
        assert sorted(each.channel_id for each in delivered) == ["news", "offers"]
        assert len(page.channel_counters) == 1
        assert counters.after_revision == page.revision == counters.revision == 2
