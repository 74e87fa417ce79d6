import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
import pytest
from tocsin.v1.inbox_service_pb2 import SubscribeResponse
from tocsin_client import (
    AsyncClient,
    AsyncLiveInbox,
    Client,
    ContiguityError,
    InboxChange,
    InvalidArgument,
    LiveInbox,
    NotFound,
)

from tests.support.blocking import in_thread
from tests.support.waiting import DEADLINE_SECONDS, until
from tests.unit.client.conftest import Clients, Serve
from tests.unit.client.programs import run
from tests.unit.client.scripting import (
    UNAVAILABLE,
    Fail,
    ScriptedInbox,
    Step,
    error_info,
    live,
    replay,
    silence,
    snapshot,
)

GONE = Fail(grpc.StatusCode.NOT_FOUND, (error_info("USER_DELETED"),))


class Scripts:
    """Scripted servers, each with a client."""

    def __init__(self, serve: Serve, clients: Clients) -> None:
        self._serve = serve
        self._clients = clients

    async def __call__(self, *scripts: Sequence[Step]) -> tuple[ScriptedInbox, AsyncClient]:
        server = ScriptedInbox(*scripts)
        return server, self._clients(await self._serve(server))


@pytest.fixture
def scripted(serve: Serve, clients: Clients) -> Scripts:
    return Scripts(serve, clients)


def names(inbox: AsyncLiveInbox) -> list[str]:
    return [notification.notification_id for notification in inbox.notifications]


def arrived(change: InboxChange) -> list[str]:
    return [notification.notification_id for notification in change.arrived]


def threads_of_inboxes() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tocsin-inbox"]


async def until_revision(inbox: AsyncLiveInbox, revision: int) -> None:
    await inbox.wait_for(lambda: inbox.revision >= revision, DEADLINE_SECONDS)


async def test_entering_returns_once_it_has_caught_up(scripted: Scripts) -> None:
    server, client = await scripted(
        [snapshot(5, 5, 4, last=False), snapshot(5, 3, after=5), silence()]
    )

    async with client.inbox("alice", snapshot_size=3, heartbeat_interval=7) as inbox:
        assert names(inbox) == ["n5", "n4", "n3"]
        assert (inbox.revision, inbox.floor, inbox.interruption) == (5, 0, "")

    assert server.requests[0].user_id == "alice"
    assert server.requests[0].snapshot_size == 3
    assert server.requests[0].heartbeat_interval.seconds == 7
    assert names(inbox) == ["n5", "n4", "n3"]


async def test_it_goes_on_from_the_last_cursor_and_shows_what_it_has_meanwhile(
    scripted: Scripts,
) -> None:
    back = asyncio.Event()
    server, client = await scripted(
        [snapshot(5, 5), UNAVAILABLE], [back, replay(5, 6, 6, last=True), silence()]
    )

    async with client.inbox("alice") as inbox:
        await until(lambda: bool(inbox.interruption))
        meanwhile = (inbox.interruption, names(inbox))
        back.set()
        await until_revision(inbox, 6)

        assert "UNAVAILABLE" in meanwhile[0]
        assert meanwhile[1] == ["n5"]
        assert (inbox.interruption, names(inbox)) == ("", ["n6", "n5"])
    assert [request.cursor for request in server.requests] == ["", "c5"]


@pytest.mark.parametrize(
    ("part", "rest"),
    [
        (replay(5, 6, 6), replay(6, 7, 7, last=True)),
        (snapshot(7, 7, 6, last=False), snapshot(7, 5, after=7)),
    ],
    ids=["REPLAY", "SNAPSHOT"],
)
async def test_it_is_interrupted_until_it_is_in_step_again(
    scripted: Scripts, part: SubscribeResponse, rest: SubscribeResponse
) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), UNAVAILABLE], [part, go_on, rest, silence()])

    async with client.inbox("alice") as inbox:
        # Half of what it lacks is there.
        await until(lambda: bool(inbox._view._pending))
        meanwhile = (inbox.interruption, names(inbox))
        go_on.set()
        await until_revision(inbox, 7)

        assert "UNAVAILABLE" in meanwhile[0]
        assert meanwhile[1] == ["n5"]
        assert (inbox.interruption, names(inbox)) == ("", ["n7", "n6", "n5"])


async def test_callbacks_get_each_change_in_order(scripted: Scripts) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), go_on, live(5, 6), live(6, 8), silence()])
    calls: list[tuple[str, list[str], bool]] = []
    inbox = client.inbox("alice")
    inbox.on_change(lambda change: calls.append(("first", arrived(change), change.starts_over)))

    async with inbox:
        inbox.on_change(lambda _: calls.append(("second", names(inbox)[:1], False)))
        go_on.set()
        await until_revision(inbox, 8)

    assert calls == [
        ("first", ["n5"], True),
        ("first", ["n6"], False),
        ("second", ["n6"], False),
        ("first", ["n7", "n8"], False),
        ("second", ["n8"], False),
    ]


async def test_a_callback_that_raises_is_logged_and_the_others_are_called(
    scripted: Scripts, caplog: pytest.LogCaptureFixture
) -> None:
    _, client = await scripted([snapshot(5, 5), live(5, 6), live(6, 7), silence()])
    calls: list[int] = []

    def fail(change: InboxChange) -> None:
        raise LookupError("of the application")

    inbox = client.inbox("alice")
    inbox.on_change(fail)
    inbox.on_change(lambda _: calls.append(inbox.revision))
    async with inbox:
        await until_revision(inbox, 7)

    assert calls == [5, 6, 7]
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info and record.exc_info[0] for record in records] == [LookupError] * 3


@pytest.mark.parametrize("failure", [asyncio.CancelledError, SystemExit, KeyboardInterrupt])
async def test_no_callback_ends_it(
    serve: Serve, caplog: pytest.LogCaptureFixture, failure: type[BaseException]
) -> None:
    server = ScriptedInbox([snapshot(5, 5), live(5, 6), silence()])
    calls: list[int] = []

    def fail(change: InboxChange) -> None:
        raise failure

    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")
        inbox.on_change(fail)
        inbox.on_change(lambda _: calls.append(inbox.revision))
        await in_thread(inbox.__enter__)
        await in_thread(inbox.wait_for, lambda: inbox.revision == 6, DEADLINE_SECONDS)
        await in_thread(inbox.close)

    assert calls == [5, 6]
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info and record.exc_info[0] for record in records] == [failure] * 2


async def test_a_callback_that_raises_a_cancellation_does_not_cancel_it(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = ScriptedInbox([snapshot(5, 5), live(5, 6), silence()])

    def fail(change: InboxChange) -> None:
        raise asyncio.CancelledError

    async with AsyncClient(await serve(server)) as client:
        inbox = client.inbox("alice")
        inbox.on_change(fail)
        async with inbox:
            await until_revision(inbox, 6)

    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(records) == 2


async def test_a_coroutine_function_is_no_callback(scripted: Scripts) -> None:
    _, client = await scripted()

    async def callback(change: InboxChange) -> None:
        pytest.fail("it was called")

    with pytest.raises(TypeError, match="coroutine function"):
        client.inbox("alice").on_change(callback)


async def test_a_callback_that_was_ended_is_not_called_any_more(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), live(5, 6), silence()])
    calls: list[str] = []
    inbox = client.inbox("alice")

    def once(change: InboxChange) -> None:
        calls.append("once")
        end_once()
        end_other()
        end_other()

    end_once = inbox.on_change(once)
    end_other = inbox.on_change(lambda _: calls.append("other"))
    inbox.on_change(lambda _: calls.append("always"))
    async with inbox:
        await until_revision(inbox, 6)

    assert calls == ["once", "always", "always"]


async def test_waiting_returns_what_the_predicate_gives_now_or_after_a_change(
    scripted: Scripts,
) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), go_on, live(5, 6), live(6, 7), silence()])

    async with client.inbox("alice") as inbox:
        now = await inbox.wait_for(lambda: inbox.get("n5"))
        # Each holds for a moment only.
        waiting = [
            asyncio.create_task(inbox.wait_for(lambda: inbox.revision == 6 and inbox.notifications))
            for _ in range(2)
        ]
        await until(lambda: len(inbox._waiters) == 2)
        go_on.set()
        then = await asyncio.gather(*waiting)

    assert now is not None
    assert [[n.notification_id for n in notifications or ()] for notifications in then] == [
        ["n6", "n5"]
    ] * 2


async def test_waiting_ends_at_its_timeout_and_with_what_the_predicate_raises(
    scripted: Scripts,
) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), go_on, live(5, 6), silence()])

    async with client.inbox("alice") as inbox:
        with pytest.raises(TimeoutError):
            await inbox.wait_for(lambda: inbox.revision == 6, 0.01)
        with pytest.raises(ZeroDivisionError):
            await inbox.wait_for(lambda: 1 // 0)
        late = asyncio.create_task(inbox.wait_for(lambda: inbox.revision == 6 and 1 // 0))
        go_on.set()
        with pytest.raises(ZeroDivisionError):
            await late

        assert inbox.revision == 6


async def test_a_predicate_that_raises_stop_iteration_fails_its_wait_alone(
    scripted: Scripts,
) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), go_on, live(5, 6), silence()])

    async with client.inbox("alice") as inbox:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await inbox.wait_for(lambda: next(n for n in inbox.notifications if n.revision == 99))
        go_on.set()
        await until_revision(inbox, 6)


async def test_a_coroutine_function_is_no_predicate(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), silence()])

    async def predicate() -> bool:
        pytest.fail("it was asked")

    async with client.inbox("alice") as inbox:
        with pytest.raises(TypeError, match="predicate is a coroutine function"):
            _ = await inbox.wait_for(predicate)


async def test_a_predicate_that_gives_a_coroutine_is_refused(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), silence()])

    async def coroutine_function() -> bool:
        return False

    returned = []

    def predicate() -> object:
        returned.append(coroutine_function())
        return returned[-1]

    async with client.inbox("alice") as inbox:
        with pytest.raises(TypeError, match="predicate returned an awaitable"):
            _ = await inbox.wait_for(predicate)
    for coroutine in returned:
        coroutine.close()


class _AsyncCallable:
    async def __call__(self, change: InboxChange) -> None:
        pytest.fail("it was called")


@pytest.mark.parametrize(
    ("callback", "message"),
    [(_AsyncCallable(), "is a coroutine function"), (5, "must be callable, not int")],
)
async def test_what_cannot_be_called_back_is_refused(
    scripted: Scripts, callback: Callable[[InboxChange], object], message: str
) -> None:
    _, client = await scripted()

    with pytest.raises(TypeError, match=f"callback {message}"):
        client.inbox("alice").on_change(callback)


async def test_an_inbox_that_finds_no_server_reports_the_obstacle(
    clients: Clients, tmp_path: Path
) -> None:
    client = clients(f"unix:{tmp_path / 'nothing'}")

    with pytest.raises(TimeoutError, match=r"the inbox has not caught up in time: .*No such file"):
        await client.inbox("alice", open_timeout=0.5).__aenter__()


async def test_a_wait_that_times_out_says_why(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), silence()])

    async with client.inbox("alice") as inbox:
        with pytest.raises(TimeoutError, match=r"^it was not true in time$"):
            await inbox.wait_for(lambda: False, 0)


async def test_nothing_is_marked_that_is_not_shown_yet(scripted: Scripts) -> None:
    _, client = await scripted()

    with pytest.raises(RuntimeError, match="the inbox was not entered"):
        await client.inbox("alice").mark_read(all=True)


async def test_a_predicate_that_raises_a_cancellation_fails_its_wait_alone(
    scripted: Scripts,
) -> None:
    go_on = asyncio.Event()
    _, client = await scripted([snapshot(5, 5), go_on, live(5, 6), live(6, 7), silence()])

    def cancel() -> None:
        if inbox.revision == 6:
            raise asyncio.CancelledError

    async with client.inbox("alice") as inbox:
        waiting = asyncio.create_task(inbox.wait_for(cancel))
        await until(lambda: bool(inbox._waiters))
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        await until_revision(inbox, 7)


async def test_a_stream_that_fails_for_good_ends_it_with_the_error(scripted: Scripts) -> None:
    go_on = asyncio.Event()
    server, client = await scripted([snapshot(5, 5), go_on, GONE])
    inbox = client.inbox("alice")

    await inbox.__aenter__()
    inbox.raise_if_failed()
    waiting = asyncio.create_task(inbox.wait_for(lambda: inbox.revision == 6))
    go_on.set()

    with pytest.raises(NotFound, match="USER_DELETED"):
        await waiting
    with pytest.raises(NotFound):
        await inbox.wait_for(lambda: inbox.revision == 6)
    with pytest.raises(NotFound):
        inbox.raise_if_failed()
    with pytest.raises(NotFound):
        await inbox.__aexit__(None, None, None)
    assert names(inbox) == ["n5"]
    assert "USER_DELETED" in inbox.interruption
    assert await inbox.wait_for(lambda: inbox.revision == 5)
    await server.until_open(0)


async def test_an_error_that_is_raised_again_and_again_does_not_grow(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), GONE])
    inbox = client.inbox("alice")
    await inbox.__aenter__()
    await until(lambda: bool(inbox.interruption))

    frames = []
    for _ in range(3):
        with pytest.raises(NotFound) as raised:
            inbox.raise_if_failed()
        frames.append(len(raised.traceback))

    assert len(set(frames)) == 1


async def test_leaving_with_an_exception_keeps_it(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), GONE])

    async def leave() -> None:
        async with client.inbox("alice") as inbox:
            await until(lambda: bool(inbox.interruption))
            raise LookupError("of the application")

    with pytest.raises(LookupError, match="of the application"):
        await leave()


async def test_a_stream_that_cannot_begin_fails_the_entering(scripted: Scripts) -> None:
    _, client = await scripted([Fail(grpc.StatusCode.INVALID_ARGUMENT)])

    with pytest.raises(InvalidArgument):
        async with client.inbox("not a user"):
            pytest.fail("it was entered")


async def test_a_strict_one_ends_when_the_server_breaks_a_rule(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), live(6, 7), silence()])

    with pytest.raises(ContiguityError):
        async with client.inbox("alice", strict=True) as inbox:
            await until_revision(inbox, 7)


async def test_entering_ends_at_its_timeout_and_leaves_no_stream(scripted: Scripts) -> None:
    server, client = await scripted([silence()])

    with pytest.raises(TimeoutError):
        async with client.inbox("alice", open_timeout=0.2):
            pytest.fail("it was entered")

    await server.until_open(0)


async def test_closing_ends_the_stream_and_every_wait(scripted: Scripts) -> None:
    server, client = await scripted([snapshot(5, 5), silence()])

    async with client.inbox("alice") as inbox:
        waiting = asyncio.create_task(inbox.wait_for(lambda: inbox.revision == 6))
        await inbox.aclose()
        await inbox.aclose()

        with pytest.raises(RuntimeError, match="closed"):
            await waiting
        assert await inbox.wait_for(lambda: inbox.revision == 5)
        assert inbox.interruption == "the inbox is closed"
    await server.until_open(0)


async def test_it_ends_with_its_client(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), silence()])

    async with client.inbox("alice") as inbox:
        await client.aclose()

        with pytest.raises(RuntimeError, match="closed"):
            await inbox.wait_for(lambda: inbox.revision == 6)


async def test_it_is_entered_once_and_no_wait_begins_before(scripted: Scripts) -> None:
    _, client = await scripted([snapshot(5, 5), silence()])
    inbox = client.inbox("alice")

    with pytest.raises(RuntimeError, match="not entered"):
        await inbox.wait_for(lambda: True)
    async with inbox:
        with pytest.raises(RuntimeError, match="once"):
            await inbox.__aenter__()


async def test_a_wait_that_is_cancelled_as_its_change_comes_leaves_the_inbox_usable(
    serve: Serve,
) -> None:
    go_on = asyncio.Event()
    server = ScriptedInbox([snapshot(5, 5), go_on, live(5, 6), live(6, 7), silence()])

    async with AsyncClient(await serve(server)) as client, client.inbox("alice") as inbox:
        waiting = asyncio.create_task(inbox.wait_for(lambda: inbox.revision == 6))
        await until(lambda: bool(inbox._waiters))
        inbox.on_change(lambda _: waiting.cancel())
        go_on.set()
        await until_revision(inbox, 7)

    assert waiting.cancelled()


async def test_callbacks_are_called_by_the_thread_that_reads_and_cannot_wait_in_it(
    serve: Serve,
) -> None:
    server = ScriptedInbox([snapshot(5, 5), live(5, 6), silence()])
    threads: list[str] = []
    refusals: list[str] = []

    def look(inbox: LiveInbox) -> None:
        threads.append(threading.current_thread().name)
        try:
            inbox.wait_for(lambda: False)
        except RuntimeError as refusal:
            refusals.append(str(refusal))

    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")
        inbox.on_change(lambda _: look(inbox))
        await in_thread(inbox.__enter__)
        await in_thread(inbox.wait_for, lambda: inbox.revision == 6)
        await in_thread(inbox.close)

    assert threads == ["tocsin-inbox"] * 2
    assert refusals == ["a callback cannot wait for the next change"] * 2


async def test_a_predicate_neither_waits_nor_closes_whichever_thread_asks_it(serve: Serve) -> None:
    go_on = asyncio.Event()
    server = ScriptedInbox([snapshot(5, 5), go_on, live(5, 6), live(6, 7), silence()])

    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")

        def wait() -> bool:
            return inbox.wait_for(lambda: False, 0.1)

        await in_thread(inbox.__enter__)
        with pytest.raises(RuntimeError, match="a predicate cannot wait for the next change"):
            await in_thread(inbox.wait_for, wait)
        with pytest.raises(RuntimeError, match="a predicate cannot close the inbox"):
            await in_thread(inbox.wait_for, inbox.close)
        late = asyncio.create_task(
            in_thread(inbox.wait_for, lambda: inbox.revision == 6 and wait(), DEADLINE_SECONDS)
        )
        await until(lambda: bool(inbox._waiters))
        go_on.set()

        with pytest.raises(RuntimeError, match="a predicate cannot wait for the next change"):
            await late
        await in_thread(inbox.wait_for, lambda: inbox.revision == 7, DEADLINE_SECONDS)
        await in_thread(inbox.close)


async def test_other_threads_see_one_revision_after_the_other_and_nothing_in_between(
    serve: Serve,
) -> None:
    bursts = [live(after, after + 100) for after in range(0, 3_000, 100)]
    server = ScriptedInbox([snapshot(0), *bursts, silence()])

    def follow(inbox: LiveInbox) -> set[int]:
        looks = [(0, 0)]
        while looks[-1][0] < 3_000:
            inbox.raise_if_failed()
            # It is true at once.
            look = inbox.wait_for(
                lambda: (inbox.revision, len(inbox.notifications)), DEADLINE_SECONDS
            )
            looks.append(look)
        assert looks == sorted(looks)
        return {revision - held for revision, held in looks}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Client(await serve(server)) as client:
            inbox = client.inbox("alice")
            await in_thread(inbox.__enter__)
            missing = await asyncio.gather(*(in_thread(follow, inbox) for _ in range(4)))
            await in_thread(inbox.close)
    finally:
        sys.setswitchinterval(interval)

    assert missing == [{0}] * 4


async def test_a_callback_may_close_it(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = ScriptedInbox([snapshot(5, 5), live(5, 6), live(6, 7), silence()])

    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")
        inbox.on_change(lambda change: None if change.starts_over else inbox.close())
        await in_thread(inbox.__enter__)

        with pytest.raises(RuntimeError, match="closed"):
            await in_thread(inbox.wait_for, lambda: inbox.revision == 7)
        assert inbox.revision == 6
    await until(lambda: not threads_of_inboxes())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_another_thread_may_close_it_while_it_is_entered(serve: Serve) -> None:
    server = ScriptedInbox([silence()])

    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")
        entering = asyncio.create_task(in_thread(inbox.__enter__))
        await server.until_open(1)
        await in_thread(inbox.close)

        with pytest.raises(RuntimeError, match="closed"):
            await entering
    await server.until_open(0)
    assert threads_of_inboxes() == []


_ENDING = """
import sys
from tocsin_client import Client

inbox = Client(sys.argv[1]).inbox("alice").__enter__()
print(inbox.revision)
"""

_FORKING = """
import os, sys
from tocsin_client import Client

inbox = Client(sys.argv[1]).inbox("alice").__enter__()
child = os.fork()
if child == 0:
    try:
        inbox.wait_for(lambda: inbox.revision == 6)
    except RuntimeError as refusal:
        print(refusal, flush=True)
    inbox.close()
else:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


async def test_a_program_ends_that_closed_none(serve: Serve) -> None:
    assert await run(_ENDING, await serve(ScriptedInbox([snapshot(5), silence()]))) == ["5"]


async def test_it_says_so_in_a_forked_process(serve: Serve) -> None:
    target = await serve(ScriptedInbox([snapshot(5), silence()]))

    refusal, status = await run(_FORKING, target)

    assert "make one in each process" in refusal
    assert status == "0"


_EXITING = """
import asyncio, sys
from tocsin_client import AsyncClient

async def follow():
    async with AsyncClient(sys.argv[1]) as client, client.inbox("alice") as inbox:
        inbox.on_change(lambda change: sys.exit("of a callback"))
        try:
            await inbox.wait_for(lambda: inbox.revision == 7)
        except RuntimeError as refusal:
            print(refusal, inbox.interruption, sep=": ")

loop = asyncio.new_event_loop()
following = loop.create_task(follow())
try:
    loop.run_until_complete(following)
except SystemExit as exit:
    print(exit)
try:
    loop.run_until_complete(following)
except RuntimeError as refusal:
    print(refusal)
"""


async def test_a_callback_that_exits_ends_the_event_loop_and_every_wait(serve: Serve) -> None:
    server = ScriptedInbox([snapshot(5, 5), live(5, 6), silence()])

    printed = await run(_EXITING, await serve(server))

    ended = "SystemExit ended the inbox"
    assert printed == ["of a callback", f"{ended}: {ended}", ended]
