"""The notifications of an inbox that a command selects."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import Notification, NotificationFilter

from tocsin_client import AsyncClient
from tocsin_client.cli.pagination import first, page_size


@dataclass(frozen=True, slots=True)
class Selection:
    """The latest `limit` notifications of a user, or all if it is None.

    Without `channel_ids`, those of every channel.
    """

    user_id: str
    channel_ids: frozenset[str]
    limit: int | None
    unread_only: bool


async def get_channels(client: AsyncClient, channel_ids: Iterable[str]) -> list[Channel]:
    """Returns the channels with these ids, by id.

    The server lists nothing for a channel that does not exist; a person needs to hear of a typing error.

    Raises:
        tocsin_client.NotFound: A channel does not exist.
    """
    return await asyncio.gather(*map(client.get_channel, sorted(set(channel_ids))))


async def list_latest(client: AsyncClient, selection: Selection) -> AsyncIterator[Notification]:
    """Yields the selected notifications, the latest first.

    Raises:
        tocsin_client.NotFound: A selected channel does not exist.
    """
    await get_channels(client, selection.channel_ids)
    async for notification in first(list_selected(client, selection), selection.limit):
        yield notification


def list_selected(
    client: AsyncClient, selection: Selection, channel_id: str = ""
) -> AsyncIterator[Notification]:
    """Yields the selected notifications without the limit, or those of one channel."""
    return client.list_notifications(
        selection.user_id,
        channel_ids=[channel_id] if channel_id else sorted(selection.channel_ids),
        filter=(
            NotificationFilter.NOTIFICATION_FILTER_UNREAD
            if selection.unread_only
            else NotificationFilter.NOTIFICATION_FILTER_ALL
        ),
        page_size=page_size(selection.limit),
    )
