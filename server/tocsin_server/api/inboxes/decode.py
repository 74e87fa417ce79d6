"""Requests about inboxes, as the domain takes them. They have passed validation."""

from tocsin.v1.inbox_service_pb2 import (
    ListInboxChannelsRequest,
    ListNotificationsRequest,
    SubscribeRequest,
    UpdateNotificationsRequest,
)

from tocsin_server.api.idempotency import request_key, texts_meaning
from tocsin_server.api.inboxes.notification_ids import messages_of
from tocsin_server.api.splicing import optional
from tocsin_server.domain.model.cursors import Cursor
from tocsin_server.domain.model.identity import Caller, InboxKey
from tocsin_server.domain.model.inboxes import (
    InboxChannelQuery,
    NotificationFilter,
    NotificationQuery,
)
from tocsin_server.domain.model.limits import HEARTBEAT_SECONDS, page_size, snapshot_size
from tocsin_server.domain.model.marking import Effect, Marking, Selection
from tocsin_server.domain.model.streams import Subscription


def marking(caller: Caller, request: UpdateNotificationsRequest) -> Marking:
    """Returns the marking that is requested; ids that are not the inbox's are left out.

    It means the inbox, what it selects, and what it makes of the notifications.
    """
    key = InboxKey(caller.tenant, request.user_id)
    selector = request.selector
    chosen = selector.WhichOneof("target")
    message_ids = channel_ids = None
    if chosen == "ids":
        message_ids = tuple(messages_of(key, selector.ids.notification_ids))
    elif chosen == "channel_ids":
        channel_ids = tuple(dict.fromkeys(selector.channel_ids.channel_ids))
    read, seen = optional(request, "read"), optional(request, "seen")

    def meaning() -> bytes:
        head = (
            request.user_id,
            chosen or "",
            Effect.of(read, seen).name,
            str(selector.up_to_revision),
        )
        return "\0".join(head).encode() + b"\0" + texts_meaning(message_ids or channel_ids or ())

    return Marking(
        request_key(caller, "UpdateNotifications", request.request_id, meaning),
        key,
        Selection(message_ids, channel_ids, selector.up_to_revision),
        read,
        seen,
    )


def notification_query(
    key: InboxKey, request: ListNotificationsRequest, after: str
) -> NotificationQuery:
    """Returns which page of an inbox's notifications is requested."""
    return NotificationQuery(
        key,
        page_size(request.page_size),
        after,
        channel_ids=tuple(dict.fromkeys(request.channel_ids)),
        which=NotificationFilter(request.filter or NotificationFilter.ALL),
    )


def inbox_channel_query(
    key: InboxKey, request: ListInboxChannelsRequest, after: str
) -> InboxChannelQuery:
    """Returns which page of an inbox's channels is requested."""
    limit = page_size(request.page_size)
    return InboxChannelQuery(key, limit, after, unread_only=request.unread_only)


def subscription(caller: Caller, request: SubscribeRequest) -> Subscription:
    """Returns the subscription that is requested."""
    interval = request.heartbeat_interval
    return Subscription(
        key=InboxKey(caller.tenant, request.user_id),
        cursor=Cursor.parse(request.cursor) if request.cursor else None,
        snapshot_size=snapshot_size(request.snapshot_size),
        heartbeat_interval=interval.seconds + interval.nanos / 1e9 or HEARTBEAT_SECONDS,
    )
