"""Prints the updates of a subscription, and says on stderr when it waits for the server."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING

from rich.text import Text
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse

from tocsin_client import AsyncSubscription, InboxUpdate
from tocsin_client.cli import rendering
from tocsin_client.cli.output import Output

if TYPE_CHECKING:
    from tocsin.v1.inbox_pb2 import NotificationChange

# Seconds without an update, after which the wait is reported; a restart takes less.
_PATIENCE = 3.0


async def follow(subscription: AsyncSubscription, output: Output, target: str) -> None:
    """Prints every update until it is cancelled, or nobody reads stdout any more.

    Raises:
        CallError: The stream failed, and another one would fail, too.
    """
    output.leave_with_the_reader()
    feed = LiveFeed(output.zone)
    received = reported = False
    async with subscription:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    update = await anext(subscription)
            except TimeoutError:
                # While its stream is open, an inbox without changes is silent, too.
                if not reported and (subscription.interruption or not received):
                    reported = True
                    cause = subscription.interruption or "it has not answered yet"
                    output.note(f"waiting for {target}: {cause}")
                continue
            received, reported = True, False
            if output.as_json:
                output.messages([_response(update)])
            else:
                output.lines(feed.show(update))


class LiveFeed:
    """An inbox as lines, the newest last."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._snapshot: list[NotificationChange] = []
        self._unread: int | None = None

    def show(self, update: InboxUpdate) -> Iterator[Text]:
        """Yields the changes that an update completes, and the unread count if it changed."""
        if update.starts_over:
            self._snapshot.clear()
        if update.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT:
            self._snapshot += update.changes
            if update.caught_up:
                yield from self._lines(reversed(self._snapshot))
                self._snapshot.clear()
        else:
            yield from self._lines(update.changes)
        if update.inbox is not None and update.inbox.unread_count != self._unread:
            self._unread = update.inbox.unread_count
            yield rendering.counted(update.inbox)

    def _lines(self, changes: Iterable["NotificationChange"]) -> Iterator[Text]:
        return (rendering.changed(change, self._zone) for change in changes)


def _response(update: InboxUpdate) -> SubscribeResponse:
    return SubscribeResponse(
        phase=update.phase,
        after_revision=update.after_revision,
        revision=update.revision,
        changes=update.changes,
        inbox=update.inbox,
        channel_counters=update.channel_counters,
        cursor=update.cursor,
        caught_up=update.caught_up,
    )
