import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from sqlite3 import connect

import pytest
from sqlalchemy import URL, Connection, Engine, event, func, insert, select, text
from tocsin_server.domain.model.errors import (
    ChannelNotFound,
    ServerStopping,
    StorageFull,
    StoreUnavailable,
    TocsinError,
    WritesOverloaded,
)
from tocsin_server.domain.model.limits import WAITING_ROWS
from tocsin_server.domain.model.messages import Send, Sent
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store import channel_rows
from tocsin_server.store.engine import driver_errors
from tocsin_server.store.engine.executors import ThreadExecutor
from tocsin_server.store.idempotency import Idempotency
from tocsin_server.store.schema.tables import channels, messages, notifications, store_facts
from tocsin_server.store.sending import SendBatch
from tocsin_server.store.writing import group_commit, write_queue
from tocsin_server.store.writing import writer as writer_module
from tocsin_server.store.writing.write_queue import GROUP_ROWS
from tocsin_server.store.writing.writer import Writer

from tests.support.building import ALICE, channel, send
from tests.support.clocks import SetClock
from tests.support.waiting import DEADLINE_SECONDS


class Gate:
    """A unit of work that holds the writer until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._entered = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self._entered.set()
        assert self._opened.wait(DEADLINE_SECONDS)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, DEADLINE_SECONDS)

    def open(self) -> None:
        self._opened.set()


class Commits:
    """Counts an engine's commits."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        event.listen(engine, "commit", self._add)

    def _add(self, connection: Connection) -> None:
        self.count += 1


@pytest.fixture
def hub() -> Hub:
    return Hub(max_streams=10)


@pytest.fixture
async def writer(engine: Engine, hub: Hub) -> AsyncIterator[Writer]:
    """A writer into a database that has the channel `news`."""
    with engine.begin() as connection:
        connection.execute(insert(channels), channel_rows.to_row(channel()))
    executor = ThreadExecutor(engine)
    writer = Writer([executor], hub, mixes=True)
    yield writer
    await writer.close()
    await executor.close()


@pytest.fixture
async def gate(writer: Writer) -> AsyncIterator[Gate]:
    """Holds the writer: work that is submitted to it waits."""
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1))
    await gate.entered()
    yield gate
    gate.open()
    await held


async def deliver(writer: Writer, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
    """Sends, and returns the outcomes."""
    batch = SendBatch(Idempotency(SetClock(), Retention()))
    return await writer.run_batch(batch, sends, lambda each: each.rows)


async def submit(writer: Writer, *sends: Send) -> "asyncio.Task[Sequence[Sent | TocsinError]]":
    """Gives sends to the writer, and does not wait for it."""
    task = asyncio.ensure_future(deliver(writer, sends))
    await asyncio.sleep(0)
    return task


def nothing(connection: Connection) -> None:
    """A unit of work that does nothing."""


def count(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(messages)) or 0


async def test_sends_that_wait_together_are_one_transaction(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    commits = Commits(engine)
    waiting = [await submit(writer, send("alice")) for _ in range(50)]

    gate.open()
    outcomes = await asyncio.gather(*waiting)

    assert all(isinstance(outcome, Sent) for (outcome,) in outcomes)
    assert commits.count == 2  # The gate's, and theirs.
    assert count(engine) == 50


async def test_more_rows_than_a_group_holds_are_several_transactions_in_order(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    commits = Commits(engine)
    users = [f"user-{n}" for n in range(GROUP_ROWS // 3)]
    waiting = [await submit(writer, send(*users)) for _ in range(5)]

    gate.open()
    outcomes = [outcome for (outcome,) in await asyncio.gather(*waiting)]

    assert commits.count == 1 + 3
    sequences = [outcome.message.sequence for outcome in outcomes if isinstance(outcome, Sent)]
    assert sequences == sorted(sequences)
    assert len(sequences) == 5


async def test_a_lone_send_may_have_more_rows_than_a_group(writer: Writer) -> None:
    (outcome,) = await deliver(writer, [send(*(f"user-{n}" for n in range(GROUP_ROWS + 1)))])

    assert isinstance(outcome, Sent)
    assert outcome.accepted_count == GROUP_ROWS + 1


async def test_outcomes_come_in_the_order_of_the_sends(writer: Writer) -> None:
    sends = [send("alice", channel_id="news" if n % 3 else "unknown") for n in range(30)]

    outcomes = await deliver(writer, sends)

    assert [
        outcome.message.message_id if isinstance(outcome, Sent) else None for outcome in outcomes
    ] == [each.message_id if each.draft.channel_id == "news" else None for each in sends]


@pytest.mark.parametrize("mistake", ["a message id that is taken", "a recipient twice"])
async def test_a_member_that_the_database_refuses_fails_alone(
    writer: Writer, engine: Engine, mistake: str
) -> None:
    stored = send("alice")
    await deliver(writer, [stored])
    bad = stored if mistake == "a message id that is taken" else send("bob", "bob")
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1))
    await gate.entered()
    waiting = [await submit(writer, each) for each in (send("alice"), bad, send("alice"))]

    gate.open()
    await held
    outcomes = [outcome for (outcome,) in await asyncio.gather(*waiting)]

    assert [type(outcome) for outcome in outcomes] == [Sent, TocsinError, Sent]
    assert count(engine) == 3


async def test_an_error_of_the_domain_leaves_the_others_of_its_transaction(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    def refuse(connection: Connection) -> None:
        raise ChannelNotFound(channel_id="unit")

    commits = Commits(engine)
    good = await submit(writer, send("alice"))
    unknown = await submit(writer, send("alice", channel_id="unknown"))
    unit = asyncio.ensure_future(writer.run(refuse, rows=1))
    await asyncio.sleep(0)
    also_good = await submit(writer, send("alice"))

    gate.open()
    outcomes = [outcome for (outcome,) in await asyncio.gather(good, unknown, also_good)]

    assert [type(outcome) for outcome in outcomes] == [Sent, ChannelNotFound, Sent]
    with pytest.raises(ChannelNotFound, match="unit"):
        await unit
    assert commits.count == 2
    assert count(engine) == 2


async def test_a_defect_of_one_unit_of_work_is_its_callers_alone(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    def defect(connection: Connection) -> None:
        connection.execute(insert(store_facts).values(name="half", value="done"))
        raise ZeroDivisionError

    good = await submit(writer, send("alice"))
    bad = asyncio.ensure_future(writer.run(defect, rows=1))
    await asyncio.sleep(0)

    gate.open()

    with pytest.raises(ZeroDivisionError):
        await bad
    (outcome,) = await good
    assert isinstance(outcome, Sent)
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(store_facts)) == 0


async def test_the_cancellation_of_a_caller_does_not_cancel_its_write(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    lost = await submit(writer, send("alice"))
    kept = await submit(writer, send("alice"))

    lost.cancel()
    await asyncio.wait({lost})
    gate.open()
    await kept

    assert lost.cancelled()
    assert count(engine) == 2


async def test_a_caller_that_is_gone_does_not_keep_the_streams_from_hearing(
    writer: Writer, gate: Gate, hub: Hub
) -> None:
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)
    lost = await submit(writer, send("alice"))

    lost.cancel()
    gate.open()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await watch.wait(DEADLINE_SECONDS)

    assert [change.revision for change in watch.take()] == [1]


async def test_changes_are_announced_once_each_in_commit_order(writer: Writer, hub: Hub) -> None:
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)

    await deliver(writer, [send("alice", "bob") for _ in range(10)])
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await watch.wait(DEADLINE_SECONDS)

    changes = watch.take()
    assert [change.revision for change in changes] == list(range(1, 11))
    assert [change.counters.total for change in changes] == list(range(1, 11))


async def test_what_failed_is_not_announced(writer: Writer, hub: Hub) -> None:
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)

    await deliver(writer, [send("alice", channel_id="unknown")])

    assert not watch.behind
    assert watch.take() == []


async def test_too_many_rows_that_wait_are_refused_and_nothing_of_them_is_stored(
    writer: Writer, gate: Gate, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "WAITING_ROWS", 10)
    waiting = await submit(writer, *(send("alice") for _ in range(10)))

    with pytest.raises(WritesOverloaded) as caught:
        await deliver(writer, [send("alice")])
    with pytest.raises(WritesOverloaded):
        await writer.run(nothing, rows=1)
    gate.open()
    await waiting

    assert caught.value.metadata == {"limit": "10"}
    assert count(engine) == 10
    (outcome,) = await deliver(writer, [send("alice")])
    assert isinstance(outcome, Sent)


async def test_rows_that_are_being_written_do_not_count_as_waiting(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "WAITING_ROWS", 10)
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1_000))
    await gate.entered()

    waiting = await submit(writer, send("alice"))
    gate.open()

    await held
    (outcome,) = await waiting
    assert isinstance(outcome, Sent)


async def test_a_unit_of_many_rows_shares_its_transaction_with_none(
    writer: Writer, gate: Gate, engine: Engine
) -> None:
    commits = Commits(engine)
    before = await submit(writer, send("alice"))
    large = asyncio.ensure_future(writer.run(nothing, GROUP_ROWS))
    await asyncio.sleep(0)
    after = await submit(writer, send("alice"))

    gate.open()
    await asyncio.gather(before, large, after)

    assert commits.count == 1 + 3


async def test_a_unit_of_very_many_rows_that_waits_refuses_no_send(
    writer: Writer, gate: Gate
) -> None:
    large = asyncio.ensure_future(writer.run(nothing, 10 * WAITING_ROWS))
    await asyncio.sleep(0)

    waiting = await submit(writer, send("alice"))
    gate.open()

    await large
    (outcome,) = await waiting
    assert isinstance(outcome, Sent)


async def test_no_sends_at_all_have_no_outcomes(writer: Writer) -> None:
    async with asyncio.timeout(2):
        assert list(await deliver(writer, [])) == []


async def test_closing_commits_what_waits_and_refuses_what_comes(
    engine: Engine, hub: Hub, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "END_SECONDS", DEADLINE_SECONDS)
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1))
    await gate.entered()
    waiting = [await submit(writer, send("alice")) for _ in range(5)]

    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    with pytest.raises(ServerStopping):
        await deliver(writer, [send("alice")])
    gate.open()
    await closing

    await held
    assert all(isinstance(outcome, Sent) for (outcome,) in await asyncio.gather(*waiting))
    assert count(engine) == 5


async def test_a_group_waits_for_callers_that_were_answered_even_if_others_arrive(
    writer: Writer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "LINGER_SECONDS_A_CALL", 2 * DEADLINE_SECONDS)
    monkeypatch.setattr(write_queue, "LINGER_SECONDS", 2 * DEADLINE_SECONDS)
    commits = Commits(engine)
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1))
    await gate.entered()
    early = await submit(writer, send("alice"))
    gate.open()
    await held
    await asyncio.sleep(0)
    assert not early.done()

    again = await submit(writer, send("alice"))  # the callers that were answered are back
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(early, again)

    assert commits.count == 1 + 1  # the gate's, and theirs


async def test_a_full_group_does_not_wait(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "LINGER_SECONDS_A_CALL", 2 * DEADLINE_SECONDS)
    monkeypatch.setattr(write_queue, "LINGER_SECONDS", 2 * DEADLINE_SECONDS)
    await asyncio.gather(*(deliver(writer, [send("alice")]) for _ in range(5)))
    users = [f"user-{n}" for n in range(GROUP_ROWS)]

    async with asyncio.timeout(DEADLINE_SECONDS):
        (outcome,) = await deliver(writer, [send(*users)])

    assert isinstance(outcome, Sent)


async def test_closing_refuses_what_it_has_no_time_for(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "END_SECONDS", 0.0)
    gate = Gate()
    held = asyncio.create_task(writer.run(gate, rows=1))
    await gate.entered()
    waiting = [await submit(writer, send("alice")) for _ in range(5)]

    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    gate.open()
    await closing

    await held
    assert {type(outcome) for (outcome,) in await asyncio.gather(*waiting)} == {ServerStopping}
    assert count(engine) == 0


async def test_a_lock_is_waited_for_until_it_is_released(
    engine: Engine, url: URL, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_locked = threading.Event()

    def is_busy(error: Exception) -> bool:
        found_locked.set()
        return driver_errors.is_busy(error)

    monkeypatch.setattr(group_commit, "is_busy", is_busy)
    other = connect(str(url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sends = [asyncio.ensure_future(deliver(writer, [send("alice")])) for _ in range(5)]
    assert await asyncio.to_thread(found_locked.wait, DEADLINE_SECONDS)

    other.execute("ROLLBACK")
    other.close()

    assert all(isinstance(outcome, Sent) for (outcome,) in await asyncio.gather(*sends))
    assert count(engine) == 5


async def test_a_lock_that_is_not_released_fails_all_that_wait_together(
    engine: Engine, url: URL, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "LOCKED_SECONDS", 0.0)
    other = connect(str(url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    outcomes = await asyncio.gather(*(deliver(writer, [send("alice")]) for _ in range(5)))

    assert {type(outcome) for (outcome,) in outcomes} == {StoreUnavailable}
    other.close()
    assert count(engine) == 0


async def test_closing_commits_what_was_submitted_in_the_same_turn_of_the_loop(
    engine: Engine, hub: Hub, writer: Writer
) -> None:
    waiting = asyncio.ensure_future(deliver(writer, [send("alice")]))
    await asyncio.sleep(0)

    await writer.close()

    async with asyncio.timeout(DEADLINE_SECONDS):
        (outcome,) = await waiting
    assert isinstance(outcome, Sent)
    assert count(engine) == 1


async def test_closing_again_does_nothing(writer: Writer) -> None:
    await writer.close()
    await writer.close()


@pytest.mark.parametrize(
    "large",
    [send("alice", body=bytes(100_000)), send(*(f"user-{n}" for n in range(1_000)))],
    ids=["a large message", "many recipients"],
)
async def test_a_full_disk_says_so_leaves_nothing_and_is_over_when_there_is_room(
    writer: Writer, engine: Engine, large: Send
) -> None:
    with engine.begin() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        room = connection.scalar(text("PRAGMA max_page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    (full,) = await deliver(writer, [large])
    with engine.begin() as connection:
        copies = connection.scalar(select(func.count()).select_from(notifications))
        connection.execute(text(f"PRAGMA max_page_count = {room}"))
    (stored,) = await deliver(writer, [large])

    assert type(full) is StorageFull
    assert copies == 0
    assert isinstance(stored, Sent)
    assert count(engine) == 1


async def test_a_locked_database_is_unavailable_and_is_over_when_it_is_free(
    writer: Writer, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("PRAGMA busy_timeout = 0"))
    other = connect(str(engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    (locked,) = await deliver(writer, [send("alice")])
    with pytest.raises(StoreUnavailable):
        await writer.run(nothing, rows=1)
    other.execute("ROLLBACK")
    other.close()
    (stored,) = await deliver(writer, [send("alice")])

    assert type(locked) is StoreUnavailable
    assert isinstance(stored, Sent)
    assert count(engine) == 1
