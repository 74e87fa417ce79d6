"""Channels, encoded."""

from tocsin.v1 import channel_pb2

from tocsin_server.api.times import timestamp
from tocsin_server.domain.model.channels import Channel


def channel(stored: Channel) -> channel_pb2.Channel:
    """Returns a channel."""
    return channel_pb2.Channel(
        channel_id=stored.channel_id,
        type=channel_pb2.ChannelType.ValueType(stored.type),
        title=stored.title,
        description=stored.description,
        labels=stored.labels,
        etag=stored.etag,
        create_time=timestamp(stored.create_time),
        update_time=timestamp(stored.update_time),
    )
