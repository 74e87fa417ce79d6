"""The Python client of Tocsin.

Beside its own names it has the messages and enumerations of `tocsin.v1` that its methods take and
return.

Names are imported when they are first used: importing gRPC takes longer than everything else that
the command line does for `tocsin --help`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.v1.channel_pb2 import Channel
    from tocsin.v1.inbox_pb2 import (
        ChannelCounters,
        Inbox,
        InboxChannel,
        Mark,
        Notification,
        NotificationChange,
        NotificationFilter,
        NotificationSelector,
    )
    from tocsin.v1.inbox_service_pb2 import SubscribePhase, UpdateNotificationsResponse
    from tocsin.v1.item_error_pb2 import ItemError
    from tocsin.v1.message_pb2 import ContentFormat, Message, Severity
    from tocsin.v1.message_service_pb2 import (
        BatchSendResult,
        SendMessageRequest,
        SendMessageResponse,
    )

    from tocsin_client._async_client import AsyncClient
    from tocsin_client._async_live_inbox import AsyncLiveInbox
    from tocsin_client._async_subscription import AsyncSubscription
    from tocsin_client._client import Client
    from tocsin_client._cursors import CursorStore, FileCursorStore, MemoryCursorStore
    from tocsin_client._data import data_to_dict
    from tocsin_client._errors import (
        Aborted,
        AlreadyExists,
        CallError,
        ContiguityError,
        DeadlineExceeded,
        FailedPrecondition,
        Internal,
        InvalidArgument,
        NotFound,
        PermissionDenied,
        ResourceExhausted,
        TocsinError,
        Unauthenticated,
        Unavailable,
        Violation,
    )
    from tocsin_client._live_inbox import LiveInbox
    from tocsin_client._mark_options import LiveMarkOptions, MarkOptions
    from tocsin_client._progress import InboxUpdate
    from tocsin_client._replica import InboxChange
    from tocsin_client._requests import make_send_request
    from tocsin_client._subscription import Subscription
    from tocsin_client._view import InboxView

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncLiveInbox",
    "AsyncSubscription",
    "BatchSendResult",
    "CallError",
    "Channel",
    "ChannelCounters",
    "Client",
    "ContentFormat",
    "ContiguityError",
    "CursorStore",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FileCursorStore",
    "Inbox",
    "InboxChange",
    "InboxChannel",
    "InboxUpdate",
    "InboxView",
    "Internal",
    "InvalidArgument",
    "ItemError",
    "LiveInbox",
    "LiveMarkOptions",
    "Mark",
    "MarkOptions",
    "MemoryCursorStore",
    "Message",
    "NotFound",
    "Notification",
    "NotificationChange",
    "NotificationFilter",
    "NotificationSelector",
    "PermissionDenied",
    "ResourceExhausted",
    "SendMessageRequest",
    "SendMessageResponse",
    "Severity",
    "SubscribePhase",
    "Subscription",
    "TocsinError",
    "Unauthenticated",
    "Unavailable",
    "UpdateNotificationsResponse",
    "Violation",
    "data_to_dict",
    "make_send_request",
]

# The module of each name.
_MODULES = {
    "Aborted": "tocsin_client._errors",
    "AlreadyExists": "tocsin_client._errors",
    "AsyncClient": "tocsin_client._async_client",
    "AsyncLiveInbox": "tocsin_client._async_live_inbox",
    "AsyncSubscription": "tocsin_client._async_subscription",
    "BatchSendResult": "tocsin.v1.message_service_pb2",
    "CallError": "tocsin_client._errors",
    "Channel": "tocsin.v1.channel_pb2",
    "ChannelCounters": "tocsin.v1.inbox_pb2",
    "Client": "tocsin_client._client",
    "ContentFormat": "tocsin.v1.message_pb2",
    "ContiguityError": "tocsin_client._errors",
    "CursorStore": "tocsin_client._cursors",
    "DeadlineExceeded": "tocsin_client._errors",
    "FailedPrecondition": "tocsin_client._errors",
    "FileCursorStore": "tocsin_client._cursors",
    "Inbox": "tocsin.v1.inbox_pb2",
    "InboxChange": "tocsin_client._replica",
    "InboxChannel": "tocsin.v1.inbox_pb2",
    "InboxUpdate": "tocsin_client._progress",
    "InboxView": "tocsin_client._view",
    "Internal": "tocsin_client._errors",
    "InvalidArgument": "tocsin_client._errors",
    "ItemError": "tocsin.v1.item_error_pb2",
    "LiveInbox": "tocsin_client._live_inbox",
    "LiveMarkOptions": "tocsin_client._mark_options",
    "Mark": "tocsin.v1.inbox_pb2",
    "MarkOptions": "tocsin_client._mark_options",
    "MemoryCursorStore": "tocsin_client._cursors",
    "Message": "tocsin.v1.message_pb2",
    "NotFound": "tocsin_client._errors",
    "Notification": "tocsin.v1.inbox_pb2",
    "NotificationChange": "tocsin.v1.inbox_pb2",
    "NotificationFilter": "tocsin.v1.inbox_pb2",
    "NotificationSelector": "tocsin.v1.inbox_pb2",
    "PermissionDenied": "tocsin_client._errors",
    "ResourceExhausted": "tocsin_client._errors",
    "SendMessageRequest": "tocsin.v1.message_service_pb2",
    "SendMessageResponse": "tocsin.v1.message_service_pb2",
    "Severity": "tocsin.v1.message_pb2",
    "SubscribePhase": "tocsin.v1.inbox_service_pb2",
    "Subscription": "tocsin_client._subscription",
    "TocsinError": "tocsin_client._errors",
    "Unauthenticated": "tocsin_client._errors",
    "Unavailable": "tocsin_client._errors",
    "UpdateNotificationsResponse": "tocsin.v1.inbox_service_pb2",
    "Violation": "tocsin_client._errors",
    "data_to_dict": "tocsin_client._data",
    "make_send_request": "tocsin_client._requests",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The next use finds it here.
    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
