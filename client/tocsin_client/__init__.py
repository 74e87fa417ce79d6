"""The Python client of Tocsin.

Its names are imported when they are first used: importing gRPC takes longer than all that the
command line has to do for `tocsin --help`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin_client._async_client import AsyncClient
    from tocsin_client._async_live_inbox import AsyncLiveInbox
    from tocsin_client._client import Client
    from tocsin_client._cursors import CursorStore, FileCursorStore, MemoryCursorStore
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
    from tocsin_client._holding import InboxChange
    from tocsin_client._live_inbox import LiveInbox
    from tocsin_client._requests import make_send_request
    from tocsin_client._resuming import InboxUpdate
    from tocsin_client._subscribing import AsyncSubscription
    from tocsin_client._subscription import Subscription
    from tocsin_client._view import InboxView

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncLiveInbox",
    "AsyncSubscription",
    "CallError",
    "Client",
    "ContiguityError",
    "CursorStore",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FileCursorStore",
    "InboxChange",
    "InboxUpdate",
    "InboxView",
    "Internal",
    "InvalidArgument",
    "LiveInbox",
    "MemoryCursorStore",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "Subscription",
    "TocsinError",
    "Unauthenticated",
    "Unavailable",
    "Violation",
    "make_send_request",
]

# Whatever is not listed is an error.
_MODULES = {
    "AsyncClient": "_async_client",
    "AsyncLiveInbox": "_async_live_inbox",
    "AsyncSubscription": "_subscribing",
    "Client": "_client",
    "CursorStore": "_cursors",
    "FileCursorStore": "_cursors",
    "InboxChange": "_holding",
    "InboxUpdate": "_resuming",
    "InboxView": "_view",
    "LiveInbox": "_live_inbox",
    "MemoryCursorStore": "_cursors",
    "Subscription": "_subscription",
    "make_send_request": "_requests",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, '_errors')}")
    # The next use finds it here.
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
