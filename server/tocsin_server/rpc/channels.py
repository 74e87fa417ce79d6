"""ChannelService."""

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
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceServicer

from tocsin_server.domain.channels import Channel, Channels
from tocsin_server.domain.limits import page_size
from tocsin_server.rpc import requests, responses
from tocsin_server.rpc.access import caller
from tocsin_server.rpc.edge import Context
from tocsin_server.rpc.listing import Listing
from tocsin_server.rpc.validation import validate


class ChannelServicer(ChannelServiceServicer):
    """Serves `tocsin.v1.ChannelService`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def CreateChannel(
        self, request: CreateChannelRequest, context: Context
    ) -> CreateChannelResponse:
        """Creates a channel."""
        validate(request)
        key = requests.request_key(caller.get(), "CreateChannel", request, request.request_id)
        created = await self._channels.create(key, requests.channel(caller.get(), request))
        return CreateChannelResponse(channel=responses.channel(created))

    async def GetChannel(self, request: GetChannelRequest, context: Context) -> GetChannelResponse:
        """Reads one channel."""
        validate(request)
        channel = await self._channels.get(caller.get(), request.channel_id)
        return GetChannelResponse(channel=responses.channel(channel))

    async def UpdateChannel(
        self, request: UpdateChannelRequest, context: Context
    ) -> UpdateChannelResponse:
        """Changes fields of a channel."""
        validate(request)
        key = requests.request_key(caller.get(), "UpdateChannel", request, request.request_id)
        changed = await self._channels.update(key, requests.channel_update(caller.get(), request))
        return UpdateChannelResponse(channel=responses.channel(changed))

    async def DeleteChannel(
        self, request: DeleteChannelRequest, context: Context
    ) -> DeleteChannelResponse:
        """Deletes a channel."""
        validate(request)
        key = requests.request_key(caller.get(), "DeleteChannel", request, request.request_id)
        await self._channels.delete(key, request.channel_id, force=request.force)
        return DeleteChannelResponse()

    async def ListChannels(
        self, request: ListChannelsRequest, context: Context
    ) -> ListChannelsResponse:
        """Lists the channels."""
        listing: Listing[Channel] = Listing(
            caller.get(), request, [str], lambda channel: [channel.channel_id]
        )
        after = str(listing.after[0]) if listing.after else ""
        page = await self._channels.list(caller.get(), after, page_size(request.page_size))
        return ListChannelsResponse(
            channels=map(responses.channel, page.items),
            next_page_token=listing.next_page_token(page),
        )
