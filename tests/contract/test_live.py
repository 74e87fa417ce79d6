"""What `Live` and `Watch` promise."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from tocsin_server.domain.model.errors import ServerStopping, TooManyStreams
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.ports.live import Live, Watch
from tocsin_server.live.hub import Hub

from tests.support.building import ALICE, BOB, change
from tests.support.waiting import DEADLINE_SECONDS

FACTORIES: list[Callable[[int], Live]] = [Hub]


@pytest.fixture(params=FACTORIES, ids=lambda factory: factory.__name__)
def live(request: pytest.FixtureRequest) -> Live:
    made: Live = request.param(40)
    return made


def taken(watch: Watch) -> list[int]:
    """Takes what is pending, and returns its revisions."""
    return [change.revision for change in watch.take()]


def test_a_watch_is_behind_until_it_is_synced_to_a_revision(live: Live) -> None:
    watch = live.watch(ALICE)

    at_first = watch.behind
    watch.synced_to(1, 0)

    assert at_first
    assert not watch.behind


def test_a_watch_sees_every_change_announced_from_its_beginning_in_order(live: Live) -> None:
    live.announce([change(1)])
    watch = live.watch(ALICE)
    live.announce([change(2), change(3)])

    watch.synced_to(1, 1)
    live.announce([change(4)])

    assert not watch.behind
    assert taken(watch) == [2, 3, 4]


def test_a_change_that_was_read_from_the_store_is_not_delivered_again(live: Live) -> None:
    watch = live.watch(ALICE)
    live.announce([change(2), change(3)])

    watch.synced_to(1, 2)

    assert not watch.behind
    assert taken(watch) == [3]


@pytest.mark.parametrize("announced", [[3], [2, 4], [3, 4], [2, 3, 5]])
def test_a_watch_that_missed_a_change_is_behind(live: Live, announced: list[int]) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 1)

    live.announce([change(revision) for revision in announced])

    assert watch.behind


def test_a_gap_before_what_is_kept_makes_the_watch_behind_again(live: Live) -> None:
    watch = live.watch(ALICE)
    live.announce([change(5)])

    watch.synced_to(1, 3)

    assert watch.behind


def test_a_watch_that_missed_a_change_continues_after_its_stream_read_the_store(
    live: Live,
) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 1)
    live.announce([change(3)])

    watch.synced_to(1, 3)
    live.announce([change(4)])

    assert not watch.behind
    assert taken(watch) == [4]


def test_a_watch_that_is_read_now_and_then_gives_every_change_once_in_order(live: Live) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 0)
    revisions: list[int] = []

    for revision in range(1, 3_001):
        live.announce([change(revision)])
        if revision % 100 == 0:
            revisions += taken(watch)

    assert not watch.behind
    assert revisions == list(range(1, 3_001))


def test_a_watch_that_is_read_too_seldom_is_behind_until_its_stream_has_read_the_store(
    live: Live,
) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 0)

    for revision in range(1, 10_001):
        live.announce([change(revision)])
    behind, kept = watch.behind, taken(watch)
    watch.synced_to(1, 10_000)

    assert behind
    assert kept == list(range(10_001 - len(kept), 10_001))
    assert not watch.behind


def test_changes_of_others_are_not_seen(live: Live) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 0)

    live.announce([change(1, key=BOB), change(1, key=InboxKey("other", "alice"))])

    assert not watch.behind
    assert taken(watch) == []


def test_every_watch_of_an_inbox_sees_its_changes_on_its_own(live: Live) -> None:
    first, second = live.watch(ALICE), live.watch(ALICE)
    first.synced_to(1, 0)
    second.synced_to(1, 0)

    live.announce([change(1)])
    first.take()
    live.announce([change(2)])

    assert not first.behind
    assert not second.behind
    assert taken(first) == [2]
    assert taken(second) == [1, 2]


def test_a_watch_that_is_never_read_does_not_harm_another(live: Live) -> None:
    live.watch(ALICE)
    reader = live.watch(ALICE)
    reader.synced_to(1, 0)
    revisions: list[int] = []

    for revision in range(1, 5_000):
        live.announce([change(revision)])
        revisions += taken(reader)

    assert not reader.behind
    assert revisions == list(range(1, 5_000))


async def test_waiting_ends_when_there_is_something_to_do(live: Live) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 0)
    waiting = asyncio.ensure_future(watch.wait(DEADLINE_SECONDS))
    await asyncio.sleep(0)

    live.announce([change(1)])

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await waiting


async def test_waiting_without_an_event_ends_after_its_seconds(live: Live) -> None:
    watch = live.watch(ALICE)
    watch.synced_to(1, 0)

    assert not await watch.wait(0.001)


def test_a_closed_watch_leaves_its_place_and_may_be_closed_again(live: Live) -> None:
    watches = [live.watch(ALICE) for _ in range(16)]

    for watch in watches:
        watch.close()
        watch.close()

    assert all(watch.closed for watch in watches)
    assert not live.watches(ALICE)
    for _ in range(16):
        live.watch(ALICE)


def test_a_user_has_sixteen_watches_and_the_server_its_own_limit(live: Live) -> None:
    for key in (ALICE, BOB):
        for _ in range(16):
            live.watch(key)
    with pytest.raises(TooManyStreams) as of_user:
        live.watch(ALICE)
    for number in range(8):
        live.watch(InboxKey("default", f"user-{number}"))
    with pytest.raises(TooManyStreams) as of_server:
        live.watch(InboxKey("default", "one-more"))

    assert of_user.value.metadata["scope"] == "user"
    assert of_server.value.metadata["scope"] == "server"


def test_any_thread_may_ask_whether_an_inbox_is_watched(live: Live) -> None:
    live.watch(ALICE)
    answers: list[bool] = []

    def ask() -> None:
        answers.extend((live.watches(ALICE), live.watches(BOB)))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert answers == [True, False]


def test_a_server_that_stops_takes_no_more_watches() -> None:
    hub = Hub(1)
    watch = hub.watch(ALICE)

    hub.stop()

    assert watch.stopping
    with pytest.raises(ServerStopping):
        hub.watch(BOB)
