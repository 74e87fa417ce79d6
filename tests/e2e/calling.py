"""Calls to a server that may go away at any moment."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

CALL_SECONDS = 60.0

INTERRUPTED = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    # gRPC's own answer to calls that a server which stops has not begun.
    grpc.StatusCode.CANCELLED,
}
"""How a server that goes away ends calls: it is unknown whether a send was committed."""

_OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 200),
]

T = TypeVar("T")


def connect(target: str) -> grpc.aio.Channel:
    """A connection of its own, which comes back soon and repeats nothing by itself."""
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


async def until_known(attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeats a call, with the same request ids, until its outcome is known."""
    while True:
        try:
            return await attempt()
        except grpc.aio.AioRpcError as error:
            if error.code() not in INTERRUPTED:
                raise
