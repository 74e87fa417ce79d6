"""Requests about channels, as the domain takes them. They have passed validation."""

from tocsin.v1 import channel_pb2
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    DeleteChannelRequest,
    UpdateChannelRequest,
)

from tocsin_server.api.channels.masks import updated_fields
from tocsin_server.api.idempotency import meaning_of, request_key
from tocsin_server.domain.model.channels import Channel, ChannelType, ChannelUpdate
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import Caller


def channel(caller: Caller, request: CreateChannelRequest) -> Channel:
    """Returns the channel to create."""
    requested = request.channel
    return Channel(
        tenant=caller.tenant,
        channel_id=requested.channel_id,
        type=ChannelType(requested.type or channel_pb2.CHANNEL_TYPE_IN_APP),
        title=requested.title,
        description=requested.description,
        labels=dict(requested.labels),
    )


def create_key(caller: Caller, request: CreateChannelRequest) -> RequestKey:
    """Returns the key of a creation: it means the fields that the caller sets."""
    requested = request.channel

    def meaning() -> bytes:
        return meaning_of(
            channel_pb2.Channel(
                channel_id=requested.channel_id,
                type=requested.type or channel_pb2.CHANNEL_TYPE_IN_APP,
                title=requested.title,
                description=requested.description,
                labels=requested.labels,
            )
        )

    return request_key(caller, "CreateChannel", request.request_id, meaning)


def update_key(caller: Caller, request: UpdateChannelRequest) -> RequestKey:
    """Returns the key of an update: it means the fields that change, and their values."""
    requested = request.channel

    def meaning() -> bytes:
        names = sorted(set(updated_fields(request)))
        canonical = UpdateChannelRequest()
        canonical.channel.channel_id = requested.channel_id
        canonical.channel.etag = requested.etag
        canonical.update_mask.paths.extend(names)
        canonical.update_mask.MergeMessage(requested, canonical.channel)
        return meaning_of(canonical)

    return request_key(caller, "UpdateChannel", request.request_id, meaning)


def delete_key(caller: Caller, request: DeleteChannelRequest) -> RequestKey:
    """Returns the key of a deletion: it means the channel, and whether it is forced."""

    def meaning() -> bytes:
        return meaning_of(DeleteChannelRequest(channel_id=request.channel_id, force=request.force))

    return request_key(caller, "DeleteChannel", request.request_id, meaning)


def channel_update(caller: Caller, request: UpdateChannelRequest) -> ChannelUpdate:
    """Returns the update of a channel that is requested."""
    requested = request.channel
    names = updated_fields(request)
    return ChannelUpdate(
        tenant=caller.tenant,
        channel_id=requested.channel_id,
        etag=requested.etag,
        title=requested.title if "title" in names else None,
        description=requested.description if "description" in names else None,
        labels=dict(requested.labels) if "labels" in names else None,
    )
