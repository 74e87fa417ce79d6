"""Calls of bytes: requests and responses as they are on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc


def unary(
    channel: grpc.aio.Channel, path: str, body: bytes
) -> grpc.aio.UnaryUnaryCall[bytes, bytes]:
    """Calls a method that gives one response. Example of a path: "/package.Service/Method"."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method(body)


def stream(
    channel: grpc.aio.Channel, path: str, body: bytes
) -> grpc.aio.UnaryStreamCall[bytes, bytes]:
    """Calls a method that gives a stream of responses."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
    return method(body)


def exchange(
    channel: grpc.aio.Channel, path: str, bodies: Iterable[bytes]
) -> grpc.aio.StreamStreamCall[bytes, bytes]:
    """Calls a method that takes a stream of requests and gives one of responses."""
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
    return method(iter(bodies))
