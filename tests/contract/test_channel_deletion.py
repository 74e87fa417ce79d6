"""What deleting a channel promises, at once and in the end."""

from collections import Counter
from itertools import pairwise

import pytest
from sqlalchemy import Connection
from tocsin_server.domain.model.changes import Removal
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.errors import (
    ChannelBeingDeleted,
    ChannelNotEmpty,
    ChannelNotFound,
    RequestIdReused,
)
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.live.hub import Hub
from tocsin_server.store import jobs
from tocsin_server.store.channel_deletion import DELETE_CHANNEL, remove_some
from tocsin_server.store.jobs import Job, JobStep

from tests.contract.conftest import HISTORY, Shelf
from tests.contract.reading import all_messages, all_notifications, sent
from tests.contract.stores import Store
from tests.support.building import ALICE, BOB, channel, request, send
from tests.support.clocks import START
from tests.support.views import View

MOST_COPIES = 30
"""How many notifications one step may remove."""


async def delete(
    store: Store, channel_id: str = "news", *, force: bool = True, request_id: str = ""
) -> None:
    request_key = request(request_id, f"{channel_id} {force}".encode(), rpc="DeleteChannel")
    await store.channels.delete_channel(request_key, channel_id, START, force=force)


async def work(store: Store) -> int:
    """Does all that is due; gives the number of steps."""
    steps = 0
    while await store.jobs.work(START):
        steps += 1
    return steps


async def test_a_channel_without_messages_is_gone_and_its_id_is_free(store: Store) -> None:
    await delete(store, force=False)

    assert await store.channels.get_channel("default", "news") is None
    await store.channels.create_channel(request(), channel("news", title="Again"))
    assert await work(store) == 0


async def test_a_channel_that_has_messages_stays_unless_it_is_forced(store: Store) -> None:
    await store.messages.send([send("alice")])

    with pytest.raises(ChannelNotEmpty) as caught:
        await delete(store, force=False)

    assert caught.value.metadata == {"channel_id": "news"}
    assert await store.channels.get_channel("default", "news") is not None
    assert len(await all_notifications(store, ALICE)) == 1


async def test_a_channel_that_is_not_there_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(ChannelNotFound):
        await delete(store, "nowhere")


async def test_from_the_answer_on_there_is_no_such_channel(store: Store) -> None:
    await store.messages.send([send("alice")])

    await delete(store)

    assert await store.channels.get_channel("default", "news") is None
    listed = await store.channels.list_channels("default", "", 10)
    assert [each.channel_id for each in listed.items] == ["offers"]
    assert await all_messages(store, "default", "news", 10) == []
    (outcome,) = await store.messages.send([send("alice")])
    assert isinstance(outcome, ChannelNotFound)
    with pytest.raises(ChannelNotFound):
        await delete(store)
    with pytest.raises(ChannelBeingDeleted):
        await store.channels.create_channel(request(), channel("news"))


async def test_in_the_end_nothing_of_it_is_left_and_its_id_is_free(store: Store) -> None:
    outcomes = await store.messages.send(
        [send("alice", "bob"), send("alice", channel_id="offers"), send("alice")]
    )

    await delete(store)
    await work(store)

    (left,) = await all_notifications(store, ALICE)
    assert left.message.channel_id == "offers"
    assert await all_notifications(store, BOB) == []
    head = await store.inboxes.read_head(ALICE, 10)
    assert head.inbox.counters == Counters(1, 1, 1)
    assert list(head.channel_counters) == [("offers", Counters(1, 1, 1))]
    assert (await store.inboxes.get_inbox(BOB)).counters == Counters(0, 0, 0)
    assert await store.messages.get_message("default", sent(outcomes[0]).message.message_id) is None
    await store.channels.create_channel(request(), channel("news", title="Again"))
    assert await all_messages(store, "default", "news", 10) == []


async def test_another_tenants_channel_of_the_id_stays(store: Store) -> None:
    await store.channels.create_channel(request(tenant="other"), channel("news", tenant="other"))
    await store.messages.send([send("alice"), send("alice", tenant="other")])

    await delete(store)
    await work(store)

    assert await store.channels.get_channel("other", "news") is not None
    assert len(await all_notifications(store, InboxKey("other", "alice"))) == 1


async def test_each_step_adds_one_revision_to_each_inbox_and_announces_it(
    store: Store, hub: Hub
) -> None:
    outcomes = await store.messages.send([send("alice"), send("alice", "bob")])
    inbox = await store.inboxes.get_inbox(ALICE)
    watch = hub.watch(ALICE)
    watch.synced_to(inbox.incarnation, inbox.revision)

    await delete(store)
    steps = await work(store)

    (change,) = watch.take()
    sequences = [(sent(o).message.sequence, sent(o).message.message_id) for o in outcomes]
    assert change.items == [Removal(3, *each) for each in sequences]
    assert (change.revision, change.counters) == (3, Counters(0, 0, 0))
    assert list(change.channel_counters) == [("news", Counters(0, 0, 0))]
    assert (await store.inboxes.get_inbox(BOB)).revision == 2
    assert steps == 2


async def test_a_replay_removes_what_went_though_its_message_is_gone(store: Store) -> None:
    await store.messages.send([send("alice"), send("alice", channel_id="offers"), send("alice")])
    before = View().take(await all_notifications(store, ALICE))

    await delete(store)
    await work(store)

    for limit in (1, 2, 10):
        view, position = before.copy(), Position(3)
        for _ in range(10):
            replay = await store.inboxes.read_changes(ALICE, position, limit)
            view.take(replay.items)
            position = replay.position
            if replay.caught_up:
                break
        assert replay.caught_up
        assert view == View().take(await all_notifications(store, ALICE))


async def test_tombstones_go_after_the_history_retention(store: Store) -> None:
    await store.messages.send([send("alice")])
    await delete(store)
    await work(store)

    assert await store.pruning.prune(START + int(HISTORY * 1_000_000) + 1) == 1

    inbox = await store.inboxes.get_inbox(ALICE)
    assert (inbox.revision, inbox.oldest_revision) == (2, 2)
    replay = await store.inboxes.read_changes(ALICE, Position(2), 10)
    assert list(replay.items) == []


async def test_a_large_channel_goes_in_small_steps_that_survive_a_stop(
    shelf: Shelf, store: Store
) -> None:
    users = [f"user-{n:03}" for n in range(190)]
    await store.messages.send([send(*users), send(*users[:30])])
    await delete(store)

    left = [220]
    while await store.jobs.work(START):
        store = await shelf.reopen()
        inboxes = [await store.inboxes.get_inbox(InboxKey("default", user)) for user in users]
        left.append(sum(inbox.counters.total for inbox in inboxes))

    assert left[-1] == 0
    assert all(before - after <= MOST_COPIES for before, after in pairwise(left))


async def test_two_jobs_take_turns(store: Store) -> None:
    users = [f"user-{n:03}" for n in range(100)]
    await store.messages.send([send(*users), send(*users, channel_id="offers")])
    await delete(store, "news")
    await delete(store, "offers")

    await store.jobs.work(START)
    await store.jobs.work(START)

    left: Counter[str] = Counter()
    for user in users:
        head = await store.inboxes.read_head(InboxKey("default", user), 1)
        left.update({name: counters.total for name, counters in head.channel_counters})
    assert left == {"news": 100 - MOST_COPIES, "offers": 100 - MOST_COPIES}


async def test_a_job_that_was_overtaken_leaves_a_new_channel_of_that_id_alone(
    store: Store,
) -> None:
    await store.messages.send([send("alice")])
    await delete(store)
    # As when two doctors find the deletion without its job, each at its own moment.
    await store._writer.run(  # type: ignore[attr-defined]  # the one kind of store there is
        lambda connection: jobs.begin(connection, "default", DELETE_CHANNEL, "news"),
        rows=1,
    )
    while not await is_free(store):
        await store.jobs.work(START)
    await store.messages.send([send("alice")])

    while await store.jobs.work(START):
        pass

    assert await store.channels.get_channel("default", "news") is not None
    assert (await store.inboxes.get_inbox(ALICE)).counters.total == 1


async def is_free(store: Store) -> bool:
    """Creates the channel again, if its id is free."""
    try:
        await store.channels.create_channel(request(), channel("news"))
    except ChannelBeingDeleted:
        return False
    return True


async def test_a_repeat_is_answered_and_another_body_is_refused(store: Store) -> None:
    await delete(store, request_id="r-1")
    await store.channels.create_channel(request(), channel("news"))

    await delete(store, request_id="r-1")

    assert await store.channels.get_channel("default", "news") is not None
    with pytest.raises(RequestIdReused):
        await delete(store, "offers", request_id="r-1")


async def test_a_repeated_send_into_a_deleted_channel_is_not_found(store: Store) -> None:
    new_send = send("alice", request_id="r-1")
    await store.messages.send([new_send])
    await delete(store)
    await work(store)

    (outcome,) = await store.messages.send([new_send])

    assert isinstance(outcome, ChannelNotFound)


async def test_a_clock_that_goes_back_holds_nothing_up(store: Store) -> None:
    await store.messages.send([send(*(f"user-{n}" for n in range(3 * MOST_COPIES)))])
    await delete(store)
    await store.jobs.work(START)

    steps = 0
    while await store.jobs.work(START - 86_400_000_000):
        steps += 1

    assert steps == 3
    await store.channels.create_channel(request(), channel("news"))


async def test_a_job_that_fails_waits_and_the_others_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_news(connection: Connection, job: Job, now: int) -> JobStep:
        if job.subject == "news":
            raise ZeroDivisionError
        return remove_some(connection, job, now)

    await store.messages.send([send("alice"), send("alice", channel_id="offers")])
    await delete(store, "news")
    await delete(store, "offers")
    monkeypatch.setattr(store.jobs, "_kinds", {DELETE_CHANNEL: fail_for_news})

    await work(store)
    (left,) = await all_notifications(store, ALICE)
    monkeypatch.setattr(store.jobs, "_kinds", {DELETE_CHANNEL: remove_some})
    at_once = await work(store)
    while await store.jobs.work(START + jobs.RETRY_MICROSECONDS):
        pass

    assert left.message.channel_id == "news"
    assert at_once == 0
    assert await all_notifications(store, ALICE) == []


async def test_a_job_that_failed_continues_at_the_step_that_it_had_reached(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = []

    def fail_at_the_third(connection: Connection, job: Job, now: int) -> JobStep:
        positions.append(job.position)
        if len(positions) == 3:
            raise ZeroDivisionError
        return remove_some(connection, job, now)

    await store.messages.send([send(*(f"user-{n}" for n in range(4 * MOST_COPIES)))])
    await delete(store)
    monkeypatch.setattr(store.jobs, "_kinds", {DELETE_CHANNEL: fail_at_the_third})

    await work(store)
    while await store.jobs.work(START + jobs.RETRY_MICROSECONDS):
        pass

    assert positions[3] == positions[2]
    assert len(positions) == 4 + 1 + 1  # and one that failed, and one that found nothing left
    assert await is_free(store)


async def test_a_job_that_only_a_newer_program_knows_is_left_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.messages.send([send("alice"), send("alice", channel_id="offers")])
    await delete(store)
    monkeypatch.setattr(store.jobs, "_kinds", {})

    assert await work(store) == 0
