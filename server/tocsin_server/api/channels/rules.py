"""What requests about channels must look like."""

from typing import cast

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1 import channel_pb2
from tocsin.v1 import channel_service_pb2 as channel_service

from tocsin_server.api.channels.masks import CHANGEABLE, updated_fields
from tocsin_server.api.rules import (
    CHANNEL_ID,
    PAGE_SIZE,
    REQUEST_ID,
    FieldRules,
    Found,
    Table,
    known,
    labels,
    present,
    text,
    validator,
)
from tocsin_server.domain.model import limits
from tocsin_server.domain.model.errors import Violation


def mask(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """Which fields of a channel to change, and their new values."""
    request = cast("channel_service.UpdateChannelRequest", message)
    paths = request.update_mask.paths
    if len(paths) > limits.MASK_PATHS:
        found.append(
            Violation(path + name, f"has {len(paths):,} paths; {limits.MASK_PATHS} is the limit")
        )
        return
    for wrong in sorted({*paths} - {*CHANGEABLE, "*"}):
        found.append(
            Violation(
                path + name,
                f"has {wrong[:64]!r}; {', '.join(CHANGEABLE)} and * are what it may have",
            )
        )
    names = updated_fields(request)
    for field, rule in _CHANNEL:
        if field == "channel_id" or (field in CHANGEABLE and field in names):
            rule(request.channel, field, f"{path}channel.", found)


_CHANNEL: FieldRules = (
    ("channel_id", CHANNEL_ID),
    ("type", known(channel_pb2.ChannelType)),
    ("title", text(limits.TITLE_CHARACTERS, required=True)),
    ("description", text(limits.DESCRIPTION_CHARACTERS)),
    ("labels", labels),
)

RULES: Table = {
    channel_service.CreateChannelRequest: (("channel", present(_CHANNEL)), REQUEST_ID),
    channel_service.UpdateChannelRequest: (("update_mask", mask), REQUEST_ID),
    channel_service.DeleteChannelRequest: (("channel_id", CHANNEL_ID), REQUEST_ID),
    channel_service.GetChannelRequest: (("channel_id", CHANNEL_ID),),
    channel_service.ListChannelsRequest: (PAGE_SIZE,),
}

validate = validator(RULES)
