"""The composition root: it creates the parts, serves, and closes the parts."""

from asyncio import Task, create_task, timeout, wait
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from logging import getLogger
from random import random
from secrets import token_urlsafe

from uuid_utils import uuid7

from tocsin_server.api.channels.handlers import ChannelHandlers
from tocsin_server.api.inboxes.handlers import InboxHandlers
from tocsin_server.api.messages.encode import server_fields
from tocsin_server.api.messages.handlers import MessageHandlers
from tocsin_server.background import disk_health, open_files
from tocsin_server.background.jobs import WORK_SECONDS, work_forever
from tocsin_server.background.pruning import PRUNE_SECONDS, prune_forever
from tocsin_server.domain.channels import Channels
from tocsin_server.domain.following import Follower
from tocsin_server.domain.inboxes import Inboxes
from tocsin_server.domain.messages import Messages
from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.model.streams import Subscription
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.grpc_transport.address import CannotListen
from tocsin_server.grpc_transport.server import OPTIONS, GrpcServer, Options
from tocsin_server.live.hub import Hub
from tocsin_server.live.sweep import SWEEP_SECONDS, sweep_forever
from tocsin_server.settings import Settings
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.store import SqlStore
from tocsin_server.system_clock import SETTLE_SECONDS, SystemClock

__all__ = ["CannotListen", "CannotOpen", "Parts", "SystemClock", "serving"]

GRACE_SECONDS = 1.0
"""How long calls may take to end once the server stops."""

CANCEL_SECONDS = 0.1
"""How long the background tasks may take to end."""

CLOSE_SECONDS = 0.6
"""How long the store may take to close: to commit waiting writes, and to end its reads."""

logger = getLogger(__name__)


class RandomIdentifiers:
    """Identifiers with enough randomness never to collide."""

    def message_id(self, now: int) -> str:
        """Returns a UUIDv7 for a time in microseconds."""
        return str(uuid7(nanoseconds=now * 1_000))

    def token(self) -> str:
        """Returns an opaque token of 16 characters."""
        return token_urlsafe(12)


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of the server that tests may replace."""

    clock: Clock
    hub: Callable[[int], Hub] = Hub
    sweep_seconds: float = SWEEP_SECONDS
    work_seconds: float = WORK_SECONDS
    prune_seconds: float = PRUNE_SECONDS
    options: Options = OPTIONS


def _system_clock(settings: Settings) -> SystemClock:
    """Returns the machine's clock, which settles within the shortest retention."""
    shortest = min(settings.idempotency_retention, settings.history_retention)
    return SystemClock(min(SETTLE_SECONDS, shortest))


@asynccontextmanager
async def serving(settings: Settings, parts: Parts | None = None) -> AsyncIterator[str]:
    """Serves while the context lasts; yields the address that it listens on.

    At the end the server accepts no new calls, ends streams so that clients
    reconnect, and commits waiting writes.

    Raises:
        CannotOpen: the database cannot be used.
        CannotListen: the address cannot be listened on.
    """
    parts = parts or Parts(_system_clock(settings))
    identifiers = RandomIdentifiers()
    hub = parts.hub(settings.max_streams)
    retention = Retention(settings.idempotency_retention, settings.history_retention)
    store = await SqlStore.open(settings.database_url, hub, parts.clock, retention)

    def follow(subscription: Subscription) -> Follower:
        return Follower(store.inboxes, hub, subscription, random)

    server = GrpcServer(
        [
            ChannelHandlers(Channels(store.channels, parts.clock, identifiers)).service(),
            MessageHandlers(
                Messages(store.messages, parts.clock, identifiers, server_fields)
            ).service(),
            InboxHandlers(Inboxes(store.inboxes, parts.clock), follow).service(),
        ],
        parts.options,
    )

    async def report_disk(full: bool) -> None:  # noqa: FBT001  # the state that is reported
        await server.set_serving(not full)

    background = [
        create_task(sweep_forever(hub, store.inboxes, parts.sweep_seconds)),
        create_task(work_forever(store.jobs, parts.clock, parts.work_seconds)),
        create_task(prune_forever(store.pruning, parts.clock, parts.prune_seconds)),
        create_task(open_files.watch_forever()),
    ]
    try:
        address = await server.start(settings.listen)
        background.append(create_task(disk_health.watch_forever(store.disk, report_disk)))
        logger.info("serving", extra={"address": address})
        try:
            yield address
        finally:
            logger.info("stopping", extra={"streams": hub.streams})
            await server.refuse()
            hub.stop()
            await server.stop(GRACE_SECONDS)
            logger.info("stopped")
    finally:
        await _close(store, background)


async def _close(store: SqlStore, background: Sequence[Task[None]]) -> None:
    """Ends the background tasks, and closes the store.

    A database that does not answer in time is left to finish alone: no caller
    got an OK for a write that it has not committed.
    """
    for task in background:
        task.cancel()
    try:
        await wait(background, timeout=CANCEL_SECONDS)
    finally:
        try:
            async with timeout(CLOSE_SECONDS):
                await store.close()
        except TimeoutError:
            logger.warning("the database did not answer in time")
