"""How fast many users mark their inboxes read and unread at once, while others send."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
from tocsin.v1.inbox_pb2 import NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tests.benchmarks.inboxes import Sending
from tests.benchmarks.load import call_each, connection, require, timed
from tests.benchmarks.samples import batches, sends, users
from tests.benchmarks.servers import Program, running
from tests.benchmarks.sizes import Round, Sizes

SENDERS = 4
BATCH_ITEMS = 50


@asynccontextmanager
async def many_marks(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """Each caller marks its own inbox again and again: marks a second, and the longest send, s.

    Each mark changes every notification of the inbox. The bare server has no inboxes: on it,
    the callers send.
    """
    user_ids = users(sizes.marking_callers)
    numbers = itertools.count()
    async with running(program) as server, connection(server.target) as channel:
        marks = program.database is not None
        if marks:
            await _fill(channel, user_ids, sizes.small_inbox)

        async def one_round() -> dict[str, float]:
            number = next(numbers)
            sending = Sending(channel, number)
            act = _marking(channel, sizes) if marks else _sending(channel, sizes, number)
            async with asyncio.TaskGroup() as group:
                senders = [group.create_task(sending.go_on()) for _ in range(SENDERS)]
                await sending.under_way.wait()
                with timed() as stopwatch:
                    await asyncio.gather(*(act(user_id) for user_id in user_ids))
                for task in senders:
                    task.cancel()
            calls = len(user_ids) * sizes.marks_a_caller
            return {"rate": calls / stopwatch.seconds, "wait": sending.longest}

        yield one_round


async def _fill(channel: grpc.aio.Channel, user_ids: list[str], count: int) -> None:
    """Sends so many messages to all of the users."""
    requests = list(sends(itertools.repeat(user_ids[0], count), "fill"))
    for request in requests:
        request.audience.user_ids[:] = user_ids
    send = MessageServiceStub(channel).BatchSendMessages
    await call_each(send, batches(requests, BATCH_ITEMS), callers=2)


def _marking(channel: grpc.aio.Channel, sizes: Sizes) -> Callable[[str], Awaitable[None]]:
    """Returns a caller that marks the inbox of a user read, then unread, and so on."""
    update = InboxServiceStub(channel).UpdateNotifications
    everything = NotificationSelector(all=True)

    async def mark(user_id: str) -> None:
        for number in range(sizes.marks_a_caller):
            request = UpdateNotificationsRequest(user_id=user_id, selector=everything)
            if number % 2:
                request.seen = False  # which clears read, too
            else:
                request.read = True
            marked = await update(request)
            require(marked.updated_count == sizes.small_inbox, "a mark changes the whole inbox")

    return mark


def _sending(
    channel: grpc.aio.Channel, sizes: Sizes, number: int
) -> Callable[[str], Awaitable[None]]:
    """Returns a caller that sends to a user as often as it would mark."""
    send = MessageServiceStub(channel).SendMessage

    async def send_some(user_id: str) -> None:
        for request in sends([user_id] * sizes.marks_a_caller, f"bare-{number}-{user_id}"):
            await send(request)

    return send_some
