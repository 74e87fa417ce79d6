"""What `MessageStore` promises."""

import asyncio
from collections.abc import Sequence

import pytest
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.errors import ChannelNotFound, RequestIdReused
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.messages import MessageState, Send, Sent
from tocsin_server.live.hub import Hub

from tests.contract.conftest import RETENTION, Shelf
from tests.contract.reading import all_messages, all_notifications, sent
from tests.contract.stores import Store
from tests.support.building import ALICE, BOB, channel, request, send
from tests.support.clocks import START, SetClock
from tests.support.items import notifications
from tests.support.waiting import DEADLINE_SECONDS


async def deliver(store: Store, *sends: Send) -> Sequence[Sent]:
    return [sent(outcome) for outcome in await store.messages.send(sends)]


async def test_a_send_puts_the_message_into_every_recipients_inbox(store: Store) -> None:
    new_send = send("alice", "bob", body=b"\x00the body\xff")

    (outcome,) = await deliver(store, new_send)

    message = outcome.message
    assert outcome.accepted_count == 2
    assert (message.message_id, message.channel_id) == (new_send.message_id, "news")
    assert (message.state, message.create_time) == (MessageState.SENT, START)
    assert message.body == b"\x00the body\xff"
    for key in (ALICE, BOB):
        (notification,) = await all_notifications(store, key)
        assert notification.message == message
        assert (notification.revision, notification.arrive_revision) == (1, 1)
        assert notification.receive_time == START
        assert (notification.seen_time, notification.read_time) == (None, None)


async def test_a_message_is_read_by_its_id_in_its_tenant_alone(store: Store) -> None:
    (outcome,) = await deliver(store, send("alice"))

    message_id = outcome.message.message_id
    assert await store.messages.get_message("default", message_id) == outcome.message
    assert await store.messages.get_message("other", message_id) is None
    assert await store.messages.get_message("default", "unknown") is None


async def test_each_message_adds_exactly_one_revision_in_commit_order(store: Store) -> None:
    waves = [[send("alice", "bob") for _ in range(7)] for _ in range(5)]

    outcomes = await asyncio.gather(*(deliver(store, *wave) for wave in waves))
    # Into inboxes that exist by then: the waves may share the transaction that creates them.
    outcomes.append(await deliver(store, send("alice", "bob")))

    sequences = sorted(outcome.message.sequence for wave in outcomes for outcome in wave)
    for key in (ALICE, BOB):
        arrived = reversed(await all_notifications(store, key))
        assert [(n.revision, n.message.sequence) for n in arrived] == list(
            enumerate(sequences, start=1)
        )
        assert (await store.inboxes.get_inbox(key)).revision == 36


async def test_the_sends_of_one_call_are_committed_in_their_order(store: Store) -> None:
    outcomes = await deliver(store, *(send("alice", body=b"%d" % n) for n in range(200)))

    listed = await all_notifications(store, ALICE)

    assert [n.message.body for n in reversed(listed)] == [b"%d" % n for n in range(200)]
    assert [o.message.sequence for o in outcomes] == sorted(o.message.sequence for o in outcomes)


async def test_counters_are_those_of_a_recount(store: Store) -> None:
    for wave in range(5):
        await deliver(
            store,
            *(
                send(
                    *(f"user-{u}" for u in range(20) if (u + n + wave) % 3),
                    channel_id="news" if (n + wave) % 2 else "offers",
                )
                for n in range(11)
            ),
        )

    for user in range(20):
        key = InboxKey("default", f"user-{user}")
        listed = await all_notifications(store, key)
        head = await store.inboxes.read_head(key, 1)
        unread = sum(n.read_time is None for n in listed)
        unseen = sum(n.seen_time is None for n in listed)
        assert head.inbox == await store.inboxes.get_inbox(key)
        assert head.inbox.counters == Counters(len(listed), unread, unseen)
        assert head.inbox.revision == len(listed)
        recount = {
            name: sum(n.message.channel_id == name for n in listed) for name in ("news", "offers")
        }
        assert {c.channel_id: c.counters for c in head.channel_counters} == {
            name: Counters(count, count, count) for name, count in recount.items() if count
        }


async def test_an_unknown_channel_fails_alone_and_creates_no_user(store: Store) -> None:
    outcomes = await store.messages.send(
        [send("alice"), send("carol", channel_id="nowhere"), send("alice", channel_id="offers")]
    )

    assert [type(outcome) for outcome in outcomes] == [Sent, ChannelNotFound, Sent]
    error = outcomes[1]
    assert isinstance(error, ChannelNotFound)
    assert error.metadata == {"channel_id": "nowhere"}
    assert (await store.inboxes.get_inbox(ALICE)).revision == 2
    assert (await store.inboxes.get_inbox(InboxKey("default", "carol"))).incarnation == 0
    assert len(await all_messages(store, "default", "nowhere", 10)) == 0


async def test_a_channel_of_another_tenant_is_unknown(store: Store) -> None:
    await store.channels.create_channel(request(tenant="other"), channel("theirs", tenant="other"))

    (outcome,) = await store.messages.send([send("alice", channel_id="theirs")])

    assert isinstance(outcome, ChannelNotFound)


async def test_tenants_do_not_see_each_other(store: Store) -> None:
    await store.channels.create_channel(request(tenant="other"), channel("news", tenant="other"))

    await deliver(
        store,
        send("alice", body=b"ours"),
        send("alice", body=b"theirs", tenant="other"),
        send("alice", body=b"ours"),
    )

    theirs = InboxKey("other", "alice")
    assert [n.message.body for n in await all_notifications(store, ALICE)] == [b"ours"] * 2
    assert [n.message.body for n in await all_notifications(store, theirs)] == [b"theirs"]
    assert [m.body for m in await all_messages(store, "other", "news", 10)] == [b"theirs"]
    assert (await store.inboxes.get_inbox(theirs)).revision == 1
    assert (await store.inboxes.get_inbox(ALICE)).incarnation > 0


async def test_a_repeat_sends_nothing_and_gets_the_first_answer(store: Store) -> None:
    (first,) = await deliver(store, send("alice", "bob", request_id="r-1"))

    (again,) = await deliver(store, send("alice", "bob", request_id="r-1"))

    assert again == first
    assert (await store.inboxes.get_inbox(ALICE)).revision == 1


async def test_a_repeat_is_answered_by_a_store_opened_again(store: Store, shelf: Shelf) -> None:
    (first,) = await deliver(store, send("alice", request_id="r-1"))

    reopened = await shelf.reopen()
    (again,) = await deliver(reopened, send("alice", request_id="r-1"))
    inbox = await reopened.inboxes.get_inbox(ALICE)

    assert again == first
    assert inbox.revision == 1


async def test_repeats_within_one_call_send_once(store: Store) -> None:
    outcomes = await deliver(
        store,
        send("alice", request_id="r-1"),
        send("bob"),
        send("alice", request_id="r-1"),
        send("alice", request_id="r-1"),
    )

    assert outcomes[0] == outcomes[2] == outcomes[3]
    assert (await store.inboxes.get_inbox(ALICE)).revision == 1


async def test_repeats_at_once_send_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(deliver(store, send("alice", request_id="r-1")) for _ in range(20))
    )

    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert (await store.inboxes.get_inbox(ALICE)).revision == 1


async def test_a_request_id_with_another_body_is_refused_and_sends_nothing(store: Store) -> None:
    await deliver(store, send("alice", request_id="r-1"))

    outcomes = await store.messages.send(
        [
            send("alice", body=b"other", request_id="r-1"),
            send("bob", request_id="r-2"),
            send("bob", body=b"other", request_id="r-2"),
        ]
    )

    assert [type(outcome) for outcome in outcomes] == [RequestIdReused, Sent, RequestIdReused]
    error = outcomes[0]
    assert isinstance(error, RequestIdReused)
    assert error.metadata == {"request_id": "r-1"}
    assert (await store.inboxes.get_inbox(ALICE)).revision == 1
    assert (await store.inboxes.get_inbox(BOB)).revision == 1


async def test_a_request_id_belongs_to_its_tenant_and_caller(store: Store) -> None:
    await store.channels.create_channel(request(tenant="other"), channel("news", tenant="other"))

    outcomes = await deliver(
        store,
        send("alice", request_id="r-1"),
        send("alice", request_id="r-1", caller="another"),
        send("alice", request_id="r-1", tenant="other"),
    )

    assert len({outcome.message.message_id for outcome in outcomes}) == 3


async def test_errors_are_not_kept(store: Store) -> None:
    (refused,) = await store.messages.send([send("alice", channel_id="leads", request_id="r-1")])
    await store.channels.create_channel(request(), channel("leads"))

    (again,) = await store.messages.send([send("alice", channel_id="leads", request_id="r-1")])

    assert isinstance(refused, ChannelNotFound)
    assert isinstance(again, Sent)


async def test_an_error_does_not_take_the_request_id_from_what_follows_it(store: Store) -> None:
    outcomes = await store.messages.send(
        [
            send("alice", channel_id="nowhere", request_id="r-1"),
            send("alice", request_id="r-1"),
            send("alice", channel_id="nowhere", request_id="r-1"),
        ]
    )

    assert [type(outcome) for outcome in outcomes] == [ChannelNotFound, Sent, RequestIdReused]


async def test_a_repeat_is_answered_until_its_retention_ends(store: Store, clock: SetClock) -> None:
    (first,) = await deliver(store, send("alice", request_id="r-1"))

    clock.advance(RETENTION - 1)
    (within,) = await deliver(store, send("alice", request_id="r-1", create_time=clock.now()))
    clock.advance(2)
    (after,) = await deliver(store, send("alice", request_id="r-1", create_time=clock.now()))
    (anew,) = await deliver(store, send("alice", request_id="r-1", create_time=clock.now()))

    assert within == first
    assert after.message.message_id != first.message.message_id
    assert anew == after
    assert (await store.inboxes.get_inbox(ALICE)).revision == 2


async def test_sends_without_a_request_id_are_each_their_own(store: Store) -> None:
    outcomes = await deliver(store, send("alice"), send("alice"))

    assert len({outcome.message.message_id for outcome in outcomes}) == 2


async def test_the_cancellation_of_a_call_does_not_cancel_the_sends(store: Store) -> None:
    calls = [asyncio.create_task(store.messages.send([send("alice")])) for _ in range(10)]
    await asyncio.sleep(0)

    for call in calls[::2]:
        call.cancel()
    await asyncio.wait(calls)
    # Sends are committed in their order: this one is the last.
    await deliver(store, send("alice"))

    assert (await store.inboxes.get_inbox(ALICE)).revision == 11


async def test_every_committed_change_is_handed_to_live_in_order(store: Store, hub: Hub) -> None:
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)

    outcomes = await deliver(store, *(send("alice", "bob") for _ in range(5)))
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await watch.wait(DEADLINE_SECONDS)

    changes = watch.take()
    inbox = await store.inboxes.get_inbox(ALICE)
    assert [change.revision for change in changes] == [1, 2, 3, 4, 5]
    assert {change.incarnation for change in changes} == {inbox.incarnation}
    assert [notifications(change.items) for change in changes] == [
        [n] for n in reversed(await all_notifications(store, ALICE))
    ]
    assert [n.message for change in changes for n in notifications(change.items)] == [
        outcome.message for outcome in outcomes
    ]
    assert [change.counters for change in changes] == [Counters(n, n, n) for n in range(1, 6)]
    assert [list(change.channel_counters) for change in changes] == [
        [("news", Counters(n, n, n))] for n in range(1, 6)
    ]


async def test_no_sends_have_no_outcomes(store: Store) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert list(await store.messages.send([])) == []


@pytest.mark.parametrize("limit", [1, 4, 5, 10, 11, 1_000])
async def test_messages_are_listed_latest_first_none_lost_none_twice(
    store: Store, limit: int
) -> None:
    outcomes = await deliver(
        store, *(send("alice", channel_id="offers" if n % 2 else "news") for n in range(20))
    )

    for channel_id in ("news", "offers"):
        listed = await all_messages(store, "default", channel_id, limit)
        assert listed == [
            outcome.message
            for outcome in reversed(outcomes)
            if outcome.message.channel_id == channel_id
        ]


async def test_what_is_sent_while_messages_are_listed_is_not_in_the_list(store: Store) -> None:
    outcomes = await deliver(store, *(send("alice") for _ in range(6)))
    first = await store.messages.list_messages("default", "news", "", 3)

    await deliver(store, send("alice"))
    second = await store.messages.list_messages("default", "news", first.next, 3)

    assert [*first.items, *second.items] == [outcome.message for outcome in reversed(outcomes)]
    assert not second.next


async def test_pages_of_large_messages_fit_a_response(store: Store) -> None:
    await deliver(store, *(send("alice", body=bytes(100_000)) for _ in range(25)))

    first = await store.messages.list_messages("default", "news", "", 1_000)

    # The readers check that no page is larger than a response.
    assert first.next
    assert len(await all_messages(store, "default", "news", 1_000)) == 25
    assert len(await all_notifications(store, ALICE)) == 25


async def test_a_message_larger_than_a_page_is_a_page_of_its_own(store: Store) -> None:
    await deliver(store, *(send("alice", body=bytes(900_000)) for _ in range(3)))

    page = await store.messages.list_messages("default", "news", "", 1_000)

    assert len(page.items) == 1
    assert len(await all_messages(store, "default", "news", 1_000)) == 3
