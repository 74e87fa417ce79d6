"""Both Python clients against a server: every method, and what a subscription lives through."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from tocsin.v1.inbox_pb2 import Notification, NotificationFilter
from tocsin.v1.inbox_service_pb2 import SubscribePhase
from tocsin.v1.message_pb2 import Severity
from tocsin_client import (
    Aborted,
    AlreadyExists,
    AsyncClient,
    AsyncSubscription,
    Client,
    DeadlineExceeded,
    FailedPrecondition,
    FileCursorStore,
    InboxUpdate,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    make_send_request,
)
from tocsin_server.app import SystemClock
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.settings import Settings
from tocsin_server.store.store import SqlStore

from tests.integration.conftest import Serve
from tests.support.blocking import in_threads
from tests.support.clocks import SetClock
from tests.support.serving import Served
from tests.support.waiting import DEADLINE_SECONDS

DAY_MICROSECONDS = 86_400_000_000
UNREAD = NotificationFilter.NOTIFICATION_FILTER_UNREAD


class Connect(Protocol):
    def __call__(self, target: str, *, timeout: float = ...) -> AsyncClient: ...


@pytest.fixture
def house() -> str:
    """One of them: a client does not see on what its server runs."""
    return "sqlite"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """An address that a server has again when it starts again."""
    return replace(settings, listen=f"unix:{tmp_path / 'server.sock'}")


@pytest.fixture(params=["AsyncClient", "Client"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes clients of each kind."""
    async with AsyncExitStack() as clients:
        made: list[AsyncClient] = []

        def make(target: str, *, timeout: float = 30.0) -> AsyncClient:
            if request.param == "Client":
                made.append(in_threads(Client(target, timeout=timeout)))
            else:
                made.append(AsyncClient(target, timeout=timeout))
            clients.push_async_exit(made[-1])
            return made[-1]

        yield make


@pytest.fixture
def client(connect: Connect, server: Served) -> AsyncClient:
    return connect(server.target)


async def take(subscription: AsyncSubscription) -> InboxUpdate:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await anext(subscription)


def titles(update: InboxUpdate) -> list[str]:
    return [change.upserted.message.title for change in update.changes]


async def heard(notifications: AsyncIterator[Notification]) -> list[str]:
    return [notification.message.title async for notification in notifications]


async def test_a_channel_is_created_read_changed_and_deleted(client: AsyncClient) -> None:
    created = await client.create_channel(
        "leads", title="Leads", description="New ones", labels={"team": "sales"}
    )
    changed = await client.update_channel("leads", description="", labels={}, etag=created.etag)
    read = await client.get_channel("leads")
    listed = [channel.channel_id async for channel in client.list_channels(page_size=1)]
    await client.delete_channel("leads")

    assert (created.title, created.description) == ("Leads", "New ones")
    assert (changed.title, changed.description, dict(changed.labels)) == ("Leads", "", {})
    assert read == changed
    assert listed == ["leads", "news", "offers"]
    with pytest.raises(NotFound) as caught:
        await client.get_channel("leads")
    assert caught.value.reason == "CHANNEL_NOT_FOUND"


async def test_a_channel_that_changed_meanwhile_is_not_changed(client: AsyncClient) -> None:
    read = await client.get_channel("news")
    await client.update_channel("news", title="Latest")

    with pytest.raises(Aborted) as caught:
        await client.update_channel("news", title="Newest", etag=read.etag)

    assert (caught.value.code, caught.value.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert (await client.get_channel("news")).title == "Latest"


async def test_a_channel_with_messages_is_deleted_by_force_alone(client: AsyncClient) -> None:
    await client.send("news", "Hello", to="alice")

    with pytest.raises(FailedPrecondition) as caught:
        await client.delete_channel("news")
    await client.delete_channel("news", force=True)

    assert (caught.value.code, caught.value.reason) == ("FAILED_PRECONDITION", "CHANNEL_NOT_EMPTY")
    with pytest.raises(NotFound):
        await client.get_channel("news")


async def test_a_channel_is_created_again_right_after_it_was_deleted_by_force(
    client: AsyncClient,
) -> None:
    users = [f"user-{number}" for number in range(1_000)]
    await client.send_batch(
        make_send_request("news", f"Message {number}", to=users) for number in range(5)
    )

    await client.delete_channel("news", force=True)
    created = await client.create_channel("news", title="News, again")

    assert created.title == "News, again"
    assert (await client.get_inbox("user-7")).total_count == 0


async def test_a_call_that_the_database_kept_waiting_says_so(
    serve: Serve, settings: Settings
) -> None:
    path = settings.database_url.partition("///")[2]
    async with serve(settings) as server, AsyncClient(server.target) as client:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            # The server reports after 5 seconds that the database does not answer, and is called again.
            with pytest.raises(DeadlineExceeded) as caught:
                await client.create_channel("late", title="Late", timeout=7.5)

            other.execute("ROLLBACK")

    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert caught.value.message.startswith("no answer in time; before: The database did not answer")


async def test_what_is_sent_is_read_back(client: AsyncClient) -> None:
    sent = await client.send(
        "news",
        "Hello",
        to=["alice", "bob"],
        content="*All* of it",
        url="/leads/42",
        data={"lead": 42},
        labels={"region": "emea"},
        severity=Severity.SEVERITY_HIGH,
        sender="crm",
    )
    results = await client.send_batch(
        [
            make_send_request("news", "Second", to="alice"),
            make_send_request("nowhere", "Third", to="alice"),
        ]
    )
    listed = [message.title async for message in client.list_messages("news", page_size=1)]

    assert sent.accepted_count == 2
    assert await client.get_message(sent.message.message_id) == sent.message
    assert [result.WhichOneof("outcome") for result in results] == ["response", "error"]
    assert results[1].error.metadata["channel_id"] == "nowhere"
    assert listed == ["Second", "Hello"]


async def test_a_repeat_with_its_request_id_changes_nothing(client: AsyncClient) -> None:
    first = await client.send("news", "Hello", to="alice", request_id="once")
    again = await client.send("news", "Hello", to="alice", request_id="once")
    with pytest.raises(AlreadyExists) as caught:
        await client.send("news", "Other", to="alice", request_id="once")

    assert again == first
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert (await client.get_inbox("alice")).revision == 1


async def test_an_inbox_is_read_by_pages_filters_and_channels(client: AsyncClient) -> None:
    for channel_id, title in (("news", "1"), ("offers", "2"), ("news", "3")):
        await client.send(channel_id, title, to="alice")
    await client.mark_read("alice", channel_ids="offers")

    channels = [each async for each in client.list_inbox_channels("alice", page_size=1)]
    unread = [each async for each in client.list_inbox_channels("alice", unread_only=True)]

    assert await heard(client.list_notifications("alice", page_size=1)) == ["3", "2", "1"]
    assert await heard(client.list_notifications("alice", channel_ids="offers")) == ["2"]
    assert await heard(client.list_notifications("alice", filter=UNREAD)) == ["3", "1"]
    assert [(each.channel.channel_id, each.unread_count) for each in channels] == [
        ("news", 2),
        ("offers", 0),
    ]
    assert [each.channel.channel_id for each in unread] == ["news"]
    assert (await client.get_inbox("alice")).unread_count == 2


async def test_notifications_are_marked_by_ids_by_channels_and_all(client: AsyncClient) -> None:
    for title in ("1", "2", "3"):
        await client.send("news", title, to="alice")
    ids = [each.notification_id async for each in client.list_notifications("alice")]

    by_id = await client.mark_read("alice", ids=ids[0])
    up_to = await client.mark_seen("alice", all=True, up_to_revision=1)
    by_channel = await client.mark_read("alice", channel_ids=["news"])
    back = await client.mark_unread("alice", ids=ids[:2])
    unseen = await client.update_notifications("alice", all=True, seen=False)

    counts = [
        (marked.updated_count, marked.inbox.unread_count, marked.inbox.unseen_count)
        for marked in (by_id, up_to, by_channel, back, unseen)
    ]
    assert counts == [(1, 2, 2), (1, 2, 1), (2, 0, 0), (2, 2, 0), (3, 3, 3)]


async def test_a_repeat_of_a_mark_with_its_request_id_gets_the_first_answer(
    client: AsyncClient,
) -> None:
    await client.send("news", "Hello", to="alice")

    first = await client.mark_read("alice", all=True, request_id="once")
    await client.mark_unread("alice", all=True)
    again = await client.mark_read("alice", all=True, request_id="once")

    assert again == first
    assert (await client.get_inbox("alice")).unread_count == 1


async def test_an_error_names_every_field_that_is_wrong(client: AsyncClient) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await client.send("news", "", to=[""], url="javascript:alert(1)")
    with pytest.raises(InvalidArgument) as empty:
        await client.mark_read("alice", ids=[])
    with pytest.raises(ValueError, match="up_to_revision is for channel_ids and all"):
        await client.mark_read("alice", ids=["n1"], up_to_revision=5)
    with pytest.raises(ValueError, match="pass read, seen or both"):
        await client.update_notifications("alice", all=True, up_to_revision=0)

    assert {violation.field for violation in caught.value.violations} == {
        "audience.user_ids[0]",
        "message.title",
        "message.url",
    }
    assert "selector" in empty.value.violations[0].field


@pytest.mark.parametrize("mebibytes", [5, 9], ids="{} MiB".format)
async def test_a_request_that_is_too_large_is_refused_with_the_limit_by_whatever_refuses_it(
    client: AsyncClient, mebibytes: int
) -> None:
    with pytest.raises(ResourceExhausted) as caught:
        await client.send("news", "Hello", to="alice", content="x" * (mebibytes << 20))

    assert caught.value.reason == "REQUEST_TOO_LARGE"
    assert caught.value.metadata["limit"] == str(4 << 20)
    assert int(caught.value.metadata["size"]) > mebibytes << 20
    assert str(caught.value) == (
        f"The request has {caught.value.metadata['size']} bytes; 4194304 is the limit."
        " [REQUEST_TOO_LARGE]"
    )


async def test_a_mark_up_to_revision_0_marks_nothing(client: AsyncClient) -> None:
    await client.send("news", "1", to="alice")

    response = await client.mark_read("alice", all=True, up_to_revision=0)

    assert (response.updated_count, response.inbox.unread_count) == (0, 1)
    assert await client.get_inbox("alice") == response.inbox


async def test_a_call_waits_for_a_server_and_gives_up_in_time(
    connect: Connect, serve: Serve, settings: Settings
) -> None:
    with pytest.raises(DeadlineExceeded, match=r"in time: .*No such file"):
        await connect(settings.listen, timeout=0.2).get_inbox("alice")
    with pytest.raises(DeadlineExceeded):
        await connect(settings.listen).get_inbox("alice", timeout=0.2)

    waiting = asyncio.ensure_future(connect(settings.listen).get_inbox("alice"))
    async with serve(settings):
        inbox = await waiting

    assert inbox.user_id == "alice"


async def test_a_subscription_shows_what_happens_live(client: AsyncClient) -> None:
    await client.send("news", "1", to="alice")
    async with client.subscribe("alice", strict=True) as subscription:
        opening = await take(subscription)
        await client.send("news", "2", to="alice")
        arrival = await take(subscription)
        await client.mark_read("alice", all=True)
        mark = await take(subscription)

    assert (opening.starts_over, opening.caught_up, titles(opening)) == (True, True, ["1"])
    assert titles(arrival) == ["2"]
    assert mark.changes[0].marked.read
    assert mark.inbox is not None
    assert mark.inbox.unread_count == 0
    assert subscription.cursor == mark.cursor


async def test_a_subscription_lives_through_a_server_that_drains_and_starts_again(
    connect: Connect, serve: Serve, settings: Settings
) -> None:
    client = connect(settings.listen)
    subscription = client.subscribe("alice", strict=True, heartbeats=True)
    async with serve(settings) as server:
        await server.client.create_channel("news", title="News")
        await server.client.send("news", "1", to="alice")
        opening = await take(subscription)
    goodbye = await take(subscription)
    async with serve(settings) as server:
        await server.client.send("news", "2", to="alice")
        following = await take(subscription)
        while not titles(following):
            following = await take(subscription)

    assert titles(opening) == ["1"]
    assert goodbye.phase == SubscribePhase.SUBSCRIBE_PHASE_RECONNECT
    assert titles(following) == ["2"]
    assert not following.starts_over
    assert subscription.violations == 0


async def test_a_program_goes_on_where_the_one_before_stopped(
    connect: Connect, server: Served, tmp_path: Path
) -> None:
    path = tmp_path / "cursors.json"
    subscription = connect(server.target).subscribe("alice", cursor_store=FileCursorStore(path))
    await take(subscription)
    for title in ("1", "2"):
        await server.client.send("news", title, to="alice")
    finished = await take(subscription)
    while finished.revision < 1:
        finished = await take(subscription)
    first = titles(finished)
    unfinished = [] if finished.revision == 2 else titles(await take(subscription))
    await subscription.aclose()

    again = await take(
        connect(server.target).subscribe("alice", cursor_store=FileCursorStore(path))
    )

    assert first + unfinished == ["1", "2"]
    assert not again.starts_over
    assert titles(again) == (unfinished or first)


async def test_a_stored_cursor_that_is_too_old_starts_over(
    connect: Connect, serve: Serve, settings: Settings, tmp_path: Path
) -> None:
    cursors = FileCursorStore(tmp_path / "cursors.json")
    client = connect(settings.listen)
    async with serve(settings) as server:
        await server.client.create_channel("news", title="News")
        await server.client.send("news", "1", to="alice")
        async with client.subscribe("alice", cursor_store=cursors) as subscription:
            old = (await take(subscription)).cursor
            await server.client.mark_read("alice", all=True)
            await take(subscription)
        stored = cursors.load("alice")
    await forget_history(settings.database_url)

    async with serve(settings), client.subscribe("alice", cursor_store=cursors) as subscription:
        update = await take(subscription)

    assert stored == old
    assert update.starts_over
    assert [change.upserted.HasField("read_time") for change in update.changes] == [True]
    assert cursors.load("alice") == ""


async def forget_history(database_url: str) -> None:
    """Prunes a store as it would be pruned in 30 days."""
    clock = SetClock(SystemClock().now() + 30 * DAY_MICROSECONDS)
    store = await SqlStore.open(database_url, Hub(1), clock, Retention(86_400.0, 604_800.0))
    while await store.pruning.prune(clock.now()):
        pass
    await store.close()
