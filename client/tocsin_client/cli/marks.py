"""Marks notifications as a person asks for it, who saw nothing that comes later."""

from collections.abc import Mapping, Sequence

from tocsin_client import AsyncClient, UpdateNotificationsResponse
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
        ids: These; the others may be None or empty, and so may these.
        channel_ids: Those of these channels.

    Raises:
        tocsin_client.NotFound: One of the channels is none.
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
