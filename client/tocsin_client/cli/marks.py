"""Marks notifications by ids, by channels or all, up to the revision that was read before."""

from collections.abc import Iterable, Mapping, Sequence

from tocsin_client import AsyncClient, UpdateNotificationsResponse
from tocsin_client.cli.pagination import page_size
from tocsin_client.cli.selection import get_channels

_READ: Mapping[str, bool] = {"read": True, "unread": False}
_SEEN: Mapping[str, bool] = {"seen": True, "unseen": False}


async def mark_selected(
    client: AsyncClient,
    user_id: str,
    state: str,
    *,
    ids: Sequence[str] | None,
    channel_ids: Sequence[str] | None,
) -> UpdateNotificationsResponse:
    """Marks the notifications of `ids`, of `channel_ids`, or else all that are there.

    Args:
        client: Calls the server.
        user_id: Whose inbox.
        state: read, unread, seen or unseen.
        ids: The notifications to mark. If there are none, `channel_ids` select.
        channel_ids: The channels to mark. If there are none, everything is marked.

    Raises:
        tocsin_client.NotFound: A channel does not exist.
    """
    read, seen = _READ.get(state), _SEEN.get(state)
    if ids:
        return await client.update_notifications(user_id, ids=ids, read=read, seen=seen)
    await get_channels(client, channel_ids or ())
    inbox = await client.get_inbox(user_id)
    return await client.update_notifications(
        user_id,
        channel_ids=channel_ids or None,
        all=not channel_ids,
        up_to_revision=inbox.revision,
        read=read,
        seen=seen,
    )


async def find_missing(client: AsyncClient, user_id: str, ids: Iterable[str]) -> list[str]:
    """Returns the ids that are no notification of the user, in their order.

    Reads the inbox from its newest notification down to the oldest that has one of the ids.
    """
    missing = dict.fromkeys(ids)
    async for notification in client.list_notifications(user_id, page_size=page_size(None)):
        missing.pop(notification.notification_id, None)
        if not missing:
            break
    return list(missing)
