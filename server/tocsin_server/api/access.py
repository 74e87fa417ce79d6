"""Who may call which method: the one table of it, complete by a test."""

from collections.abc import Mapping
from contextvars import ContextVar
from enum import Enum

from tocsin_server.domain.model.identity import Caller


class Access(Enum):
    """Who may call a method."""

    OPEN = "anybody who reaches the server"


ACCESS: Mapping[str, Access] = {
    "/tocsin.v1.ChannelService/CreateChannel": Access.OPEN,
    "/tocsin.v1.ChannelService/GetChannel": Access.OPEN,
    "/tocsin.v1.ChannelService/ListChannels": Access.OPEN,
    "/tocsin.v1.ChannelService/UpdateChannel": Access.OPEN,
    "/tocsin.v1.ChannelService/DeleteChannel": Access.OPEN,
    "/tocsin.v1.MessageService/SendMessage": Access.OPEN,
    "/tocsin.v1.MessageService/BatchSendMessages": Access.OPEN,
    "/tocsin.v1.MessageService/GetMessage": Access.OPEN,
    "/tocsin.v1.MessageService/ListMessages": Access.OPEN,
    "/tocsin.v1.InboxService/Subscribe": Access.OPEN,
    "/tocsin.v1.InboxService/GetInbox": Access.OPEN,
    "/tocsin.v1.InboxService/ListNotifications": Access.OPEN,
    "/tocsin.v1.InboxService/ListInboxChannels": Access.OPEN,
    "/tocsin.v1.InboxService/UpdateNotifications": Access.OPEN,
    "/grpc.health.v1.Health/Check": Access.OPEN,
    "/grpc.health.v1.Health/List": Access.OPEN,
    "/grpc.health.v1.Health/Watch": Access.OPEN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Access.OPEN,
}

ANONYMOUS = Caller(tenant="default", name="anonymous")
"""Whoever calls without a credential."""

caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)
"""Who makes the call that is being handled."""
