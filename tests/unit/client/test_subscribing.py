"""Subscriptions, of both clients."""

import asyncio
import gc
import logging
import threading
from pathlib import Path

import grpc
import pytest
import tocsin_client
from tocsin.v1.inbox_pb2 import Mark, NotificationChange, NotificationSelector
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse
from tocsin_client import AsyncClient, AsyncSubscription, ContiguityError, MemoryCursorStore

from tests.support.waiting import DEADLINE_SECONDS, until
from tests.unit.client.conftest import Clients, Serve, Sleeps
from tests.unit.client.scripting import (
    UNAVAILABLE,
    Fail,
    ScriptedInbox,
    error_info,
    heartbeat,
    live,
    reconnect,
    replay,
    retry_info,
    silence,
    snapshot,
)

# Who blocks cannot be cancelled, and waits for a time instead: test_blocking.py.
AWAITED = pytest.mark.parametrize("clients", ["AsyncClient"], indirect=True)

# Field 100, a number: no message has one.
NEWER = b"\xa0\x06\x01"
NEWER_SELECTOR = NotificationSelector.FromString(
    NotificationSelector(all=True, up_to_revision=6).SerializeToString() + NEWER
)


async def take(subscription: AsyncSubscription, count: int) -> list[tuple[int, bool]]:
    """The next updates' revisions, and whether each starts over."""
    async with asyncio.timeout(10):
        updates = [await anext(subscription) for _ in range(count)]
    return [(update.revision, update.starts_over) for update in updates]


async def test_an_update_carries_what_the_response_does(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5, 5, 4, last=False), snapshot(5, 3, after=5), live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice", snapshot_size=3)

    first, last, following = [await anext(subscription) for _ in range(3)]

    assert inbox.requests[0].user_id == "alice"
    assert inbox.requests[0].snapshot_size == 3
    assert inbox.requests[0].heartbeat_interval.seconds == 30
    assert first.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
    assert [change.revision for change in first.changes] == [5, 4]
    assert (first.starts_over, first.caught_up, first.cursor, first.inbox) == (
        True, False, "", None,
    )  # fmt: skip
    assert (last.starts_over, last.caught_up, last.cursor) == (False, True, "c5")
    assert following.phase == SubscribePhase.SUBSCRIBE_PHASE_LIVE
    assert (following.after_revision, following.revision) == (5, 6)
    assert following.inbox is not None
    assert following.inbox.revision == 6
    assert subscription.cursor == "c6"
    assert subscription.violations == 0


async def test_a_failed_stream_is_resumed_from_the_last_cursor(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    inbox = ScriptedInbox([snapshot(5), live(5, 6), UNAVAILABLE], [replay(6, 7, 7, last=True)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 3) == [(5, True), (6, False), (7, False)]

    assert [request.cursor for request in inbox.requests] == ["", "c6"]
    assert sleeps == [0.1]
    assert subscription.violations == 0


async def test_an_interruption_says_why_while_another_stream_brings_nothing(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([snapshot(1, 1), UNAVAILABLE], [silence()])
    subscription = clients(await serve(inbox)).subscribe("alice")
    await take(subscription, 1)
    before = subscription.interruption

    waiting = asyncio.create_task(anext(subscription))
    await until(lambda: len(inbox.requests) == 2)

    assert before == ""
    assert "scripted" in subscription.interruption
    assert "UNAVAILABLE" in subscription.interruption
    await subscription.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting


@pytest.mark.parametrize(
    "responses",
    [
        [replay(1, 2, 2), replay(2, 3, 3), replay(3, 4, 4, last=True)],
        [
            snapshot(4, 4, last=False),
            snapshot(4, 3, after=4, last=False),
            snapshot(4, 2, after=4),
        ],
    ],
    ids=["REPLAY", "SNAPSHOT"],
)
async def test_an_interruption_lasts_until_the_client_has_caught_up(
    serve: Serve, clients: Clients, responses: list[SubscribeResponse]
) -> None:
    inbox = ScriptedInbox([snapshot(1, 1), UNAVAILABLE], [*responses, silence()])
    subscription = clients(await serve(inbox)).subscribe("alice")
    await take(subscription, 1)

    causes = []
    for _ in responses:
        await take(subscription, 1)
        causes.append(subscription.interruption)

    assert ["UNAVAILABLE" in cause for cause in causes] == [True, True, False]
    assert causes[-1] == ""


@pytest.mark.parametrize("sign", [heartbeat(1), live(1, 2)], ids=["HEARTBEAT", "LIVE"])
async def test_an_interruption_ends_only_with_the_response_after_a_replay(
    serve: Serve, clients: Clients, sign: SubscribeResponse
) -> None:
    inbox = ScriptedInbox([snapshot(1, 1), UNAVAILABLE], [sign, silence()])
    subscription = clients(await serve(inbox)).subscribe("alice", heartbeats=True)

    await take(subscription, 2)

    assert len(inbox.requests) == 2
    assert subscription.interruption == ""


async def test_a_stream_that_the_server_ends_is_resumed(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5)], [replay(5, 5, last=True), live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 3) == [(5, True), (5, False), (6, False)]

    assert inbox.requests[1].cursor == "c5"


async def test_the_first_stream_resumes_from_the_given_cursor(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([replay(41, 42, 42, last=True)])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor="c41")

    assert await take(subscription, 1) == [(42, False)]

    assert inbox.requests[0].cursor == "c41"
    assert subscription.violations == 0


async def test_delays_double_up_to_five_seconds_and_begin_anew_after_a_response(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    failing = [[UNAVAILABLE]] * 8
    inbox = ScriptedInbox(*failing, [snapshot(5), UNAVAILABLE], [replay(5, 5, last=True)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    await take(subscription, 2)

    assert sleeps == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.1]


async def test_without_a_server_a_stream_fails_once_and_then_waits_for_one(
    serve: Serve, clients: Clients, sleeps: Sleeps, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin_client")
    subscription = clients(f"unix:{tmp_path / 'server.sock'}").subscribe("alice")
    following = asyncio.create_task(take(subscription, 1))
    await until(lambda: bool(sleeps))

    assert await serve(ScriptedInbox([snapshot(5)])) == f"unix:{tmp_path / 'server.sock'}"

    assert await following == [(5, True)]
    assert sleeps == [0.1]
    assert "stream of alice over, next in 0.10 s" in caplog.text


async def test_reconnect_is_obeyed_from_its_own_cursor(
    serve: Serve, clients: Clients, sleeps: Sleeps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin_client")
    inbox = ScriptedInbox([snapshot(5), reconnect(5, 2.0), silence()], [live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 2) == [(5, True), (6, False)]

    assert sleeps == [2.1]
    assert inbox.requests[1].cursor == "drained5"
    assert "stream of alice over, next in 2.10 s: the server is stopping" in caplog.text


async def test_servers_that_only_send_reconnect_get_ever_fewer_streams(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    draining = [[reconnect(0, 0.0)]] * 3
    subscription = clients(await serve(ScriptedInbox(*draining, [snapshot(5)]))).subscribe("alice")

    await take(subscription, 1)

    assert sleeps == [0.1, 0.2, 0.4]


async def test_a_silent_link_is_left_for_another_connection(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()], [live(5, 6)])
    client = clients(await serve(inbox, tcp=True), heartbeat_margin=0.0)
    # Silence counts as death after a second.
    subscription = client.subscribe("alice", heartbeat_interval=0.4)

    assert await take(subscription, 2) == [(5, True), (6, False)]

    assert inbox.requests[1].cursor == "c5"
    assert len(set(inbox.peers)) == 2
    assert sleeps == [0.1]


async def test_half_a_snapshot_starts_over(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5, 5, last=False), UNAVAILABLE], [snapshot(6, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor="too-old")

    assert await take(subscription, 1) == [(5, True)]
    assert subscription.cursor == ""
    assert await take(subscription, 1) == [(6, True)]

    assert [request.cursor for request in inbox.requests] == ["too-old", ""]


async def test_heartbeats_are_taken_in_and_their_cursor_kept(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([snapshot(5), heartbeat(5, "renewed"), UNAVAILABLE], [live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 2) == [(5, True), (6, False)]

    assert inbox.requests[1].cursor == "renewed"


async def test_heartbeats_are_delivered_on_request(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), heartbeat(5, "renewed"), reconnect(5, 1)], [live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice", heartbeats=True)

    phases = [(await anext(subscription)).phase for _ in range(4)]

    assert phases == [
        SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT,
        SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT,
        SubscribePhase.SUBSCRIBE_PHASE_RECONNECT,
        SubscribePhase.SUBSCRIBE_PHASE_LIVE,
    ]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "InvalidArgument"),
        (grpc.StatusCode.NOT_FOUND, "NotFound"),
        (grpc.StatusCode.UNAUTHENTICATED, "Unauthenticated"),
        (grpc.StatusCode.PERMISSION_DENIED, "PermissionDenied"),
        (grpc.StatusCode.UNIMPLEMENTED, "CallError"),
    ],
)
async def test_what_another_stream_would_not_mend_is_raised_and_ends_the_iteration(
    serve: Serve, clients: Clients, sleeps: Sleeps, code: grpc.StatusCode, name: str
) -> None:
    inbox = ScriptedInbox([snapshot(5), Fail(code, (error_info("SCRIPTED", user_id="alice"),))])
    subscription = clients(await serve(inbox)).subscribe("alice")
    await anext(subscription)

    with pytest.raises(getattr(tocsin_client, name)) as caught:
        await anext(subscription)

    assert caught.value.reason == "SCRIPTED"
    assert sleeps == []
    for _ in range(3):
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(subscription), 10)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    ],
)
async def test_what_a_failing_network_can_cause_is_survived(
    serve: Serve, clients: Clients, code: grpc.StatusCode
) -> None:
    inbox = ScriptedInbox([snapshot(5), Fail(code)], [live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 2) == [(5, True), (6, False)]


async def test_too_many_streams_wait_as_long_as_the_server_says(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    with_delay = Fail(grpc.StatusCode.RESOURCE_EXHAUSTED, (retry_info(3.0),))
    without_delay = Fail(grpc.StatusCode.RESOURCE_EXHAUSTED)
    inbox = ScriptedInbox([with_delay], [without_delay], [snapshot(5)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    await take(subscription, 1)

    assert sleeps == [3.1, 0.2]


async def test_violations_are_counted(
    serve: Serve, clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = ScriptedInbox([snapshot(5), live(6, 7), UNAVAILABLE], [replay(9, 9, last=True)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    await take(subscription, 3)

    assert subscription.violations == 2
    assert "after_revision is 6, but what came before ended at 5" in caplog.text


async def test_a_strict_subscription_raises_instead(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), live(6, 7)])
    subscription = clients(await serve(inbox)).subscribe("alice", strict=True)
    await anext(subscription)

    with pytest.raises(ContiguityError, match="after_revision is 6"):
        await anext(subscription)

    assert subscription.cursor == "c5"
    assert subscription.violations == 1


@pytest.mark.parametrize(
    "change",
    [
        NotificationChange(revision=6),
        NotificationChange(revision=6, marked=Mark(selector=NEWER_SELECTOR, read=True)),
    ],
    ids=["another kind", "a mark with a field more"],
)
async def test_a_change_of_an_unknown_kind_starts_over(
    serve: Serve, clients: Clients, sleeps: Sleeps, change: NotificationChange
) -> None:
    unknown = live(5, 6)
    unknown.changes[0].CopyFrom(change)
    inbox = ScriptedInbox([snapshot(5), unknown, silence()], [snapshot(6, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 2) == [(5, True), (6, True)]

    assert inbox.requests[1].cursor == ""
    assert sleeps == [0.1]


async def test_a_field_more_in_a_notification_is_taken_as_it_comes(
    serve: Serve, clients: Clients
) -> None:
    newer = live(5, 6)
    newer.changes[0].upserted.MergeFromString(NEWER)
    inbox = ScriptedInbox([snapshot(5), newer, silence()])
    subscription = clients(await serve(inbox)).subscribe("alice")

    assert await take(subscription, 2) == [(5, True), (6, False)]

    assert len(inbox.requests) == 1


@AWAITED
async def test_a_cancelled_wait_keeps_the_stream(serve: Serve, clients: Clients) -> None:
    gate = asyncio.Event()
    inbox = ScriptedInbox([snapshot(5), gate, live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")
    await anext(subscription)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(subscription), 0.01)

    gate.set()

    assert await take(subscription, 1) == [(6, False)]
    assert len(inbox.requests) == 1


@AWAITED
async def test_the_cursor_does_not_cover_what_a_cancelled_wait_did_not_give(
    serve: Serve, clients: Clients
) -> None:
    gate = asyncio.Event()
    inbox = ScriptedInbox([snapshot(5), gate, live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice")
    await anext(subscription)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(subscription), 0.01)
    gate.set()
    assert subscription._reader._step is not None
    await asyncio.wait({subscription._reader._step}, timeout=10)

    await subscription.aclose()

    assert subscription.cursor == "c5"


async def test_closing_ends_the_stream_and_every_wait(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    subscription = clients(await serve(inbox)).subscribe("alice")

    async def follow() -> int:
        return len([update async for update in subscription])

    following = asyncio.create_task(follow())
    await inbox.until_open(1)

    await subscription.aclose()

    assert await asyncio.wait_for(following, 10) <= 1
    await inbox.until_open(0)


async def test_a_context_ends_the_stream(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    client = clients(await serve(inbox))

    async with client.subscribe("alice") as subscription:
        await anext(subscription)

    await inbox.until_open(0)


async def test_a_dropped_subscription_ends_its_stream(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    client = clients(await serve(inbox))

    async for update in client.subscribe("alice"):
        assert update.starts_over
        break
    gc.collect()

    await inbox.until_open(0)


async def test_one_that_is_dropped_after_a_wait_that_timed_out_ends_its_stream(
    serve: Serve,
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])

    async with AsyncClient(await serve(inbox)) as client:
        subscription = client.subscribe("alice")
        await anext(subscription)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(subscription), 0.01)
        del subscription
        gc.collect()

        await inbox.until_open(0)
        gc.collect()
        assert len(client._subscriptions) == 0


async def test_closing_the_client_ends_its_subscriptions(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    client = clients(await serve(inbox))
    subscription = client.subscribe("alice")
    await anext(subscription)

    await client.aclose()

    await inbox.until_open(0)
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)
    with pytest.raises(RuntimeError, match="closed"):
        client.subscribe("alice")


class _Holding(MemoryCursorStore):
    """Saves only once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = threading.Event()
        self.may_save = threading.Event()

    def save(self, user_id: str, cursor: str) -> None:
        if cursor:
            self.saving.set()
            assert self.may_save.wait(DEADLINE_SECONDS)


async def test_closing_that_is_cancelled_ends_the_other_subscriptions_and_the_connections(
    serve: Serve,
) -> None:
    store = _Holding()
    server = ScriptedInbox([snapshot(5), silence()], repeat=True)
    client = AsyncClient(await serve(server))
    held = client.subscribe("alice", cursor_store=store)
    others = [client.subscribe("bob") for _ in range(16)]
    for subscription in (held, *others):
        await anext(subscription)
    waiting = asyncio.create_task(take(held, 1))
    await until(store.saving.is_set)

    closing = asyncio.create_task(client.aclose())
    await until(lambda: held._closed)
    closing.cancel()
    # Its save goes on in a thread, and is waited for once more.
    await until(lambda: all(other._closed for other in others))
    store.may_save.set()
    with pytest.raises(asyncio.CancelledError):
        await closing

    assert client._streams._channels == []
    with pytest.raises(StopAsyncIteration):
        await waiting
    await server.until_open(0)


async def test_only_one_at_a_time_may_iterate(serve: Serve, clients: Clients) -> None:
    inbox = ScriptedInbox([silence()])
    subscription = clients(await serve(inbox)).subscribe("alice")

    async def following() -> SubscribeResponse | object:
        return await anext(subscription)

    first = asyncio.create_task(following())
    await inbox.until_open(1)

    with pytest.raises(RuntimeError, match="another t"):
        await anext(subscription)
    first.cancel()


async def test_streams_share_connections_by_ninety_and_none_with_calls(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()], repeat=True)
    client = clients(await serve(inbox, tcp=True))
    subscriptions = [client.subscribe(f"user{n}") for n in range(91)]
    await client.get_inbox("alice")

    await asyncio.gather(*(anext(subscription) for subscription in subscriptions))

    by_connection = sorted(inbox.peers.count(peer) for peer in set(inbox.peers))
    assert by_connection == [1, 90]
    assert not set(inbox.peers) & set(inbox.unary_peers)


async def test_a_stream_that_is_over_makes_room_on_its_connection(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()], repeat=True)
    client = clients(await serve(inbox, tcp=True))

    for _ in range(91):
        async with client.subscribe("alice") as subscription:
            await anext(subscription)

    assert len(inbox.peers) == 91
    assert len(set(inbox.peers)) == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e300])
async def test_a_heartbeat_interval_that_is_no_span_is_refused(
    clients: Clients, seconds: float
) -> None:
    with pytest.raises(ValueError, match="heartbeat_interval"):
        clients("unix:none").subscribe("alice", heartbeat_interval=seconds)
