"""InboxService."""

from collections.abc import AsyncIterator, Callable

from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    GetInboxResponse,
    ListInboxChannelsRequest,
    ListInboxChannelsResponse,
    ListNotificationsRequest,
    ListNotificationsResponse,
    SubscribeRequest,
    UpdateNotificationsRequest,
    UpdateNotificationsResponse,
)

from tocsin_server.api.access import caller
from tocsin_server.api.inboxes import decode, encode
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.api.page_tokens import Listing
from tocsin_server.api.rules import validate
from tocsin_server.api.splicing import field
from tocsin_server.domain.following import Follower
from tocsin_server.domain.inboxes import Inboxes
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import NotificationFilter
from tocsin_server.domain.model.limits import page_size
from tocsin_server.domain.model.streams import Subscription


class InboxServicer:
    """Serves `tocsin.v1.InboxService`; what carries messages is spliced."""

    def __init__(self, inboxes: Inboxes, follow: Callable[[Subscription], Follower]) -> None:
        self._inboxes = inboxes
        self._follow = follow

    async def Subscribe(self, request: SubscribeRequest, context: object) -> AsyncIterator[bytes]:
        """Follows an inbox."""
        validate(request)
        subscription = decode.subscription(caller.get(), request)
        encoder = InboxEncoder(subscription.key)
        follower = self._follow(subscription)
        try:
            while response := await follower.next():
                yield encoder.response(response)
        finally:
            follower.close()

    async def GetInbox(self, request: GetInboxRequest, context: object) -> GetInboxResponse:
        """Reads an inbox's revision and counters."""
        validate(request)
        inbox = await self._inboxes.get(InboxKey(caller.get().tenant, request.user_id))
        return GetInboxResponse(inbox=encode.inbox(inbox.key, inbox.revision, inbox.counters))

    async def ListNotifications(self, request: ListNotificationsRequest, context: object) -> bytes:
        """Lists notifications, latest arrival first."""
        listing = Listing(caller.get(), request)
        key = InboxKey(caller.get().tenant, request.user_id)
        page = await self._inboxes.list(
            key,
            tuple(dict.fromkeys(request.channel_ids)),
            NotificationFilter(request.filter or NotificationFilter.ALL),
            listing.after,
            page_size(request.page_size),
        )
        encoder = InboxEncoder(key)
        number = ListNotificationsResponse.NOTIFICATIONS_FIELD_NUMBER
        token = ListNotificationsResponse(next_page_token=listing.token(page.next))
        notifications = [field(number, encoder.notification(item)) for item in page.items]
        return b"".join((*notifications, token.SerializeToString()))

    async def ListInboxChannels(self, request: ListInboxChannelsRequest, context: object) -> bytes:
        """Lists an inbox's channels, latest arrival first."""
        listing = Listing(caller.get(), request)
        key = InboxKey(caller.get().tenant, request.user_id)
        page = await self._inboxes.list_channels(
            key,
            listing.after,
            page_size(request.page_size),
            unread_only=request.unread_only,
        )
        encoder = InboxEncoder(key)
        number = ListInboxChannelsResponse.INBOX_CHANNELS_FIELD_NUMBER
        token = ListInboxChannelsResponse(next_page_token=listing.token(page.next))
        channels = [field(number, encoder.inbox_channel(item)) for item in page.items]
        return b"".join((*channels, token.SerializeToString()))

    async def UpdateNotifications(
        self, request: UpdateNotificationsRequest, context: object
    ) -> UpdateNotificationsResponse:
        """Marks notifications."""
        validate(request)
        marking = decode.marking(caller.get(), request)
        marked = await self._inboxes.mark(marking)
        return UpdateNotificationsResponse(
            inbox=encode.inbox(marking.key, marked.revision, marked.counters),
            updated_count=marked.updated_count,
        )
