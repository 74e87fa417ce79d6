"""What a signal's handler raises, wherever it interrupts the blocking client, loses nothing.

Python runs a handler in the main thread, where Python code is entered or C code has returned, and
in waits. So every such point is tried, in any thread; and real signals, in a program's main one.
"""

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import TypeVar

import grpc
import pytest
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, GetInboxResponse
from tocsin_client import Client, LiveInbox, Subscription

from tests.support.blocking import in_thread
from tests.support.waiting import DEADLINE_SECONDS, until
from tests.unit.client.conftest import Serve
from tests.unit.client.programs import run
from tests.unit.client.scripting import ScriptedInbox, live, silence, snapshot

_T = TypeVar("_T")


# A wait that is interrupted so has not timed out.
class Interruption(TimeoutError):
    pass


def interrupted_at(point: int, function: Callable[[], _T]) -> _T:
    """Calls a function, and raises at one of the points where a handler may run."""
    points = count()

    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        if event in {"call", "c_return"} and next(points) == point:
            raise Interruption

    # A finalizer would swallow it.
    gc.disable()
    try:
        sys.setprofile(interrupt)
        return function()
    finally:
        sys.setprofile(None)
        gc.enable()


def follow(subscription: Subscription, point: int, *, before: int) -> tuple[list[int], bool]:
    """The first three revisions, and whether the wait after `before` of them was interrupted."""
    received: list[int] = []
    interrupted = False
    while len(received) < before:
        received.append(subscription.next(DEADLINE_SECONDS).revision)
    try:
        received.append(interrupted_at(point, lambda: subscription.next(DEADLINE_SECONDS)).revision)
    except Interruption:
        interrupted = True
    while len(received) < 3:
        received.append(subscription.next(DEADLINE_SECONDS).revision)
    return received, interrupted


async def test_an_interrupted_subscription_goes_on_and_loses_nothing(serve: Serve) -> None:
    server = ScriptedInbox([snapshot(5), live(5, 6), live(6, 7), silence()], repeat=True)
    with Client(await serve(server)) as client:
        for before in (0, 1):
            interruptions = 0
            for point in count():
                with client.subscribe("alice") as subscription:
                    received, interrupted = await in_thread(
                        follow, subscription, point, before=before
                    )
                    assert received == [5, 6, 7], f"interrupted at {point}"
                if not interrupted:
                    break
                interruptions += 1

            assert interruptions > 10
    await server.until_open(0)


def wait(inbox: LiveInbox, point: int, *, holds: bool) -> bool:
    """Whether a wait was interrupted."""
    try:
        interrupted_at(point, lambda: inbox.wait_for(lambda: holds, 0.001))
    except Interruption:
        return True
    except TimeoutError:
        assert not holds
    return False


async def test_an_interrupted_wait_leaves_a_live_inbox_as_it_was(serve: Serve) -> None:
    go_on = asyncio.Event()
    server = ScriptedInbox([snapshot(5, 5), go_on, live(5, 6), silence()])
    with Client(await serve(server)) as client:
        inbox = client.inbox("alice")
        await in_thread(inbox.__enter__)
        for holds in (True, False):
            point = 0
            while await in_thread(wait, inbox, point, holds=holds):
                point += 1
            assert point > 10

        go_on.set()

        await in_thread(inbox.wait_for, lambda: inbox.revision == 6, DEADLINE_SECONDS)
        await in_thread(inbox.close)
        assert inbox._waiters == {}


_INTERRUPTING = """
import random, signal, sys
from tocsin_client import Client

class Interruption(TimeoutError):
    pass

armed = False
interruptions = 0

def interrupt(signal_number, frame):
    global armed
    if armed:
        armed = False
        raise Interruption

def interrupt_often(function, done):
    global armed, interruptions
    while not done():
        try:
            armed = True
            # Again and again: one that comes just before a wait begins does not end it.
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 5e-4), 0.02)
            function()
            armed = False
        except Interruption:
            interruptions += 1
    signal.setitimer(signal.ITIMER_REAL, 0)

signal.signal(signal.SIGALRM, interrupt)
client = Client(sys.argv[1])
"""

_FOLLOWING = (
    _INTERRUPTING
    + """
received = []
subscription = client.subscribe("alice")
interrupt_often(
    lambda: received.append(subscription.next(20).revision), lambda: len(received) == 2_001
)
print(received == list(range(2_001)), interruptions > 10)
client.close()
"""
)

_LOOPING = (
    _INTERRUPTING
    + """
received = []
subscription = client.subscribe("alice")

def follow():
    for update in subscription:
        received.append(update.revision)
        if len(received) == 2_001:
            break

interrupt_often(follow, lambda: len(received) == 2_001)
print(received == list(range(2_001)), interruptions > 10)
client.close()
"""
)

_WAITING = (
    _INTERRUPTING
    + """
with client.inbox("alice") as inbox:
    interrupt_often(
        lambda: inbox.wait_for(lambda: inbox.revision < 0), lambda: interruptions == 500
    )
    print(inbox.wait_for(lambda: inbox.revision == 2_000 and len(inbox.notifications), 20))
client.close()
"""
)

_CALLING = (
    _INTERRUPTING
    + """
print(client.get_inbox("bob").user_id)
armed = True
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    client.get_inbox("alice")
except Interruption:
    print("interrupted")
print(client.get_inbox("bob").user_id)
client.close()
"""
)


@pytest.mark.parametrize("program", [_FOLLOWING, _LOOPING], ids=["next", "for"])
async def test_signals_lose_nothing_of_a_subscription_and_repeat_nothing(
    serve: Serve, program: str
) -> None:
    updates = [live(revision, revision + 1) for revision in range(2_000)]
    target = await serve(ScriptedInbox([snapshot(0), *updates, silence()]))

    assert await run(program, target) == ["True True"]


async def test_signals_leave_a_live_inbox_that_is_waited_for_in_step(serve: Serve) -> None:
    updates = [live(revision, revision + 1) for revision in range(2_000)]
    target = await serve(ScriptedInbox([snapshot(0), *updates, silence()]))

    assert await run(_WAITING, target) == ["2000"]


def is_interrupted(point: int, function: Callable[[], object]) -> bool:
    try:
        interrupted_at(point, function)
    except Interruption:
        return True
    return False


async def test_a_subscription_whose_closing_is_interrupted_can_be_closed(serve: Serve) -> None:
    server = ScriptedInbox([snapshot(5), silence()], repeat=True)
    with Client(await serve(server)) as client:
        kept = []
        for point in count():
            subscription = client.subscribe("alice")
            # Otherwise the interruption may fall to a finalizer.
            kept.append(subscription)
            await in_thread(subscription.next, DEADLINE_SECONDS)
            interrupted = await in_thread(is_interrupted, point, subscription.close)
            await in_thread(subscription.close)
            if not interrupted:
                break

        assert point > 5
        await server.until_open(0)


async def test_a_live_inbox_whose_entering_or_closing_is_interrupted_can_be_closed(
    serve: Serve,
) -> None:
    server = ScriptedInbox([snapshot(5), silence()], repeat=True)
    with Client(await serve(server)) as client:
        kept = []
        for point in count():
            inbox = client.inbox("alice")
            kept.append(inbox)
            interrupted = await in_thread(is_interrupted, point, inbox.__enter__)
            await in_thread(inbox.close)
            if not interrupted:
                break
        assert point > 10
        for point in count():
            inbox = client.inbox("alice")
            kept.append(inbox)
            await in_thread(inbox.__enter__)
            interrupted = await in_thread(is_interrupted, point, inbox.close)
            await in_thread(inbox.close)
            if not interrupted:
                break
        assert point > 5

        await server.until_open(0)
    await until(lambda: not any(t.name == "tocsin-inbox" for t in threading.enumerate()))


class _HoldingInbox(ScriptedInbox):
    """Answers anyone but Alice."""

    async def GetInbox(  # noqa: N802  (the RPC's name)
        self,
        request: GetInboxRequest,
        context: grpc.aio.ServicerContext[GetInboxRequest, GetInboxResponse],
    ) -> GetInboxResponse:
        if request.user_id == "alice":
            await silence().wait()
        return await super().GetInbox(request, context)


async def test_a_call_that_a_signal_interrupts_leaves_the_client_usable(serve: Serve) -> None:
    assert await run(_CALLING, await serve(_HoldingInbox())) == ["bob", "interrupted", "bob"]


_CLOSING = (
    _INTERRUPTING
    + """
import threading
from tocsin_client import MemoryCursorStore

class Holding(MemoryCursorStore):
    def save(self, user_id, cursor):
        if cursor:
            saving.set()
            may_save.wait()

saving, may_save = threading.Event(), threading.Event()
others = [client.subscribe("bob") for _ in range(16)]
held = client.subscribe("alice", cursor_store=Holding())
for subscription in (held, *others):
    next(subscription)
threading.Thread(target=next, args=(held, None)).start()
saving.wait()
armed = True
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.02)
try:
    client.close()
except Interruption:
    print("interrupted")
signal.setitimer(signal.ITIMER_REAL, 0)
for other in others:
    assert next(other, None) is None
print(len(client._streams._channels))
may_save.set()
"""
)


async def test_closing_that_is_interrupted_ends_the_other_subscriptions_and_the_connections(
    serve: Serve,
) -> None:
    server = ScriptedInbox([snapshot(5), silence()], repeat=True)

    assert await run(_CLOSING, await serve(server)) == ["interrupted", "0"]
    await server.until_open(0)
