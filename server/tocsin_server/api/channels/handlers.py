"""ChannelService."""

from tocsin.v1 import channel_service_pb2
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    CreateChannelResponse,
    DeleteChannelRequest,
    DeleteChannelResponse,
    GetChannelRequest,
    GetChannelResponse,
    ListChannelsRequest,
    ListChannelsResponse,
    UpdateChannelRequest,
    UpdateChannelResponse,
)

from tocsin_server.api.access import Access
from tocsin_server.api.channels import decode, encode
from tocsin_server.api.channels.rules import validate
from tocsin_server.api.methods import Method, Service
from tocsin_server.api.page_tokens import Listing
from tocsin_server.domain.channels import Channels
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.limits import page_size


class ChannelHandlers:
    """Serves `tocsin.v1.ChannelService`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def service(self) -> Service:
        """Returns the RPCs of the service, and who may call each."""
        return Service(
            channel_service_pb2.DESCRIPTOR.services_by_name["ChannelService"],
            {
                "CreateChannel": Method(self.create_channel, Access.OPEN),
                "GetChannel": Method(self.get_channel, Access.OPEN),
                "ListChannels": Method(self.list_channels, Access.OPEN),
                "UpdateChannel": Method(self.update_channel, Access.OPEN),
                "DeleteChannel": Method(self.delete_channel, Access.OPEN),
            },
        )

    async def create_channel(
        self, caller: Caller, request: CreateChannelRequest
    ) -> CreateChannelResponse:
        """Creates a channel."""
        validate(request)
        key = decode.create_key(caller, request)
        created = await self._channels.create(key, decode.channel(caller, request))
        return CreateChannelResponse(channel=encode.channel(created))

    async def get_channel(self, caller: Caller, request: GetChannelRequest) -> GetChannelResponse:
        """Reads one channel."""
        validate(request)
        channel = await self._channels.get(caller, request.channel_id)
        return GetChannelResponse(channel=encode.channel(channel))

    async def update_channel(
        self, caller: Caller, request: UpdateChannelRequest
    ) -> UpdateChannelResponse:
        """Changes fields of a channel."""
        validate(request)
        key = decode.update_key(caller, request)
        changed = await self._channels.update(key, decode.channel_update(caller, request))
        return UpdateChannelResponse(channel=encode.channel(changed))

    async def delete_channel(
        self, caller: Caller, request: DeleteChannelRequest
    ) -> DeleteChannelResponse:
        """Deletes a channel."""
        validate(request)
        key = decode.delete_key(caller, request)
        await self._channels.delete(key, request.channel_id, force=request.force)
        return DeleteChannelResponse()

    async def list_channels(
        self, caller: Caller, request: ListChannelsRequest
    ) -> ListChannelsResponse:
        """Lists the channels."""
        listing = Listing(caller, request, validate)
        page = await self._channels.list(caller, listing.after, page_size(request.page_size))
        return ListChannelsResponse(
            channels=map(encode.channel, page.items),
            next_page_token=listing.token(page.next),
        )
