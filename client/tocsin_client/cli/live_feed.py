"""Shows what a subscription brings, and says when nothing can come."""

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

# A server that restarts needs less, and nobody needs to hear of it.
_PATIENCE = 3.0


async def follow(subscription: AsyncSubscription, output: Output, target: str) -> None:
    """Writes every update, until it is cancelled or nobody reads any more.

    Raises:
        CallError: The stream failed in a way that another would not mend.
    """
    output.leave_with_the_reader()
    feed = LiveFeed(output.zone)
    begun = told = False
    async with subscription:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    update = await anext(subscription)
            except TimeoutError:
                # An inbox in which nothing happens is silent, too, while its stream is open.
                if not told and (subscription.interruption or not begun):
                    told = True
                    output.note(f"waiting for {target}: {subscription.interruption or 'silence'}")
                continue
            begun, told = True, False
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
        """The changes that an update completes, and how much is unread where that is news."""
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
