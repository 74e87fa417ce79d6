"""Methods: what a transport must know about an RPC to serve it.

Each service declares its RPCs in one table, a `Service`. Bound to the handlers
that serve it, the table is all that a transport needs: it registers every
method, parses the request, and calls the method with the caller.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.api.access import Access
from tocsin_server.domain.model.identity import Caller

H = TypeVar("H")

Response = ProtoMessage | bytes
"""A response message, or its encoding where stored messages are spliced in."""


@dataclass(frozen=True, slots=True)
class UnaryMethod(Generic[H]):
    """An RPC with one response: its request, the method of the handlers, who may call it."""

    request: type[ProtoMessage]
    call: Callable[[H, Caller, Any], Awaitable[Response]]
    access: Access


@dataclass(frozen=True, slots=True)
class StreamMethod(Generic[H]):
    """An RPC with a stream of responses; the fields are those of `UnaryMethod`."""

    request: type[ProtoMessage]
    call: Callable[[H, Caller, Any], AsyncIterator[Response]]
    access: Access


@dataclass(frozen=True, slots=True)
class UnaryEndpoint:
    """An RPC with one response, bound to the handlers that serve it."""

    request: type[ProtoMessage]
    call: Callable[[Caller, Any], Awaitable[Response]]
    access: Access


@dataclass(frozen=True, slots=True)
class StreamEndpoint:
    """An RPC with a stream of responses, bound to the handlers that serve it."""

    request: type[ProtoMessage]
    call: Callable[[Caller, Any], AsyncIterator[Response]]
    access: Access


@dataclass(frozen=True, slots=True)
class BoundService:
    """A service that handlers serve: its full name, and an endpoint for each RPC's name."""

    name: str
    endpoints: Mapping[str, UnaryEndpoint | StreamEndpoint]


@dataclass(frozen=True, slots=True)
class Service(Generic[H]):
    """The table of a service: its full name, and a method for each RPC's name."""

    name: str
    methods: Mapping[str, UnaryMethod[H] | StreamMethod[H]]

    def bind(self, handlers: H) -> BoundService:
        """Returns the service as `handlers` serve it."""
        return BoundService(
            self.name,
            {rpc: _endpoint(method, handlers) for rpc, method in self.methods.items()},
        )


def _endpoint(
    method: UnaryMethod[H] | StreamMethod[H], handlers: H
) -> UnaryEndpoint | StreamEndpoint:
    if isinstance(method, StreamMethod):
        return StreamEndpoint(method.request, partial(method.call, handlers), method.access)
    return UnaryEndpoint(method.request, partial(method.call, handlers), method.access)
