"""What of an inbox a person selects, who names channels by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import Notification, NotificationFilter

from tocsin_client import AsyncClient
from tocsin_client.cli.pagination import first, page_size


@dataclass(frozen=True, slots=True)
class Selection:
    """Which notifications of whose inbox to list: the latest `limit`; None is all."""

    user_id: str
    channel_ids: frozenset[str]
    limit: int | None
    unread_only: bool


async def get_channels(client: AsyncClient, channel_ids: Iterable[str]) -> list[Channel]:
    """The channels of these ids, by id; one that is none has nothing, and deserves another answer.

    Raises:
        tocsin_client.NotFound: One is none.
    """
    return await asyncio.gather(*map(client.get_channel, sorted(set(channel_ids))))


async def list_latest(client: AsyncClient, selection: Selection) -> AsyncIterator[Notification]:
    """The notifications, in list order.

    Raises:
        tocsin_client.NotFound: A selected channel is none.
    """
    await get_channels(client, selection.channel_ids)
    async for notification in first(list_selected(client, selection), selection.limit):
        yield notification


def list_selected(
    client: AsyncClient, selection: Selection, channel_id: str = ""
) -> AsyncIterator[Notification]:
    """The notifications whatever the limit, or those of one channel alone."""
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
