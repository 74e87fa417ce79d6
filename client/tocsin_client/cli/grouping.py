"""An inbox by its channels, in which what came last is first; only a page of it is held."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import InboxChannel, Notification, NotificationFilter

from tocsin_client import AsyncClient
from tocsin_client.cli import entries
from tocsin_client.cli.entries import Entry
from tocsin_client.cli.listing import first, page_size


@dataclass(frozen=True, slots=True)
class Selection:
    """Which notifications of whose inbox to list: the latest `limit`; None is all."""

    user_id: str
    channel_ids: frozenset[str]
    limit: int | None
    unread_only: bool


async def latest(client: AsyncClient, selection: Selection) -> AsyncIterator[Notification]:
    """The notifications, in list order.

    Raises:
        tocsin_client.NotFound: A selected channel is none.
    """
    await _selected(client, selection)
    listed = _listed(client, selection, sorted(selection.channel_ids))
    async for notification in first(listed, selection.limit):
        yield notification


async def grouped(client: AsyncClient, selection: Selection) -> AsyncIterator[Entry]:
    """Each channel with its counters, and its notifications; the inbox's counters before them all.

    Where channels are selected, the inbox's say nothing; and each has its own, whatever is listed of
    it. All is as of one revision, but for what leaves or is marked meanwhile.

    Raises:
        tocsin_client.NotFound: A selected channel is none.
    """
    selected = await _selected(client, selection)
    inbox = await client.get_inbox(selection.user_id)
    if not selected:
        yield entries.inbox(inbox)
    oldest = await _oldest(client, selection, inbox.revision)
    above = not selected
    for channel in await _channels(client, selection, selected, oldest):
        heading = [entries.gap()] if above else []
        heading.append(entries.channel(channel))
        above = True
        if selected:
            while heading:
                yield heading.pop(0)
        listed = _listed(client, selection, [channel.channel.channel_id])
        async for notification in _up_to(inbox.revision, listed):
            if notification.arrive_revision < oldest:
                break
            while heading:
                yield heading.pop(0)
            yield entries.received(notification)


async def _selected(client: AsyncClient, selection: Selection) -> dict[str, Channel]:
    """The selected channels: one that is none has nothing either, and deserves another answer."""
    return {
        channel_id: await client.get_channel(channel_id)
        for channel_id in sorted(selection.channel_ids)
    }


async def _oldest(client: AsyncClient, selection: Selection, head: int) -> int:
    """The arrival of the last notification within the limit."""
    oldest = 0
    if selection.limit is not None:
        listed = _listed(client, selection, sorted(selection.channel_ids))
        async for notification in first(_up_to(head, listed), selection.limit):
            oldest = notification.arrive_revision
    return oldest


async def _up_to(head: int, listed: AsyncIterator[Notification]) -> AsyncIterator[Notification]:
    async for notification in listed:
        if notification.arrive_revision <= head:
            yield notification


async def _channels(
    client: AsyncClient, selection: Selection, selected: Mapping[str, Channel], oldest: int
) -> list[InboxChannel]:
    """The channels that something is to be listed of; read at once, as arrivals reorder them.

    Those that are selected are there in any case.
    """
    channels = []
    missing = dict(selected)
    async for channel in client.list_inbox_channels(
        selection.user_id,
        unread_only=selection.unread_only and not selected,
        page_size=page_size(None),
    ):
        if not selected and channel.latest_notification.arrive_revision < oldest:
            break
        if not selected or channel.channel.channel_id in missing:
            missing.pop(channel.channel.channel_id, None)
            channel.ClearField("latest_notification")
            channels.append(channel)
    return [*channels, *(InboxChannel(channel=channel) for channel in missing.values())]


def _listed(
    client: AsyncClient, selection: Selection, channel_ids: list[str]
) -> AsyncIterator[Notification]:
    return client.list_notifications(
        selection.user_id,
        channel_ids=channel_ids,
        filter=(
            NotificationFilter.NOTIFICATION_FILTER_UNREAD
            if selection.unread_only
            else NotificationFilter.NOTIFICATION_FILTER_ALL
        ),
        page_size=page_size(selection.limit),
    )
