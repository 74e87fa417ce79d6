"""An inbox by its channels, in which what came last is first; only a page of it is held."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

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


def latest(client: AsyncClient, selection: Selection) -> AsyncIterator[Notification]:
    """The notifications, in list order."""
    return first(_listed(client, selection, sorted(selection.channel_ids)), selection.limit)


async def grouped(client: AsyncClient, selection: Selection) -> AsyncIterator[Entry]:
    """The inbox's counters; then each channel with its own, and its notifications.

    All is as of one revision, but for what leaves or is marked meanwhile.
    """
    inbox = await client.get_inbox(selection.user_id)
    yield entries.inbox(inbox)
    oldest = await _oldest(client, selection, inbox.revision)
    for channel in await _channels(client, selection, oldest):
        headed = False
        listed = _listed(client, selection, [channel.channel.channel_id])
        async for notification in _up_to(inbox.revision, listed):
            if notification.arrive_revision < oldest:
                break
            if not headed:
                headed = True
                yield entries.gap()
                yield entries.channel(channel)
            yield entries.received(notification)


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


async def _channels(client: AsyncClient, selection: Selection, oldest: int) -> list[InboxChannel]:
    """The channels that something is to be listed of; read at once, as arrivals reorder them."""
    channels = []
    async for channel in client.list_inbox_channels(
        selection.user_id, unread_only=selection.unread_only, page_size=page_size(None)
    ):
        if channel.latest_notification.arrive_revision < oldest:
            break
        if not selection.channel_ids or channel.channel.channel_id in selection.channel_ids:
            channel.ClearField("latest_notification")
            channels.append(channel)
    return channels


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
