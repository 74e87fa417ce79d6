"""What the size of an inbox costs: the first looks into it, and marking it read."""

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import grpc
from sqlalchemy import Connection
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_pb2 import NotificationSelector
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    ListInboxChannelsRequest,
    ListNotificationsRequest,
    UpdateNotificationsRequest,
)
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.engine.databases import database
from tocsin_server.store.engine.executors import run as run_in
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.store import SqlStore
from tocsin_server.system_clock import SystemClock

from tests.benchmarks.load import connection, require
from tests.benchmarks.samples import CHANNEL_ID, sample_message, sends, users
from tests.benchmarks.servers import Program, living, placed
from tests.benchmarks.sizes import Prepare, Round, Sizes

READER = "reader"
CALLERS = 4
ROWS_A_STATEMENT = 50_000

MESSAGES = """
INSERT INTO messages
  (tenant, message_id, channel_id, state, severity, sender, create_time, size, body)
WITH RECURSIVE series(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {last})
SELECT 'default', 'message-' || n, 'channel-' || (n % 10), 3, 2, '', n, {size}, {body} FROM series
"""
NOTIFICATIONS = """
INSERT INTO notifications
  (inbox_id, arrive_revision, sequence, channel_id, revision, receive_time, seen_time, read_time)
SELECT inbox_id, sequence, sequence, channel_id, sequence, sequence,
  CASE WHEN sequence % 10 > 0 THEN sequence END, CASE WHEN sequence % 10 > 0 THEN sequence END
FROM messages CROSS JOIN inboxes WHERE sequence BETWEEN {first} AND {last}
"""
INBOX = """
INSERT INTO inboxes (tenant, user_id, incarnation, revision, oldest_revision, total_count,
  unread_count, unseen_count)
VALUES ('default', '{reader}', 1, {count}, 0, {count}, {unread}, {unread})
"""
CHANNELS = """
INSERT INTO channels (tenant, channel_id, type, title, description, labels, etag, create_time,
  update_time) SELECT DISTINCT 'default', channel_id, 1, channel_id, '', '{{}}', '', 1, 1
FROM messages
"""
INBOX_CHANNELS = """
INSERT INTO inbox_channels (inbox_id, channel_id, total_count, unread_count, unseen_count)
SELECT inbox_id, channel_id, count(*), count(*) - count(read_time), count(*) - count(seen_time)
FROM notifications GROUP BY inbox_id, channel_id
"""


async def create_tables(url: str) -> None:
    """Creates the tables of a store, as a server does that starts on an empty database."""
    store = await SqlStore.open(url, Hub(1), SystemClock(), Retention())
    await store.close()


async def fill(url: str, count: int) -> None:
    """Gives a store that has its tables one inbox of `count`, of which a tenth is unread."""
    body = sample_message("New lead").SerializeToString()
    opened = database(url)

    async def do(statement: str, **values: object) -> None:
        def execute(connection: Connection) -> None:
            literal = f"x'{body.hex()}'"
            if connection.dialect.name == "postgresql":
                literal = f"'\\x{body.hex()}'::bytea"
            with connection.begin():
                run(connection, statement.format(**values, body=literal, size=len(body)))

        await run_in(opened.executors[0], execute)

    await do(INBOX, reader=READER, count=count, unread=count // 10)
    for first in range(1, count + 1, ROWS_A_STATEMENT):
        last = min(first + ROWS_A_STATEMENT - 1, count)
        await do(MESSAGES, first=first, last=last)
        await do(NOTIFICATIONS, first=first, last=last)
    await do(CHANNELS)
    await do(INBOX_CHANNELS)
    await do("ANALYZE")
    await opened.close()


@asynccontextmanager
async def filled(program: Program, count: int) -> AsyncIterator[grpc.aio.Channel]:
    """Runs `program` on a store with an inbox of `count`, and gives a connection to it."""
    with placed(program) as place:
        assert place.url is not None
        await create_tables(place.url)
        await fill(place.url, count)
        async with living(program, place) as server, connection(server.target) as channel:
            yield channel


def looks(count: Callable[[Sizes], int]) -> Prepare:
    """The first look into an inbox of so many: the median of each call, ms."""

    @asynccontextmanager
    async def prepare(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
        async with filled(program, count(sizes)) as channel:
            inboxes = InboxServiceStub(channel)
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "inbox": partial(inboxes.GetInbox, GetInboxRequest(user_id=READER)),
                "list": partial(
                    inboxes.ListNotifications, ListNotificationsRequest(user_id=READER)
                ),
                "channels": partial(
                    inboxes.ListInboxChannels, ListInboxChannelsRequest(user_id=READER)
                ),
            }

            async def one_round() -> dict[str, float]:
                return {name: await _median(call, sizes.looks) for name, call in calls.items()}

            yield one_round

    return prepare


async def _median(call: Callable[[], Awaitable[object]], count: int) -> float:
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3


def marks(count: Callable[[Sizes], int]) -> Prepare:
    """An inbox of so many is marked read, unread before, while others send.

    Gives the seconds that it takes, and the longest that one of their sends did.
    """

    @asynccontextmanager
    async def prepare(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
        async with filled(program, count(sizes)) as channel:
            mark = InboxServiceStub(channel).UpdateNotifications
            everything = NotificationSelector(all=True)
            await ChannelServiceStub(channel).CreateChannel(
                CreateChannelRequest(channel=Channel(channel_id=CHANNEL_ID, title="Clues"))
            )
            numbers = itertools.count()

            async def one_round() -> dict[str, float]:
                await mark(
                    UpdateNotificationsRequest(user_id=READER, selector=everything, seen=False)
                )
                sending = Sending(channel, next(numbers))
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(sending.go_on()) for _ in range(CALLERS)]
                    await sending.under_way.wait()
                    begin = time.perf_counter()
                    marked = await mark(
                        UpdateNotificationsRequest(user_id=READER, selector=everything, read=True)
                    )
                    seconds = time.perf_counter() - begin
                    for task in tasks:
                        task.cancel()
                require(marked.updated_count == count(sizes), "every notification is marked")
                return {"mark": seconds, "wait": sending.longest}

            yield one_round

    return prepare


class Sending:
    """Sends to others than the reader, and the longest that one of them took."""

    def __init__(self, channel: grpc.aio.Channel, number: int) -> None:
        self._send = MessageServiceStub(channel).SendMessage
        self._requests = sends(itertools.cycle(users(100, "other")), f"round-{number}")
        self.longest = 0.0
        self.under_way = asyncio.Event()

    async def go_on(self) -> None:
        """Sends again and again."""
        for request in self._requests:
            begin = time.perf_counter()
            await self._send(request)
            self.longest = max(self.longest, time.perf_counter() - begin)
            self.under_way.set()
