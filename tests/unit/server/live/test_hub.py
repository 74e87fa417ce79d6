import asyncio

import pytest
from tocsin_server.domain.model.errors import ServerStopping, TooManyStreams
from tocsin_server.live.hub import PENDING_BYTES, PENDING_CHANGES, Hub, HubWatch

from tests.support.building import ALICE, BOB, change
from tests.support.hubs import DeafHub

NEVER = 1e6


@pytest.fixture
def hub() -> Hub:
    return Hub(max_streams=100)


@pytest.fixture
def synced(hub: Hub) -> HubWatch:
    """A watch of Alice's first life that has everything up to revision 5."""
    watch = hub.watch(ALICE)
    watch.synced_to(1, 5)
    return watch


def taken(watch: HubWatch) -> list[int]:
    return [change.revision for change in watch.take()]


def behind(watch: HubWatch) -> bool:
    return watch.behind


def announce(hub: Hub, *revisions: int, incarnation: int = 1, body: bytes = b"body") -> None:
    hub.announce([change(r, incarnation=incarnation, body=body) for r in revisions])


def test_a_new_watch_is_behind_until_it_is_synced(hub: Hub) -> None:
    watch = hub.watch(ALICE)
    assert behind(watch)

    watch.synced_to(1, 5)

    assert not behind(watch)
    assert taken(watch) == []


def test_a_synced_watch_keeps_what_goes_on_in_order_until_it_is_taken(
    hub: Hub, synced: HubWatch
) -> None:
    announce(hub, 6, 7)
    announce(hub, 8)

    assert taken(synced) == [6, 7, 8]
    assert taken(synced) == []
    announce(hub, 9)
    assert taken(synced) == [9]
    assert not behind(synced)


def test_what_the_stream_has_already_is_ignored(hub: Hub, synced: HubWatch) -> None:
    announce(hub, 4, 5)

    assert taken(synced) == []
    assert not behind(synced)
    announce(hub, 6, 6, 5)
    assert taken(synced) == [6]
    assert not behind(synced)


def test_a_gap_makes_the_watch_behind(hub: Hub, synced: HubWatch) -> None:
    announce(hub, 6, 8)

    assert behind(synced)


def test_a_watch_that_was_behind_continues_with_the_changes_after_its_read(
    hub: Hub, synced: HubWatch
) -> None:
    announce(hub, 8, 9, 10)

    # The store was read up to the middle of what is pending.
    synced.synced_to(1, 9)

    assert not behind(synced)
    assert taken(synced) == [10]


def test_a_watch_stays_behind_when_what_it_read_does_not_reach_what_is_pending(
    hub: Hub, synced: HubWatch
) -> None:
    announce(hub, 8)

    synced.synced_to(1, 6)

    assert behind(synced)
    assert taken(synced) == []
    synced.synced_to(1, 8)
    assert not behind(synced)


def test_what_was_announced_while_the_store_was_read_is_kept(hub: Hub) -> None:
    watch = hub.watch(ALICE)
    announce(hub, 6, 7)

    watch.synced_to(1, 5)

    assert not behind(watch)
    assert taken(watch) == [6, 7]


def test_a_watch_of_an_unborn_inbox_takes_its_first_change(hub: Hub) -> None:
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)

    announce(hub, 1, 2, incarnation=7)

    assert not behind(watch)
    assert taken(watch) == [1, 2]


def test_the_birth_of_an_inbox_while_the_store_was_read_is_not_lost(hub: Hub) -> None:
    watch = hub.watch(ALICE)
    announce(hub, 1, incarnation=7)

    watch.synced_to(0, 0)

    assert behind(watch) or taken(watch) == [1]


@pytest.mark.parametrize("revision", [1, 3, 5, 6, 7])
def test_another_incarnation_of_the_inbox_makes_the_watch_behind(
    hub: Hub, synced: HubWatch, revision: int
) -> None:
    announce(hub, revision, incarnation=2)

    assert behind(synced)
    synced.synced_to(2, revision)
    assert not behind(synced)
    announce(hub, revision + 1, incarnation=2)
    assert taken(synced) == [revision + 1]


def test_a_watch_stays_behind_when_it_read_the_incarnation_before(
    hub: Hub, synced: HubWatch
) -> None:
    announce(hub, 1, incarnation=2)

    synced.synced_to(1, 5)

    assert behind(synced)


def test_more_changes_than_a_response_holds_make_the_watch_behind(
    hub: Hub, synced: HubWatch
) -> None:
    announce(hub, *range(6, 6 + PENDING_CHANGES))
    assert not behind(synced)

    announce(hub, 6 + PENDING_CHANGES)

    assert behind(synced)
    synced.synced_to(1, 6 + PENDING_CHANGES)
    assert not behind(synced)


def test_more_bytes_than_a_response_holds_make_the_watch_behind(hub: Hub, synced: HubWatch) -> None:
    body = bytes(100_000)
    fit = PENDING_BYTES // change(1, body=body).size
    announce(hub, *range(6, 6 + fit), body=body)
    assert not behind(synced)

    announce(hub, 6 + fit, body=body)

    assert behind(synced)


def test_a_watch_that_is_behind_holds_no_more_than_a_response(hub: Hub, synced: HubWatch) -> None:
    body = bytes(100_000)
    announce(hub, *range(6, 2_000), body=body)

    synced.synced_to(1, 5)
    while not synced.take():
        # It kept the latest: what the store was read up to decides.
        synced.synced_to(1, 1_998)
        announce(hub, 1_999, 2_000, body=body)

    assert taken(synced) == []


def test_room_is_there_again_once_the_pending_changes_are_taken(hub: Hub, synced: HubWatch) -> None:
    body = bytes(PENDING_BYTES // 2)
    for revision in range(6, 20):
        announce(hub, revision, body=body)
        assert taken(synced) == [revision]

    assert not behind(synced)


def test_a_hint_of_a_later_revision_makes_the_watch_behind(hub: Hub, synced: HubWatch) -> None:
    hub.hear_of([(ALICE, 1, 6)])

    assert behind(synced)
    synced.synced_to(1, 6)
    assert not behind(synced)


def test_a_hint_of_another_incarnation_makes_the_watch_behind(hub: Hub, synced: HubWatch) -> None:
    hub.hear_of([(ALICE, 2, 1)])

    assert behind(synced)


@pytest.mark.parametrize("revision", [1, 5, 6])
def test_a_hint_of_a_known_revision_changes_nothing(
    hub: Hub, synced: HubWatch, revision: int
) -> None:
    announce(hub, 6)

    hub.hear_of([(ALICE, 1, revision)])

    assert not behind(synced)
    assert taken(synced) == [6]


def test_a_watch_stays_behind_when_it_read_less_than_the_hint_says(
    hub: Hub, synced: HubWatch
) -> None:
    hub.hear_of([(ALICE, 1, 9)])

    synced.synced_to(1, 8)

    assert behind(synced)


def test_an_older_hint_does_not_undo_a_newer_one(hub: Hub, synced: HubWatch) -> None:
    hub.hear_of([(ALICE, 1, 9)])
    hub.hear_of([(ALICE, 1, 7)])

    synced.synced_to(1, 8)

    assert behind(synced)


def test_a_hint_or_change_of_an_inbox_without_a_watch_reaches_no_other(
    hub: Hub, synced: HubWatch
) -> None:
    hub.hear_of([(BOB, 1, 9)])
    hub.announce([change(9, key=BOB)])

    assert not behind(synced)
    assert taken(synced) == []


def test_a_deaf_hub_loses_what_is_announced_and_still_passes_on_what_is_swept() -> None:
    hub = DeafHub(max_streams=1)
    watch = hub.watch(ALICE)
    watch.synced_to(1, 5)

    announce(hub, 6)
    assert not behind(watch)
    hub.hear_of([(ALICE, 1, 6)])

    assert behind(watch)


async def test_waiting_ends_at_once_with_something_to_do(hub: Hub, synced: HubWatch) -> None:
    announce(hub, 6)

    assert await synced.wait(NEVER)
    assert await hub.watch(ALICE).wait(NEVER)


@pytest.mark.parametrize("what", ["change", "gap", "word", "stop", "close"])
async def test_every_event_wakes_a_watch_that_waits(hub: Hub, synced: HubWatch, what: str) -> None:
    waiting = asyncio.create_task(synced.wait(NEVER))
    await asyncio.sleep(0)

    match what:
        case "change":
            announce(hub, 6)
        case "gap":
            announce(hub, 9)
        case "word":
            hub.hear_of([(ALICE, 1, 6)])
        case "stop":
            hub.stop()
        case "close":
            synced.close()

    async with asyncio.timeout(5):
        assert await waiting


async def test_waiting_without_an_event_ends_after_its_timeout(synced: HubWatch) -> None:
    assert not await synced.wait(0.001)


async def test_a_wait_that_is_cancelled_leaves_the_watch_as_it_was(
    hub: Hub, synced: HubWatch
) -> None:
    waiting = asyncio.create_task(synced.wait(NEVER))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})

    announce(hub, 6)

    assert taken(synced) == [6]


def test_a_user_has_sixteen_streams_at_most(hub: Hub) -> None:
    watches = [hub.watch(ALICE) for _ in range(16)]

    with pytest.raises(TooManyStreams) as refused:
        hub.watch(ALICE)

    assert refused.value.metadata == {"scope": "user", "limit": "16"}
    hub.watch(BOB)
    watches[3].close()
    hub.watch(ALICE)
    assert hub.streams == 17


def test_a_server_has_so_many_streams_at_most() -> None:
    hub = Hub(max_streams=2)
    watch = hub.watch(ALICE)
    hub.watch(BOB)

    with pytest.raises(TooManyStreams) as refused:
        hub.watch(ALICE)

    assert refused.value.metadata == {"scope": "server", "limit": "2"}
    watch.close()
    hub.watch(BOB)
    assert hub.streams == 2


def test_closing_twice_frees_one_place(hub: Hub) -> None:
    first, _ = hub.watch(ALICE), hub.watch(ALICE)

    first.close()
    first.close()

    assert first.closed
    assert hub.streams == 1
    assert hub.watches(ALICE)


def test_a_closed_watch_gets_no_changes(hub: Hub, synced: HubWatch) -> None:
    synced.close()

    announce(hub, 6)

    assert taken(synced) == []
    assert not hub.watches(ALICE)
    assert list(hub.keys) == []


def test_the_hub_knows_whose_inboxes_are_watched(hub: Hub) -> None:
    hub.watch(ALICE)
    hub.watch(ALICE)

    assert hub.watches(ALICE)
    assert not hub.watches(BOB)
    assert list(hub.keys) == [ALICE]
    assert hub.streams == 2


def test_a_hub_that_stops_tells_every_watch_and_takes_no_more(hub: Hub) -> None:
    watches = [hub.watch(ALICE), hub.watch(ALICE), hub.watch(BOB)]

    hub.stop()

    assert all(watch.stopping for watch in watches)
    with pytest.raises(ServerStopping):
        hub.watch(ALICE)
