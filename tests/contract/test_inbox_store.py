"""What `InboxHistory` and `InboxStore` promise."""

import asyncio
from collections.abc import Sequence

import pytest
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import (
    Inbox,
    Notification,
    NotificationFilter,
    NotificationQuery,
)
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.streams import Replay

from tests.contract.conftest import Shelf
from tests.contract.reading import all_notifications, sent, size_of
from tests.contract.stores import Store
from tests.support.building import ALICE, BOB, channel, request, send
from tests.support.items import notifications

of_histories = pytest.mark.parametrize(
    "database_url", ["sqlite", "postgresql", "memory"], indirect=True
)
"""Runs a test of `InboxHistory` on the inboxes in memory, too."""


async def fill(
    store: Store, count: int, *users: str, channel_id: str = "news", body: bytes = b"body"
) -> None:
    """Sends `count` messages to the users, or to Alice."""
    sends = [send(*(users or ("alice",)), channel_id=channel_id, body=body) for _ in range(count)]
    for outcome in await store.messages.send(sends):
        sent(outcome)


def revisions(notifications: Sequence[Notification]) -> list[int]:
    return [notification.revision for notification in notifications]


async def read_to_the_end(store: Store, after: Position, limit: int) -> list[Replay]:
    pages = [await store.inboxes.read_changes(ALICE, after, limit)]
    while not pages[-1].caught_up:
        assert pages[-1].items
        assert pages[-1].position > after
        after = pages[-1].position
        pages.append(await store.inboxes.read_changes(ALICE, after, limit))
    return pages


@of_histories
async def test_a_user_never_seen_has_an_empty_inbox_and_asking_creates_nothing(
    store: Store,
) -> None:
    unborn = Inbox.unborn(ALICE)

    assert await store.inboxes.get_inbox(ALICE) == unborn
    head = await store.inboxes.read_head(ALICE, 10)
    assert (head.inbox, list(head.channel_counters), list(head.newest.items)) == (unborn, [], [])
    assert not head.newest.next
    replay = await store.inboxes.read_changes(ALICE, Position(0), 10)
    assert (replay.inbox, list(replay.items)) == (unborn, [])
    assert (replay.position, replay.caught_up) == (Position(0), True)
    assert await all_notifications(store, ALICE) == []
    assert list(await store.inboxes.read_revisions([ALICE])) == []


async def test_a_store_keeps_its_epoch_and_its_inboxes_when_opened_again(
    store: Store, shelf: Shelf
) -> None:
    await fill(store, 3)
    inbox, listed = await store.inboxes.get_inbox(ALICE), await all_notifications(store, ALICE)

    reopened = await shelf.reopen()
    await fill(reopened, 1)
    inbox_now, listed_now = (
        await reopened.inboxes.get_inbox(ALICE),
        await all_notifications(reopened, ALICE),
    )

    assert reopened.inboxes.epoch == store.inboxes.epoch
    assert inbox_now.incarnation == inbox.incarnation
    assert inbox_now.revision == 4
    assert listed_now[1:] == listed


@of_histories
async def test_an_inbox_has_an_incarnation_of_its_own(store: Store) -> None:
    await fill(store, 1, "alice")
    await fill(store, 1, "bob")

    alice, bob = await store.inboxes.get_inbox(ALICE), await store.inboxes.get_inbox(BOB)

    assert 0 not in {alice.incarnation, bob.incarnation}
    assert alice.incarnation != bob.incarnation


@of_histories
@pytest.mark.parametrize("limit", [1, 3, 6, 12, 13, 1_000])
async def test_notifications_are_listed_latest_first_none_lost_none_twice(
    store: Store, limit: int
) -> None:
    await fill(store, 12)
    await fill(store, 3, "bob")

    listed = await all_notifications(store, ALICE, limit=limit)

    assert revisions(listed) == list(range(12, 0, -1))


@of_histories
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_only_notifications_of_the_requested_channels_are_listed(
    store: Store, limit: int
) -> None:
    await store.channels.create_channel(request(), channel("leads"))
    for _ in range(3):
        for channel_id in ("news", "offers", "leads"):
            await fill(store, 1, channel_id=channel_id)

    async def of(*channel_ids: str) -> list[int]:
        return revisions(await all_notifications(store, ALICE, channel_ids, limit=limit))

    assert await of("news") == [7, 4, 1]
    assert await of("news", "leads") == [9, 7, 6, 4, 3, 1]
    assert await of("nowhere") == []
    assert await of() == list(range(9, 0, -1))


@of_histories
async def test_unread_lists_what_has_no_read_time_and_read_the_rest(store: Store) -> None:
    await fill(store, 4)

    unread = await all_notifications(store, ALICE, which=NotificationFilter.UNREAD)
    read = await all_notifications(store, ALICE, which=NotificationFilter.READ)

    assert revisions(unread) == [4, 3, 2, 1]
    assert read == []


@of_histories
async def test_what_arrives_while_notifications_are_listed_is_not_in_the_list(
    store: Store,
) -> None:
    await fill(store, 6)
    first = await store.inboxes.list_notifications(NotificationQuery(ALICE, 3))

    await fill(store, 2)
    second = await store.inboxes.list_notifications(NotificationQuery(ALICE, 3, first.next))

    assert revisions([*first.items, *second.items]) == [6, 5, 4, 3, 2, 1]
    assert not second.next


@of_histories
async def test_a_head_is_the_inbox_its_counters_and_its_newest(store: Store) -> None:
    await fill(store, 3)
    await fill(store, 2, channel_id="offers")

    head = await store.inboxes.read_head(ALICE, 2)

    assert head.inbox == await store.inboxes.get_inbox(ALICE)
    assert head.inbox.counters == Counters(5, 5, 5)
    assert list(head.channel_counters) == [
        ("news", Counters(3, 3, 3)),
        ("offers", Counters(2, 2, 2)),
    ]
    assert revisions(head.newest.items) == [5, 4]
    assert head.newest.next


@of_histories
async def test_a_head_of_large_messages_fits_a_response(store: Store) -> None:
    await fill(store, 20, body=bytes(100_000))

    head = await store.inboxes.read_head(ALICE, 500)

    assert head.newest.next
    assert 0 < size_of([n.message for n in head.newest.items]) <= RESPONSE_BYTES


@of_histories
@pytest.mark.parametrize("limit", [1, 2, 5, 9, 10, 1_000])
@pytest.mark.parametrize("after", [0, 1, 8])
async def test_changes_come_in_order_page_by_page_up_to_the_head(
    store: Store, after: int, limit: int
) -> None:
    await fill(store, 10)

    pages = await read_to_the_end(store, Position(after), limit)

    delivered = [n for page in pages for n in notifications(page.items)]
    assert revisions(delivered) == list(range(after + 1, 11))
    assert all(len(page.items) <= limit for page in pages)
    assert pages[-1].position == Position(10)
    assert pages[-1].inbox == await store.inboxes.get_inbox(ALICE)
    assert list(pages[-1].channel_counters) == [("news", Counters(10, 10, 10))]
    for page in pages[:-1]:
        # What a page covers, it has: nobody who resumes there lacks a row before it.
        delivered_by_then = [n for n in delivered if n.revision <= page.position.revision]
        assert set(revisions(delivered_by_then)) == set(
            range(after + 1, page.position.revision + 1)
        )


@of_histories
async def test_changes_after_the_head_are_none_with_all_counters(store: Store) -> None:
    await fill(store, 4)

    replay = await store.inboxes.read_changes(ALICE, Position(4), 10)

    assert list(replay.items) == []
    assert (replay.position, replay.caught_up) == (Position(4), True)
    assert list(replay.channel_counters) == [("news", Counters(4, 4, 4))]


@of_histories
@pytest.mark.parametrize("revision", [5, 1_000, 2**62])
async def test_a_read_after_a_future_position_has_no_changes_and_the_head(
    store: Store, revision: int
) -> None:
    await fill(store, 4)

    replay = await store.inboxes.read_changes(ALICE, Position(revision), 10)

    assert list(replay.items) == []
    assert replay.inbox.revision == 4


@of_histories
async def test_a_position_inside_a_revision_leaves_out_what_stands_up_to_it(store: Store) -> None:
    await fill(store, 3)
    last = (await all_notifications(store, ALICE))[0]

    before = await store.inboxes.read_changes(ALICE, Position(2, last.message.sequence - 1), 10)
    behind = await store.inboxes.read_changes(ALICE, Position(2, last.message.sequence), 10)

    assert revisions(notifications(before.items)) == [3]
    assert revisions(notifications(behind.items)) == []
    assert behind.caught_up
    assert behind.position == Position(3)


@of_histories
async def test_pages_of_large_changes_fit_a_response(store: Store) -> None:
    await fill(store, 25, body=bytes(100_000))

    pages = await read_to_the_end(store, Position(0), 500)

    assert len(pages) > 1
    assert all(
        size_of([n.message for n in notifications(p.items)]) <= RESPONSE_BYTES for p in pages
    )
    assert revisions([n for page in pages for n in notifications(page.items)]) == list(range(1, 26))


@of_histories
async def test_rows_head_and_counters_of_a_read_are_of_one_moment(store: Store) -> None:
    async def write() -> None:
        for _ in range(100):
            await fill(store, 3)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        while not writing.done():
            head = await store.inboxes.read_head(ALICE, 1_000)
            replay = await store.inboxes.read_changes(ALICE, Position(0), 1_000)
            for inbox, rows, counters in (
                (head.inbox, head.newest.items, head.channel_counters),
                (replay.inbox, replay.items, replay.channel_counters),
            ):
                assert len(rows) == inbox.revision == inbox.counters.total
                assert sum(c.counters.total for c in counters) == inbox.revision


@of_histories
async def test_revisions_are_read_of_the_inboxes_that_exist(store: Store) -> None:
    await store.channels.create_channel(request(tenant="other"), channel("news", tenant="other"))
    await fill(store, 2, "alice")
    await fill(store, 1, "alice", "bob")
    (outcome,) = await store.messages.send([send("alice", tenant="other")])
    sent(outcome)
    theirs = InboxKey("other", "alice")

    found = await store.inboxes.read_revisions([ALICE, BOB, theirs, InboxKey("default", "nobody")])

    assert sorted(found) == sorted(
        [
            (ALICE, (await store.inboxes.get_inbox(ALICE)).incarnation, 3),
            (BOB, (await store.inboxes.get_inbox(BOB)).incarnation, 1),
            (theirs, (await store.inboxes.get_inbox(theirs)).incarnation, 1),
        ]
    )
    assert list(await store.inboxes.read_revisions([])) == []
