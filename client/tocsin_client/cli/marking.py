"""Marks notifications as a person asks for it, who saw nothing that comes later."""

from collections.abc import Mapping, Sequence

from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse

from tocsin_client import AsyncClient

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
    """
    read, seen = _READ.get(state), _SEEN.get(state)
    if ids:
        return await client.update_notifications(user_id, ids=ids, read=read, seen=seen)
    inbox = await client.get_inbox(user_id)
    if not inbox.revision:
        # There is nothing; up to revision 0 would be whatever has come by the commit.
        return UpdateNotificationsResponse(inbox=inbox)
    return await client.update_notifications(
        user_id,
        channel_ids=channel_ids or None,
        all=not channel_ids,
        up_to_revision=inbox.revision,
        read=read,
        seen=seen,
    )
