"""What `PruningStore` promises: old rows are pruned after their retention, and their readers get an error."""

import pytest
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.errors import RequestIdReused
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.marking import Marked, Marking, Selection

from tests.contract.conftest import HISTORY, RETENTION
from tests.contract.reading import all_notifications, sent
from tests.contract.stores import Store
from tests.support.building import ALICE, BOB, request, send
from tests.support.clocks import START, SetClock
from tests.support.views import View

HOUR = 3_600_000_000


async def arrive(store: Store, *users: str, request_id: str = "", create_time: int = START) -> int:
    new_send = send(*users, request_id=request_id, create_time=create_time)
    (outcome,) = await store.messages.send([new_send])
    return sent(outcome).message.sequence


async def mark(store: Store, now: int, *, read: bool, key: InboxKey = ALICE) -> Marked:
    request_key = request(rpc="UpdateNotifications")
    return await store.inboxes.mark(
        Marking(request_key, key, Selection(None, None, 0), read, None), now
    )


async def prune(store: Store, now: int) -> int:
    rows = 0
    while pruned := await store.pruning.prune(now):
        rows += pruned
    return rows


async def resumes(store: Store, revision: int, key: InboxKey = ALICE) -> bool:
    inbox = await store.inboxes.get_inbox(key)
    cursor = Cursor(store.inboxes.epoch, inbox.incarnation, key.digest(), Position(revision))
    return cursor.resumes(store.inboxes.epoch, inbox)


async def test_nothing_goes_before_its_time(store: Store) -> None:
    await arrive(store, "alice", request_id="r-1")
    await mark(store, START, read=True)

    assert await prune(store, START + int(RETENTION * 1_000_000)) == 0
    assert await resumes(store, 0)


async def test_an_answer_goes_after_its_retention(store: Store, clock: SetClock) -> None:
    for number in range(3):
        await arrive(store, "alice", request_id=f"r-{number}")
    await arrive(store, "alice", request_id="late", create_time=START + HOUR)

    assert await prune(store, START + HOUR + 1) == 3

    clock.advance(3_600.0)
    other = send("bob", request_id="late", create_time=START + HOUR)
    (kept,) = await store.messages.send([other])
    assert isinstance(kept, RequestIdReused)


async def test_more_than_a_step_prunes_goes_step_by_step(store: Store) -> None:
    await store.messages.send([send("alice", request_id=f"r-{n}") for n in range(1_200)])

    steps = [await store.pruning.prune(START + HOUR + 1) for _ in range(4)]

    assert steps == [500, 500, 200, 0]


async def test_a_mark_goes_after_the_history_retention_and_older_cursors_with_it(
    store: Store,
) -> None:
    await arrive(store, "alice", "bob")
    first = await mark(store, START, read=True)
    await mark(store, START + HOUR, read=False)
    before = await all_notifications(store, ALICE)

    assert await prune(store, START + int(HISTORY * 1_000_000) + 1) == 1

    assert first.revision == 2
    assert [await resumes(store, revision) for revision in range(4)] == [False, False, True, True]
    assert await resumes(store, 0, BOB)
    assert await all_notifications(store, ALICE) == before


async def test_from_what_can_be_resumed_nothing_is_missing(store: Store) -> None:
    at: list[View] = [View()]

    async def look() -> None:
        at.append(View().take(await all_notifications(store, ALICE)))

    for number in range(6):
        await arrive(store, "alice")
        await look()
        await mark(store, START + number * HOUR, read=number % 2 == 0)
        await look()

    await prune(store, START + int(HISTORY * 1_000_000) + 3 * HOUR)

    resumable = [revision for revision in range(len(at)) if await resumes(store, revision)]
    assert resumable == list(range(resumable[0], len(at)))
    assert 0 < resumable[0] < len(at) - 1
    for revision in resumable:
        view = View(dict(at[revision].held))
        replay = await store.inboxes.read_changes(ALICE, Position(revision), 1_000)
        assert replay.caught_up
        assert view.take(replay.items) == at[-1]


@pytest.mark.parametrize("days", [8, 4_000])
async def test_the_current_state_is_never_pruned(store: Store, days: int) -> None:
    sequence = await arrive(store, "alice", "bob")
    await mark(store, START, read=True)

    await prune(store, START + days * 24 * HOUR)

    (notification,) = await all_notifications(store, ALICE)
    assert (notification.message.sequence, notification.read_time) == (sequence, START)
    assert (await store.inboxes.get_inbox(ALICE)).counters.total == 1
