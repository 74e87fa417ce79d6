"""What `InboxStore.mark` promises, and what subscribers of the inbox see of it."""

import asyncio
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tocsin_server.domain.model.changes import Mark
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.errors import RequestIdReused
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, NotificationFilter
from tocsin_server.domain.model.limits import WAITING_ROWS
from tocsin_server.domain.model.marking import Marked, Marking, Selection
from tocsin_server.live.hub import Hub
from tocsin_server.store.marking import most_changed, weight
from tocsin_server.store.writing import write_queue

from tests.contract.conftest import Shelf
from tests.contract.reading import all_notifications, sent
from tests.contract.stores import Store
from tests.support.building import ALICE, channel, request, send
from tests.support.clocks import START
from tests.support.items import notifications
from tests.support.views import View

ALL = Selection(None, None, 0)
NOW = START + 1_000


def of_channels(*channel_ids: str, up_to_revision: int = 0) -> Selection:
    return Selection(None, channel_ids, up_to_revision)


async def fill(store: Store, user_id: str, *channel_ids: str) -> list[str]:
    """Sends a message to each of these channels, one revision each; returns their ids."""
    sends = [send(user_id, channel_id=channel_id) for channel_id in channel_ids]
    return [sent(outcome).message.message_id for outcome in await store.messages.send(sends)]


async def mark(
    store: Store,
    selection: Selection = ALL,
    *,
    read: bool | None = None,
    seen: bool | None = None,
    key: InboxKey = ALICE,
    request_id: str = "",
    now: int = NOW,
) -> Marked:
    request_key = request(
        request_id, repr((selection, read, seen)).encode(), rpc="UpdateNotifications"
    )
    return await store.inboxes.mark(Marking(request_key, key, selection, read, seen), now)


async def states(store: Store, key: InboxKey = ALICE) -> list[tuple[int | None, int | None]]:
    """(seen, read) times, oldest first."""
    return [(n.seen_time, n.read_time) for n in reversed(await all_notifications(store, key))]


async def test_what_is_read_is_seen_and_both_are_counted(store: Store) -> None:
    await fill(store, "alice", "news", "offers", "news")

    marked = await mark(store, read=True)

    assert marked == Marked(4, Counters(3, 0, 0), 3)
    assert await states(store) == [(NOW, NOW)] * 3
    head = await store.inboxes.read_head(ALICE, 10)
    assert (head.inbox.revision, head.inbox.counters) == (4, Counters(3, 0, 0))
    assert list(head.channel_counters) == [
        ("news", Counters(2, 0, 0)),
        ("offers", Counters(1, 0, 0)),
    ]


@pytest.mark.parametrize(
    ("read", "seen", "before", "after"),
    [
        (True, None, (None, None), (NOW, NOW)),
        (True, True, (5, None), (5, NOW)),
        (None, True, (None, None), (NOW, None)),
        (False, None, (5, 6), (5, None)),
        (None, False, (5, 6), (None, None)),
        (False, False, (5, None), (None, None)),
        (False, True, (5, 6), (5, None)),
        (False, True, (None, None), (NOW, None)),
    ],
)
@pytest.mark.parametrize("alone", [True, False], ids=["by its id", "with all"])
async def test_each_wish_has_its_effect(
    store: Store,
    alone: bool,
    read: bool | None,
    seen: bool | None,
    before: tuple[int | None, int | None],
    after: tuple[int | None, int | None],
) -> None:
    [message_id] = await fill(store, "alice", "news")
    selection = Selection((message_id,), None, 0) if alone else ALL
    if (seen_before := before[0]) is not None:
        await mark(store, seen=True, now=seen_before)
    if (read_before := before[1]) is not None:
        await mark(store, read=True, now=read_before)

    marked = await mark(store, selection, read=read, seen=seen)

    assert marked.updated_count == 1
    assert await states(store) == [after]
    assert marked.counters == View().take(await all_notifications(store, ALICE)).counters()


async def test_a_repeat_keeps_the_first_time_and_takes_no_revision(store: Store) -> None:
    await fill(store, "alice", "news", "news")
    first = await mark(store, read=True)

    again = await mark(store, read=True, now=NOW + 1)

    assert again == first._replace(updated_count=0)
    assert await states(store) == [(NOW, NOW)] * 2


@pytest.mark.parametrize(
    ("selection", "changed"),
    [
        (ALL, {1, 2, 3, 4}),
        (ALL._replace(up_to_revision=2), {1, 2}),
        (ALL._replace(up_to_revision=99), {1, 2, 3, 4}),
        (of_channels("news"), {1, 3}),
        (of_channels("news", "offers"), {1, 2, 3, 4}),
        (of_channels("offers", up_to_revision=3), {2}),
        (of_channels("nowhere"), set()),
    ],
)
async def test_a_selection_marks_what_it_fits_and_nothing_else(
    store: Store, selection: Selection, changed: set[int]
) -> None:
    await fill(store, "alice", "news", "offers", "news", "offers")

    marked = await mark(store, selection, read=True)

    assert marked.updated_count == len(changed)
    read = await all_notifications(store, ALICE, which=NotificationFilter.READ)
    assert {n.arrive_revision for n in read} == changed


@pytest.mark.parametrize("channels", [1, 10, 12])
async def test_lists_of_channels_merge_what_is_read_and_what_is_not(
    store: Store, channels: int
) -> None:
    names = [f"channel-{number}" for number in range(13)]
    for name in names:
        await store.channels.create_channel(request(), channel(name))
    ids = await fill(store, "alice", *names, *names, *names)
    await mark(store, Selection(tuple(ids[::2]), None, 0), read=True)
    listed = names[:channels]

    for which, read in ((NotificationFilter.ALL, None), (NotificationFilter.READ, True)):
        found = await all_notifications(store, ALICE, [*listed, *listed, "none"], which, limit=4)

        everything = reversed(range(len(ids)))
        assert [notification.message.message_id for notification in found] == [
            ids[n] for n in everything if n % 13 < channels and (read is None or n % 2 == 0)
        ]


async def test_each_channel_is_marked_by_what_its_own_counters_say(store: Store) -> None:
    await fill(store, "alice", "news", "news", "offers", "offers", "offers")
    await mark(store, of_channels("news", up_to_revision=1), read=True)
    await mark(store, of_channels("offers", up_to_revision=3), seen=True)

    seen = await mark(store, of_channels("news", "offers", "none"), seen=True)
    unread = await mark(store, of_channels("news", "offers"), read=False)
    again = await mark(store, of_channels("offers"), read=False)

    assert (seen.updated_count, seen.counters) == (3, Counters(5, 4, 0))
    assert (unread.updated_count, unread.counters) == (1, Counters(5, 5, 0))
    assert (again.updated_count, again.revision) == (0, unread.revision)


async def test_ids_that_are_not_the_users_are_ignored(store: Store) -> None:
    [own, other] = await fill(store, "alice", "news", "news")
    [foreign] = await fill(store, "bob", "news")

    marked = await mark(store, Selection((own, foreign, "nobody's"), None, 0), read=True)

    assert marked.updated_count == 1
    read = await all_notifications(store, ALICE, which=NotificationFilter.READ)
    assert [n.message.message_id for n in read] == [own] != [other]
    assert await states(store, InboxKey("default", "bob")) == [(None, None)]


async def test_another_tenants_inbox_is_out_of_reach(store: Store) -> None:
    [message_id] = await fill(store, "alice", "news")
    theirs = InboxKey("other", "alice")

    everything = await mark(store, read=True, key=theirs)
    one = await mark(store, Selection((message_id,), None, 0), read=True, key=theirs)

    assert everything == one == Marked(0, Counters(0, 0, 0), 0)
    assert await states(store) == [(None, None)]


async def test_marking_an_inbox_never_seen_creates_nothing(store: Store) -> None:
    marked = await mark(store, read=True)

    assert marked == Marked(0, Counters(0, 0, 0), 0)
    assert (await store.inboxes.get_inbox(ALICE)).incarnation == 0


async def test_a_repeated_request_gets_its_first_answer_again(shelf: Shelf, store: Store) -> None:
    await fill(store, "alice", "news")
    first = await mark(store, read=True, request_id="r-1")
    await fill(store, "alice", "news")

    store = await shelf.reopen()
    again = await mark(store, read=True, request_id="r-1")

    assert again == first
    assert (await store.inboxes.get_inbox(ALICE)).counters == Counters(2, 1, 1)
    with pytest.raises(RequestIdReused):
        await mark(store, read=False, request_id="r-1")


async def test_a_marking_is_one_change_of_one_revision(store: Store, hub: Hub) -> None:
    [first, second, _] = await fill(store, "alice", "news", "offers", "news")
    watch = hub.watch(ALICE)
    inbox = await store.inboxes.get_inbox(ALICE)
    watch.synced_to(inbox.incarnation, inbox.revision)

    await mark(store, Selection((first, second), None, 0), read=True)
    await mark(store, of_channels("news", up_to_revision=3), seen=True)

    by_ids, by_channel = watch.take()
    assert (by_ids.revision, by_channel.revision) == (4, 5)
    assert [n.revision for n in notifications(by_ids.items)] == [4, 4]
    assert [n.read_time for n in notifications(by_ids.items)] == [NOW, NOW]
    assert by_ids.counters == Counters(3, 1, 1)
    assert by_channel.items == [Mark(5, ("news",), 3, None, True, NOW)]  # seen
    assert by_channel.counters == Counters(3, 1, 0)
    assert list(by_channel.channel_counters) == [("news", Counters(2, 1, 0))]
    assert not watch.behind


async def test_two_at_once_count_what_they_changed_once(store: Store) -> None:
    await fill(store, "alice", *["news"] * 20)

    marked = await asyncio.gather(*(mark(store, read=True) for _ in range(8)))

    assert sorted(m.updated_count for m in marked) == [0] * 7 + [20]
    assert {m.revision for m in marked} == {21}


USERS = count()

channel_ids = st.sampled_from(["news", "offers"])
wishes = st.sampled_from(
    [(True, None), (False, None), (None, True), (None, False), (False, True), (True, True)]
)
places = st.integers(0, 30)
selections = st.one_of(
    st.builds(lambda up_to: Selection(None, None, up_to), places),
    st.builds(
        lambda channels, up_to: Selection(None, tuple(channels), up_to),
        st.lists(channel_ids, min_size=1, max_size=2, unique=True),
        places,
    ),
    st.lists(places, min_size=1, max_size=4).map(
        lambda chosen: Selection(tuple(map(str, chosen)), None, 0)
    ),
)
steps = st.lists(st.one_of(channel_ids, st.tuples(selections, wishes)), min_size=1, max_size=14)


async def replayed(store: Store, key: InboxKey, view: View, after: int, limit: int) -> View:
    """What a client that was at a revision has when it has caught up, page by page."""
    position = Position(after)
    for _ in range(1_000):
        replay = await store.inboxes.read_changes(key, position, limit)
        assert len(replay.items) <= limit
        view.take(replay.items)
        assert replay.position > position or replay.caught_up
        position = replay.position
        if replay.caught_up:
            assert position == Position(replay.inbox.revision)
            assert list(replay.channel_counters) == view.channel_counters()
            assert replay.inbox.counters == view.counters()
            return view
    raise AssertionError("it never catches up")


@settings(
    max_examples=120,
    deadline=None,
    # One store for all examples: each has a user of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, limit=st.integers(1, 8))
async def test_from_every_revision_a_replay_comes_to_the_state_of_now(
    store: Store,
    steps: Sequence[str | tuple[Selection, tuple[bool | None, bool | None]]],
    limit: int,
) -> None:
    key = InboxKey("default", f"user-{next(USERS)}")
    sent_ids: list[str] = []
    view = View()
    at: list[View] = [view.copy()]
    for number, step in enumerate(steps):
        revision = len(at) - 1
        if isinstance(step, str):
            sent_ids += await fill(store, key.user_id, step)
        else:
            selection, (read, seen) = step
            if selection.message_ids is not None:
                chosen = [
                    sent_ids[int(n) % len(sent_ids)] for n in selection.message_ids if sent_ids
                ]
                selection = selection._replace(message_ids=tuple(chosen))
            before = view.copy()
            marked = await mark(store, selection, read=read, seen=seen, key=key, now=NOW + number)
            view = View().take(await all_notifications(store, key))
            if selection.message_ids is None:
                up_to = min(selection.up_to_revision or revision, revision)
                expected = before.copy().take(
                    [Mark(0, selection.channel_ids, up_to, read, seen, NOW + number)]
                )
                assert view == expected
            differing = [n for n, held in view.held.items() if held != before.held[n]]
            assert marked.updated_count == len(differing)
            if not differing:
                assert marked.revision == revision
                continue
            assert marked.counters == view.counters()
        view = View().take(await all_notifications(store, key))
        at.append(view.copy())
        assert (await store.inboxes.get_inbox(key)).revision == len(at) - 1

    for revision, then in enumerate(at):
        assert await replayed(store, key, then.copy(), revision, limit) == view


async def test_many_clients_that_mark_all_at_once_are_not_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "WAITING_ROWS", 1_000)
    users = [f"user-{n}" for n in range(200)]
    await store.messages.send([send(*users)])

    marked = await asyncio.gather(
        *(mark(store, read=True, key=InboxKey("default", user)) for user in users)
    )

    assert [each.updated_count for each in marked] == [1] * 200


@pytest.mark.parametrize(
    ("read", "seen", "rows"),
    [(True, None, 3), (None, True, 2), (False, None, 4), (None, False, 5), (False, True, 6)],
)
def test_a_marking_weighs_what_it_may_change(
    read: bool | None, seen: bool | None, rows: int
) -> None:
    inbox = Inbox(ALICE, 1, 9, 0, Counters(total=7, unread=3, unseen=2))

    everything = Marking(request(), ALICE, ALL, read, seen)
    one = Marking(request(), ALICE, Selection(("message-1",), None, 0), read, seen)

    assert most_changed(everything, inbox) == rows
    assert most_changed(one, inbox) == 1


def test_a_hundred_who_mark_a_thousand_each_leave_the_queue_to_others() -> None:
    inbox = Inbox(ALICE, 1, 1_000, 0, Counters(total=1_000, unread=1_000, unseen=1_000))
    everything = Marking(request(), ALICE, ALL, read=True, seen=None)

    assert 100 * weight(most_changed(everything, inbox)) < WAITING_ROWS / 2
