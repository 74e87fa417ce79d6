"""The Python client of Tocsin."""

from tocsin_client._async_client import AsyncClient
from tocsin_client._errors import (
    AlreadyExists,
    CallError,
    ContiguityError,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    TocsinError,
    Unauthenticated,
    Unavailable,
    Violation,
)
from tocsin_client._requests import make_send_request
from tocsin_client._resuming import InboxUpdate
from tocsin_client._subscribing import AsyncSubscription

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "AsyncSubscription",
    "CallError",
    "ContiguityError",
    "DeadlineExceeded",
    "InboxUpdate",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "TocsinError",
    "Unauthenticated",
    "Unavailable",
    "Violation",
    "make_send_request",
]
