"""Lists an inbox by channels, the latest notification first, with one page in memory."""

from collections.abc import AsyncIterator, Iterable
from datetime import tzinfo

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import InboxChannel, Notification

from tocsin_client import AsyncClient
from tocsin_client.cli import entry_lines
from tocsin_client.cli.entry_lines import Entry
from tocsin_client.cli.pagination import page_size
from tocsin_client.cli.selection import Selection, get_channels, list_selected


async def list_by_channel(
    client: AsyncClient, selection: Selection, zone: tzinfo | None
) -> AsyncIterator[Entry]:
    """Yields the inbox's counters, then each channel with its counters and notifications.

    If channels are selected, the inbox's counters are left out, and each selected channel is there,
    also without notifications. What arrives after the first read is left out; what is removed or
    marked meanwhile may show.

    Raises:
        tocsin_client.NotFound: A selected channel does not exist.
    """
    selected = await get_channels(client, selection.channel_ids)
    inbox = await client.get_inbox(selection.user_id)
    # Lists notifications that arrived at these revisions.
    arrivals = range(await _oldest(client, selection, inbox.revision), inbox.revision + 1)
    if selected:
        groups = _selected_groups(client, selection, selected, arrivals, zone)
    else:
        yield entry_lines.inbox(inbox)
        groups = _groups(client, selection, arrivals, zone)
    async for entry in groups:
        yield entry


async def _oldest(client: AsyncClient, selection: Selection, head: int) -> int:
    """Returns the arrival revision of the last notification within the limit."""
    left = selection.limit
    if left is None:
        return 0
    oldest = 0
    async for notification in list_selected(client, selection):
        if notification.arrive_revision <= head:
            oldest = notification.arrive_revision
            left -= 1
            if not left:
                break
    return oldest


async def _selected_groups(
    client: AsyncClient,
    selection: Selection,
    selected: Iterable[Channel],
    arrivals: range,
    zone: tzinfo | None,
) -> AsyncIterator[Entry]:
    for place, inbox_channel in enumerate(await _get_selected(client, selection.user_id, selected)):
        if place:
            yield entry_lines.gap()
        yield entry_lines.channel(inbox_channel)
        async for notification in _arrived(client, selection, inbox_channel, arrivals):
            yield entry_lines.received(notification, zone)


async def _groups(
    client: AsyncClient, selection: Selection, arrivals: range, zone: tzinfo | None
) -> AsyncIterator[Entry]:
    for inbox_channel in await _recent(client, selection, arrivals.start):
        # A channel may have nothing to list: it was read before, or removed meanwhile.
        has_heading = False
        async for notification in _arrived(client, selection, inbox_channel, arrivals):
            if not has_heading:
                yield entry_lines.gap()
                yield entry_lines.channel(inbox_channel)
                has_heading = True
            yield entry_lines.received(notification, zone)


async def _get_selected(
    client: AsyncClient, user_id: str, selected: Iterable[Channel]
) -> list[InboxChannel]:
    """Returns the selected channels with their counters; those without notifications come last."""
    holding = []
    missing = {channel.channel_id: channel for channel in selected}
    async for inbox_channel in client.list_inbox_channels(user_id, page_size=page_size(None)):
        if inbox_channel.channel.channel_id in missing:
            del missing[inbox_channel.channel.channel_id]
            holding.append(inbox_channel)
    return [*holding, *(InboxChannel(channel=channel) for channel in missing.values())]


async def _recent(client: AsyncClient, selection: Selection, oldest: int) -> list[InboxChannel]:
    """Returns the channels with an arrival since `oldest`, all at once: arrivals reorder them."""
    recent = []
    async for inbox_channel in client.list_inbox_channels(
        selection.user_id, unread_only=selection.unread_only, page_size=page_size(None)
    ):
        if inbox_channel.latest_notification.arrive_revision < oldest:
            break
        inbox_channel.ClearField("latest_notification")
        recent.append(inbox_channel)
    return recent


async def _arrived(
    client: AsyncClient, selection: Selection, inbox_channel: InboxChannel, arrivals: range
) -> AsyncIterator[Notification]:
    """Yields the notifications of a channel to list."""
    async for notification in list_selected(client, selection, inbox_channel.channel.channel_id):
        if notification.arrive_revision < arrivals.start:
            return
        if notification.arrive_revision in arrivals:
            yield notification
