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

from tocsin_server.api.access import caller
from tocsin_server.api.channels import decode, encode
from tocsin_server.api.idempotency import request_key
from tocsin_server.api.page_tokens import Listing
from tocsin_server.api.rules import validate
from tocsin_server.domain.channels import Channels
from tocsin_server.domain.model.limits import page_size


class ChannelServicer(ChannelServiceServicer):
    """Serves `tocsin.v1.ChannelService`."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def CreateChannel(
        self, request: CreateChannelRequest, context: object
    ) -> CreateChannelResponse:
        """Creates a channel."""
        validate(request)
        key = request_key(caller.get(), "CreateChannel", request, request.request_id)
        created = await self._channels.create(key, decode.channel(caller.get(), request))
        return CreateChannelResponse(channel=encode.channel(created))

    async def GetChannel(self, request: GetChannelRequest, context: object) -> GetChannelResponse:
        """Reads one channel."""
        validate(request)
        channel = await self._channels.get(caller.get(), request.channel_id)
        return GetChannelResponse(channel=encode.channel(channel))

    async def UpdateChannel(
        self, request: UpdateChannelRequest, context: object
    ) -> UpdateChannelResponse:
        """Changes fields of a channel."""
        validate(request)
        key = request_key(caller.get(), "UpdateChannel", request, request.request_id)
        changed = await self._channels.update(key, decode.channel_update(caller.get(), request))
        return UpdateChannelResponse(channel=encode.channel(changed))

    async def DeleteChannel(
        self, request: DeleteChannelRequest, context: object
    ) -> DeleteChannelResponse:
        """Deletes a channel."""
        validate(request)
        key = request_key(caller.get(), "DeleteChannel", request, request.request_id)
        await self._channels.delete(key, request.channel_id, force=request.force)
        return DeleteChannelResponse()

    async def ListChannels(
        self, request: ListChannelsRequest, context: object
    ) -> ListChannelsResponse:
        """Lists the channels."""
        listing = Listing(caller.get(), request)
        page = await self._channels.list(caller.get(), listing.after, page_size(request.page_size))
        return ListChannelsResponse(
            channels=map(encode.channel, page.items),
            next_page_token=listing.token(page.next),
        )
