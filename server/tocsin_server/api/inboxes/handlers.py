"""InboxService."""

from collections.abc import AsyncIterator, Callable

from tocsin.v1 import inbox_service_pb2
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

from tocsin_server.api.access import Access
from tocsin_server.api.inboxes import decode, encode
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.api.inboxes.rules import validate
from tocsin_server.api.methods import Method, Service
from tocsin_server.api.page_tokens import Listing
from tocsin_server.api.splicing import field
from tocsin_server.domain.following import Follower
from tocsin_server.domain.inboxes import Inboxes
from tocsin_server.domain.model.identity import Caller, InboxKey
from tocsin_server.domain.model.streams import Subscription


class InboxHandlers:
    """Serves `tocsin.v1.InboxService`; responses that carry messages are spliced."""

    def __init__(self, inboxes: Inboxes, follow: Callable[[Subscription], Follower]) -> None:
        self._inboxes = inboxes
        self._follow = follow

    def service(self) -> Service:
        """Returns the RPCs of the service, and who may call each."""
        return Service(
            inbox_service_pb2.DESCRIPTOR.services_by_name["InboxService"],
            {
                "Subscribe": Method(self.subscribe, Access.OPEN),
                "GetInbox": Method(self.get_inbox, Access.OPEN),
                "ListNotifications": Method(self.list_notifications, Access.OPEN),
                "ListInboxChannels": Method(self.list_inbox_channels, Access.OPEN),
                "UpdateNotifications": Method(self.update_notifications, Access.OPEN),
            },
        )

    async def subscribe(self, caller: Caller, request: SubscribeRequest) -> AsyncIterator[bytes]:
        """Follows an inbox."""
        validate(request)
        subscription = decode.subscription(caller, request)
        # Thousands of streams are idle: none holds its request or its last response meanwhile.
        del request
        encoder = InboxEncoder(subscription.key)
        follower = self._follow(subscription)
        try:
            while response := await follower.next():
                yield encoder.response(response)
                del response
        finally:
            follower.close()

    async def get_inbox(self, caller: Caller, request: GetInboxRequest) -> GetInboxResponse:
        """Reads an inbox's revision and counters."""
        validate(request)
        inbox = await self._inboxes.get(InboxKey(caller.tenant, request.user_id))
        return GetInboxResponse(inbox=encode.inbox(inbox.key, inbox.revision, inbox.counters))

    async def list_notifications(self, caller: Caller, request: ListNotificationsRequest) -> bytes:
        """Lists notifications, latest arrival first."""
        listing = Listing(caller, request, validate)
        key = InboxKey(caller.tenant, request.user_id)
        page = await self._inboxes.list(decode.notification_query(key, request, listing.after))
        encoder = InboxEncoder(key)
        number = ListNotificationsResponse.NOTIFICATIONS_FIELD_NUMBER
        token = ListNotificationsResponse(next_page_token=listing.token(page.next))
        notifications = [field(number, encoder.notification(item)) for item in page.items]
        return b"".join((*notifications, token.SerializeToString()))

    async def list_inbox_channels(self, caller: Caller, request: ListInboxChannelsRequest) -> bytes:
        """Lists an inbox's channels, latest arrival first."""
        listing = Listing(caller, request, validate)
        key = InboxKey(caller.tenant, request.user_id)
        query = decode.inbox_channel_query(key, request, listing.after)
        page = await self._inboxes.list_channels(query)
        encoder = InboxEncoder(key)
        number = ListInboxChannelsResponse.INBOX_CHANNELS_FIELD_NUMBER
        token = ListInboxChannelsResponse(next_page_token=listing.token(page.next))
        channels = [field(number, encoder.inbox_channel(item)) for item in page.items]
        return b"".join((*channels, token.SerializeToString()))

    async def update_notifications(
        self, caller: Caller, request: UpdateNotificationsRequest
    ) -> UpdateNotificationsResponse:
        """Marks notifications."""
        validate(request)
        marking = decode.marking(caller, request)
        marked = await self._inboxes.mark(marking)
        return UpdateNotificationsResponse(
            inbox=encode.inbox(marking.key, marked.revision, marked.counters),
            updated_count=marked.updated_count,
        )
