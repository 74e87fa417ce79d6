"""Update masks of channels, as AIP-134 has them."""

from collections.abc import Collection

from tocsin.v1.channel_service_pb2 import UpdateChannelRequest

CHANGEABLE = ("title", "description", "labels")
"""The fields of a channel that an update may change."""


def updated_fields(request: UpdateChannelRequest) -> Collection[str]:
    """Returns the fields that a request changes: those of its mask, or those that are set."""
    paths = request.update_mask.paths
    if "*" in paths:
        return CHANGEABLE
    return list(paths) or [name for name in CHANGEABLE if getattr(request.channel, name)]
