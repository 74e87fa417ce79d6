"""What is the blocking client's own: threads, waits with an end, and processes."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, GetInboxResponse
from tocsin_client import Client, InboxUpdate, Subscription

from tests.support.blocking import in_thread
from tests.support.waiting import DEADLINE_SECONDS, until
from tests.unit.client.conftest import Serve
from tests.unit.client.programs import run
from tests.unit.client.scripting import (
    Fail,
    ScriptedInbox,
    live,
    retry_info,
    silence,
    snapshot,
)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tocsin-subscription"]


async def take(subscription: Subscription, seconds: float = 10.0) -> int:
    """The next update's revision."""
    return (await in_thread(subscription.next, seconds)).revision


def rest(subscription: Subscription) -> list[InboxUpdate]:
    """Every update up to the end."""
    return list(subscription)


async def test_a_wait_that_timed_out_keeps_the_stream(serve: Serve) -> None:
    gate = asyncio.Event()
    inbox = ScriptedInbox([snapshot(5), gate, live(5, 6)])
    with Client(await serve(inbox)) as client:
        subscription = client.subscribe("alice")
        await take(subscription)
        for seconds in (0, 0.01):
            with pytest.raises(TimeoutError, match="no update in time"):
                await take(subscription, seconds)

        gate.set()

        assert await take(subscription) == 6
        assert len(inbox.requests) == 1
        await in_thread(subscription.close)


async def test_the_cursor_does_not_cover_what_a_wait_that_timed_out_did_not_give(
    serve: Serve,
) -> None:
    gate = asyncio.Event()
    inbox = ScriptedInbox([snapshot(5), gate, live(5, 6)])
    with Client(await serve(inbox)) as client:
        subscription = client.subscribe("alice")
        await take(subscription)
        with pytest.raises(TimeoutError):
            await take(subscription, 0)
        gate.set()
        await until(lambda: subscription._reader._received is not None)

        await in_thread(subscription.close)

    assert subscription.cursor == "c5"


async def test_an_update_that_arrived_meanwhile_is_returned_at_once(serve: Serve) -> None:
    gate = asyncio.Event()
    inbox = ScriptedInbox([snapshot(5), gate, live(5, 6)])
    with Client(await serve(inbox)) as client:
        subscription = client.subscribe("alice")
        await take(subscription)
        with pytest.raises(TimeoutError):
            await take(subscription, 0)
        gate.set()
        await until(lambda: subscription._reader._received is not None)

        assert await take(subscription, 0) == 6
        assert subscription.cursor == "c6"


async def test_a_closed_subscription_has_no_next(serve: Serve) -> None:
    with Client(await serve(ScriptedInbox([snapshot(5)]))) as client:
        subscription = client.subscribe("alice")
        subscription.close()

        for _ in range(3):
            with pytest.raises(StopIteration):
                subscription.next(timeout=10)
        assert list(subscription) == []


async def test_closing_ends_a_wait_between_two_streams(serve: Serve) -> None:
    full = Fail(grpc.StatusCode.RESOURCE_EXHAUSTED, (retry_info(3600),))
    with Client(await serve(ScriptedInbox([full]))) as client:
        subscription = client.subscribe("alice")
        following = asyncio.create_task(in_thread(rest, subscription))
        await until(lambda: bool(subscription.interruption))

        await in_thread(subscription.close)

        assert await asyncio.wait_for(following, 10) == []
    await until(lambda: not readers())


async def test_closing_a_client_whose_subscriptions_just_begin_ends_them(serve: Serve) -> None:
    target = await serve(ScriptedInbox([snapshot(5), silence()], repeat=True))

    def begin_and_close() -> None:
        for _ in range(50):
            client = Client(target)
            subscriptions = [client.subscribe("alice") for _ in range(4)]
            waiting = [threading.Thread(target=next, args=(each, None)) for each in subscriptions]
            for thread in waiting:
                thread.start()
            client.close()
            for thread in waiting:
                thread.join(DEADLINE_SECONDS)
                assert not thread.is_alive()

    await asyncio.to_thread(begin_and_close)


async def test_a_dropped_subscription_ends_its_thread(serve: Serve) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    with Client(await serve(inbox)) as client:
        await in_thread(lambda: next(client.subscribe("alice")))

        await inbox.until_open(0)
        await until(lambda: not readers())


async def test_two_hundred_subscriptions_share_three_connections_and_leave_nothing(
    serve: Serve,
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()], repeat=True)
    client = Client(await serve(inbox, tcp=True))
    subscriptions = [client.subscribe(f"user{number}") for number in range(200)]

    revisions = await asyncio.gather(*(take(subscription) for subscription in subscriptions))
    following = [asyncio.create_task(in_thread(rest, each)) for each in subscriptions]
    await inbox.until_open(200)

    assert revisions == [5] * 200
    assert sorted(map(inbox.peers.count, set(inbox.peers))) == [20, 90, 90]
    await in_thread(client.close)
    assert await asyncio.gather(*following) == [[]] * 200
    await inbox.until_open(0)
    assert readers() == []


async def test_many_threads_share_one_client_and_its_connection(serve: Serve) -> None:
    inbox = ScriptedInbox()
    with Client(await serve(inbox, tcp=True)) as client, ThreadPoolExecutor(32) as threads:
        together = threading.Barrier(32)

        def call(number: int) -> str:
            together.wait(10)
            return client.get_inbox(f"user{number}").user_id

        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(threads, call, number) for number in range(32)]

        assert await asyncio.gather(*calls) == [f"user{number}" for number in range(32)]
        assert len(inbox.unary_peers) == 32
        assert len(set(inbox.unary_peers)) == 1


class _HoldingInbox(ScriptedInbox):
    """Never answers."""

    async def GetInbox(  # noqa: N802  (the RPC's name)
        self,
        request: GetInboxRequest,
        context: grpc.aio.ServicerContext[GetInboxRequest, GetInboxResponse],
    ) -> GetInboxResponse:
        self.unary_peers.append(context.peer())
        await silence().wait()
        raise AssertionError


async def test_closing_ends_the_calls_of_other_threads(serve: Serve) -> None:
    inbox = _HoldingInbox()
    client = Client(await serve(inbox))
    calls = [asyncio.create_task(in_thread(client.get_inbox, "alice")) for _ in range(4)]
    await until(lambda: len(inbox.unary_peers) == 4)

    await in_thread(client.close)
    client.close()

    for call in calls:
        with pytest.raises(RuntimeError, match="the client is closed"):
            await call
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.get_inbox("alice")


_FORKING = """
import os, sys
from tocsin_client import Client

client = Client(sys.argv[1])
client.get_inbox("alice")
subscription = client.subscribe("alice")
next(subscription)
child = os.fork()
if child == 0:
    for call in (client.get_inbox, lambda user_id: next(subscription), client.subscribe):
        try:
            print(call("alice"), flush=True)
        except RuntimeError as refusal:
            print(refusal, flush=True)
    client.close()
else:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(client.get_inbox("bob").user_id)
"""

_FORKING_FIRST = """
import os, sys
from tocsin_client import Client

client = Client(sys.argv[1])
child = os.fork()
# One after the other, so that their lines do not mingle.
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0
print(client.get_inbox("alice").user_id, flush=True)
client.close()
sys.exit(status)
"""

_ENDING = """
import sys
from tocsin_client import Client

client = Client(sys.argv[1])
subscription = client.subscribe("alice")
print(next(subscription).revision)
"""


async def test_a_client_that_connected_says_so_in_a_forked_process(serve: Serve) -> None:
    target = await serve(ScriptedInbox([snapshot(5), silence()]))

    *refusals, status, user_id = await run(_FORKING, target)

    assert len(refusals) == 3
    assert all("make one in each process" in refusal for refusal in refusals)
    assert (status, user_id) == ("0", "bob")


async def test_a_client_that_had_not_connected_serves_every_forked_process(serve: Serve) -> None:
    assert await run(_FORKING_FIRST, await serve(ScriptedInbox())) == ["alice", "alice"]


async def test_a_program_ends_that_closed_nothing(serve: Serve) -> None:
    assert await run(_ENDING, await serve(ScriptedInbox([snapshot(5), silence()]))) == ["5"]
