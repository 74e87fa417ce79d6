"""Update masks: which fields of a resource a request changes, as AIP-134 has it."""

from collections.abc import Collection, Mapping, Sequence

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import UpdateChannelRequest

CHANGEABLE: Mapping[type[ProtoMessage], Sequence[str]] = {
    Channel: ("title", "description", "labels"),
}
"""The fields of each resource that an update may change."""


def updated_fields(request: UpdateChannelRequest) -> Collection[str]:
    """Returns the fields that a request changes: those of its mask, or those that are set."""
    names = CHANGEABLE[Channel]
    paths = request.update_mask.paths
    if "*" in paths:
        return names
    return list(paths) or [name for name in names if getattr(request.channel, name)]
