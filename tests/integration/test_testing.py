"""`tocsin_server.testing`: a server in the process of its users' tests."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from tocsin_client import AsyncClient, AsyncSubscription, Inbox
from tocsin_server.testing import DrivenClock, LocalServer

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def test_it_is_a_server_with_a_store_of_its_own() -> None:
    with LocalServer() as one, LocalServer() as other:
        async with AsyncClient(one.target) as client, AsyncClient(other.target) as other_client:
            await client.create_channel("news", title="News")
            await client.send("news", "Hello", to="alice")
            inboxes = [await each.get_inbox("alice") for each in (client, other_client)]

    assert [inbox.total_count for inbox in inboxes] == [1, 0]


async def test_its_time_is_what_its_clock_shows() -> None:
    async with (
        LocalServer(time=NOON, idempotency_retention=60.0) as server,
        AsyncClient(server.target) as client,
    ):
        await client.create_channel("news", title="News")
        first = await client.send("news", "Once", to="alice", request_id="r")
        server.clock.advance(timedelta(seconds=59))
        again = await client.send("news", "Once", to="alice", request_id="r")
        server.clock.advance(2)
        later = await client.send("news", "Once", to="alice", request_id="r")

    assert first.message.create_time.ToDatetime(UTC) == NOON
    assert again.message == first.message
    assert later.message.message_id != first.message.message_id
    assert server.clock.time == NOON + timedelta(seconds=61)


async def test_a_restart_keeps_what_is_stored_and_subscriptions_go_on() -> None:
    with LocalServer() as server:
        async with AsyncClient(server.target) as client:
            await client.create_channel("news", title="News")
            subscription = client.subscribe("alice", strict=True)
            await anext(subscription)

            server.restart()
            await client.send("news", "After it", to="alice")

            update = await anext(subscription)
            while not update.changes:
                update = await anext(subscription)
            assert update.changes[0].upserted.message.title == "After it"


def test_its_folder_goes_with_it() -> None:
    with LocalServer() as server:
        folder = Path(server.target.removeprefix("unix:")).parent
        assert folder.is_dir()

    assert not folder.exists()


def test_it_is_there_while_its_context_lasts() -> None:
    server = LocalServer()
    with pytest.raises(RuntimeError, match="while its context lasts"):
        _ = server.target
    with server:
        with pytest.raises(RuntimeError, match="the server runs"):
            server.start()
        with pytest.raises(RuntimeError, match="has begun"), server:
            pass
        assert Path(server.target.removeprefix("unix:")).is_socket()
    with pytest.raises(RuntimeError, match="while its context lasts"):
        server.start()


def test_a_server_that_cannot_start_says_why() -> None:
    with LocalServer() as server:
        server.stop()
        Path(server.target.removeprefix("unix:")).with_name("tocsin.db").write_bytes(b"no" * 999)

        with pytest.raises(Exception, match="not a database"):
            server.start()


def test_a_clock_shows_microseconds_in_any_zone_and_needs_one() -> None:
    clock = DrivenClock(datetime(2030, 1, 1, 13, 0, 0, 1, tzinfo=timezone(timedelta(hours=1))))

    clock.advance(-0.5)

    assert clock.time == NOON - timedelta(microseconds=499_999)
    with pytest.raises(ValueError, match="zone"):
        clock.set(datetime(2030, 1, 1))  # noqa: DTZ001  # it is refused


def test_a_clock_shows_no_time_that_no_server_can_store() -> None:
    clock = DrivenClock(NOON)
    time = datetime(1969, 12, 31, tzinfo=UTC)

    for move in (clock.set, DrivenClock, LocalServer):
        with pytest.raises(ValueError, match="1970 to 9999"):
            move(time=time)
    for span in (-1e10, 1e12, float("inf"), timedelta(days=-40_000)):
        with pytest.raises(ValueError, match="1970 to 9999"):
            clock.advance(span)

    assert clock.time == NOON


@pytest.mark.parametrize("name", ["idempotency_retention", "history_retention", "max_streams"])
@pytest.mark.parametrize("number", [0, -1, float("nan")])
def test_limits_that_cannot_be_kept_are_refused(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {number}, and must be "):
        LocalServer(**{name: number})  # type: ignore[arg-type]  # whichever it is


def test_pytest_finds_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        """
def test_it(tocsin_server):
    assert tocsin_server.target.startswith("unix:")
"""
    )

    subprocess.run([sys.executable, "-m", "pytest", "-q", tmp_path], check=True, cwd=tmp_path)


def test_without_the_server_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['sqlalchemy'] = None; import tocsin_server.testing"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "sqlalchemy is not installed: pip install 'tocsin[server]'" in done.stderr


def test_a_client_of_another_event_loop_says_so_instead_of_hanging(
    tocsin_server: LocalServer,
) -> None:
    client = AsyncClient(tocsin_server.target)

    async def follow() -> None:
        async with client.subscribe("alice") as subscription:
            await anext(subscription)

    async def begin() -> tuple[Inbox, AsyncSubscription]:
        begun = client.subscribe("alice")
        await anext(begun)
        return await client.get_inbox("alice"), begun

    async def go_on() -> None:
        await anext(begun)

    inbox, begun = asyncio.run(begin())

    assert inbox.user_id == "alice"
    with pytest.raises(RuntimeError, match="in another event loop"):
        asyncio.run(client.get_inbox("alice"))
    with pytest.raises(RuntimeError, match="in another event loop"):
        asyncio.run(follow())
    with pytest.raises(RuntimeError, match="in another event loop"):
        asyncio.run(go_on())
