"""Which unary calls are repeated, when, and what the error says once they are not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import grpc
import pytest
from google.protobuf.message import Message
from grpc_status import rpc_status
from tocsin.v1.inbox_pb2 import Inbox
from tocsin.v1.inbox_service_pb2 import GetInboxRequest, GetInboxResponse
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest
from tocsin_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    FailedPrecondition,
    NotFound,
    Unavailable,
    _async_unary,
)

from tests.support.asking import send_request
from tests.support.blocking import in_threads
from tests.support.waiting import DEADLINE_SECONDS
from tests.unit.client.conftest import Clients, Serve, Sleeps
from tests.unit.client.playing import METHODS, Begun, Played
from tests.unit.client.scripting import ScriptedInbox, error_info, retry_info, rich_status

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION

BEING_DELETED = (error_info("CHANNEL_BEING_DELETED"), retry_info(1.0))
STORE_UNAVAILABLE = (error_info("STORE_UNAVAILABLE", cause="locked"), retry_info(1.0))

Failure = tuple[grpc.StatusCode, tuple[Message, ...]]


class Failing(ScriptedInbox):
    """Fails the first calls of GetInbox, one after the other; then answers, or keeps silent."""

    def __init__(self, *failures: Failure, silent: bool = False) -> None:
        super().__init__()
        self._failures = list(failures)
        self._silent = silent
        self.calls = 0
        self.failed = asyncio.Event()

    async def GetInbox(  # noqa: N802  (the RPC's name)
        self,
        request: GetInboxRequest,
        context: grpc.aio.ServicerContext[GetInboxRequest, GetInboxResponse],
    ) -> GetInboxResponse:
        self.calls += 1
        if self._failures:
            code, details = self._failures.pop(0)
            self.failed.set()
            status = rich_status(code, "the database did not answer.", *details)
            await context.abort_with_status(rpc_status.to_status(status))
        if self._silent:
            await asyncio.Event().wait()
        return GetInboxResponse(inbox=Inbox(user_id=request.user_id))


@pytest.mark.parametrize("code", [UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_call_that_no_server_takes_is_repeated_after_growing_pauses(
    serve: Serve, clients: Clients, sleeps: Sleeps, code: grpc.StatusCode
) -> None:
    server = Failing(*[(code, ())] * 7)
    client = clients(await serve(server))

    inbox = await client.get_inbox("alice", timeout=DEADLINE_SECONDS)

    assert (inbox.user_id, server.calls) == ("alice", 8)
    assert sleeps == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


async def test_a_call_is_repeated_when_the_server_says_so(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    server = Failing((PRECONDITION, BEING_DELETED), (UNAVAILABLE, STORE_UNAVAILABLE))
    client = clients(await serve(server))

    await client.get_inbox("alice", timeout=DEADLINE_SECONDS)

    assert server.calls == 3
    assert sleeps == [1.1, 1.2]


async def test_another_error_is_raised_at_once(
    serve: Serve, clients: Clients, sleeps: Sleeps
) -> None:
    server = Failing((PRECONDITION, (error_info("CHANNEL_NOT_EMPTY"),)))
    client = clients(await serve(server))

    with pytest.raises(FailedPrecondition):
        await client.get_inbox("alice")

    assert (server.calls, sleeps) == (1, [])


async def test_an_error_says_when_to_try_again_if_no_time_is_left_for_it(
    serve: Serve, clients: Clients
) -> None:
    server = Failing((PRECONDITION, BEING_DELETED))
    client = clients(await serve(server))

    with pytest.raises(FailedPrecondition) as caught:
        await client.get_inbox("alice", timeout=0.9)

    assert server.calls == 1
    assert caught.value.retry_delay == 1.0
    assert str(caught.value) == (
        "the database did not answer. Try again in 1 s. [CHANNEL_BEING_DELETED]"
    )


@pytest.mark.parametrize("details", [STORE_UNAVAILABLE[:1], ()])
async def test_a_call_that_times_out_later_has_the_last_reason_of_the_server(
    serve: Serve, clients: Clients, details: tuple[Message, ...]
) -> None:
    server = Failing((UNAVAILABLE, details), silent=True)
    client = clients(await serve(server))

    with pytest.raises(DeadlineExceeded) as caught:
        await client.get_inbox("alice", timeout=1)

    assert server.calls == 2
    assert caught.value.message == "no answer in time; before: the database did not answer."
    assert caught.value.reason == ("STORE_UNAVAILABLE" if details else "")
    assert caught.value.metadata == ({"cause": "locked"} if details else {})


async def next_cause(client: AsyncClient, causes: "asyncio.Queue[str]", timeout: float = 60) -> str:
    """The cause that a call reports while it waits; the call is cancelled then."""
    calling = asyncio.ensure_future(client.get_inbox("alice", timeout=timeout))
    async with asyncio.timeout(DEADLINE_SECONDS):
        cause = await causes.get()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    return cause


@pytest.fixture
def causes(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[str]":
    """Where a client puts why its call waits, as soon as it has waited at all."""
    monkeypatch.setattr(_async_unary, "SILENCE_SECONDS", 0.05)
    return asyncio.Queue()


async def test_a_call_that_waits_reports_that_nothing_serves_the_target_once(
    causes: "asyncio.Queue[str]",
) -> None:
    async with AsyncClient("127.0.0.1:1", _on_silence=causes.put_nowait) as client:
        assert "Connection refused" in await next_cause(client, causes)

        with pytest.raises(DeadlineExceeded):
            await client.get_inbox("alice", timeout=0.2)

    assert causes.empty()


@pytest.mark.parametrize(
    ("failures", "cause"),
    [([(UNAVAILABLE, STORE_UNAVAILABLE)], "the database did not answer."), ([], "")],
    ids=["an error", "silence"],
)
async def test_a_call_that_waits_reports_the_last_error_of_the_server(
    serve: Serve, causes: "asyncio.Queue[str]", failures: list[Failure], cause: str
) -> None:
    target = await serve(Failing(*failures, silent=True))
    async with AsyncClient(target, _on_silence=causes.put_nowait) as client:
        reported = await next_cause(client, causes)

    assert reported.startswith(cause)
    assert bool(reported) == bool(cause)


def test_a_server_that_never_recovers_is_called_until_the_timeout() -> None:
    played = Played()
    calling = Begun(lambda: played.client.send("news", "Hello", to="alice"))

    for _ in range(6):
        played.fail("SendMessage", UNAVAILABLE, *STORE_UNAVAILABLE)

    with pytest.raises(Unavailable) as caught:
        calling.result()
    # Of the last 0.25 seconds RetryInfo leaves nothing.
    assert [round(timeout or 0, 6) for timeout in played.timeouts] == [7, 5.9, 4.7, 3.3, 1.5, 0.25]
    assert caught.value.reason == "STORE_UNAVAILABLE"
    played.client.close()


UNNAMED = send_request("alice")
"""A send without a request id."""

MUTATIONS: dict[str, Callable[[Client], object]] = {
    "SendMessage": lambda client: client.send("news", "Hello", to="alice"),
    "BatchSendMessages": lambda client: client.send_batch([UNNAMED, UNNAMED]),
    "CreateChannel": lambda client: client.create_channel("news", title="News"),
    "UpdateChannel": lambda client: client.update_channel("news", title="Newer"),
    "DeleteChannel": lambda client: client.delete_channel("news"),
    "UpdateNotifications": lambda client: client.mark_read("alice", all=True),
}
"""A call of each RPC that changes something, without a request id of its caller."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_repeat_is_the_same_request(name: str) -> None:
    played = Played()
    calling = Begun(MUTATIONS[name], played.client)
    request, rpc = played.take(name)
    # Both may be one object: the bytes are those of the first attempt.
    first = request.SerializeToString(deterministic=True)
    ids = _request_ids(request)
    rpc.terminate(None, (), UNAVAILABLE, "played")

    again, rpc = played.take(name)
    rpc.terminate(None, (), grpc.StatusCode.NOT_FOUND, "played")

    assert again.SerializeToString(deterministic=True) == first
    assert all(ids)
    assert len(set(ids)) == len(ids) == (2 if name == "BatchSendMessages" else 1)
    assert not UNNAMED.request_id
    with pytest.raises(NotFound):
        calling.result()
    played.client.close()


def test_every_rpc_with_a_request_id_is_repeated_above() -> None:
    named = {
        name for name, method in METHODS.items() if "request_id" in method.input_type.fields_by_name
    }

    assert {*MUTATIONS} == named | {"BatchSendMessages"}


def _request_ids(request: Message) -> list[str]:
    if isinstance(request, BatchSendMessagesRequest):
        return [each.request_id for each in request.requests]
    request_id: str = getattr(request, "request_id")  # noqa: B009  # of any of the requests
    return [request_id]


@pytest.fixture(params=["AsyncClient", "Client"])
async def waiting(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[AsyncClient]:
    """A client in the middle of a pause of an hour."""
    server = Failing((UNAVAILABLE, (retry_info(3600),)))
    target = await serve(server)
    blocking = request.param == "Client"
    client = in_threads(Client(target)) if blocking else AsyncClient(target)
    async with aclosing(client):
        calling = asyncio.ensure_future(client.get_inbox("alice", timeout=7200))
        await server.failed.wait()
        yield client
        with pytest.raises(RuntimeError, match="the client is closed"):
            async with asyncio.timeout(DEADLINE_SECONDS):
                await calling


async def test_closing_a_client_ends_its_pauses(waiting: AsyncClient) -> None:
    await waiting.aclose()


async def test_closing_ends_a_pause_that_has_begun_or_begins() -> None:
    client = Client("host:1")
    pausing = Begun(client._calls._sleep, 3600)
    client.close()
    pausing.result()
    client._calls._sleep(3600)

    awaited = AsyncClient("host:1")
    pause = asyncio.ensure_future(awaited._calls._pause(3600))
    await asyncio.sleep(0)
    await awaited.aclose()
    with pytest.raises(RuntimeError, match="the client is closed"):
        await pause


async def test_a_pause_is_cancelled_with_its_caller(serve: Serve) -> None:
    server = Failing((UNAVAILABLE, (retry_info(3600),)))
    async with AsyncClient(await serve(server)) as client:
        calling = asyncio.ensure_future(client.get_inbox("alice", timeout=7200))
        await server.failed.wait()

        calling.cancel()

        with pytest.raises(asyncio.CancelledError):
            await calling
