"""Requests about channels, as what the domain is asked. They have passed validation."""

from tocsin.v1 import channel_pb2
from tocsin.v1.channel_service_pb2 import CreateChannelRequest, UpdateChannelRequest

from tocsin_server.api.channels.masks import updated_fields
from tocsin_server.domain.model.channels import Channel, ChannelType, ChannelUpdate
from tocsin_server.domain.model.identity import Caller


def channel(caller: Caller, request: CreateChannelRequest) -> Channel:
    """Returns the channel to create."""
    asked = request.channel
    return Channel(
        tenant=caller.tenant,
        channel_id=asked.channel_id,
        type=ChannelType(asked.type or channel_pb2.CHANNEL_TYPE_IN_APP),
        title=asked.title,
        description=asked.description,
        labels=dict(asked.labels),
    )


def channel_update(caller: Caller, request: UpdateChannelRequest) -> ChannelUpdate:
    """Returns the update of a channel that is asked for."""
    asked = request.channel
    names = updated_fields(request)
    return ChannelUpdate(
        tenant=caller.tenant,
        channel_id=asked.channel_id,
        etag=asked.etag,
        title=asked.title if "title" in names else None,
        description=asked.description if "description" in names else None,
        labels=dict(asked.labels) if "labels" in names else None,
    )
