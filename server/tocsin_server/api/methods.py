"""Methods: what a transport must know about the RPCs of a service to serve them.

The handlers of a service give one table, a `Service`: what serves each RPC, and
who may call it. Everything else, such as the request of an RPC, is in its proto.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message as ProtoMessage

from tocsin_server.api.access import Access
from tocsin_server.domain.model.identity import Caller

Response = ProtoMessage | bytes
"""A response message, or its encoding where stored messages are spliced in."""

Call = (
    Callable[[Caller, Any], Awaitable[Response]] | Callable[[Caller, Any], AsyncIterator[Response]]
)
"""Serves a request: with one response, or with an iterator if the RPC streams its responses."""


@dataclass(frozen=True, slots=True)
class Method:
    """What serves an RPC, and who may call it."""

    call: Call
    access: Access


@dataclass(frozen=True, slots=True)
class Service:
    """The table of a service: its descriptor, and a method for each RPC's name."""

    descriptor: ServiceDescriptor
    methods: Mapping[str, Method]

    @property
    def name(self) -> str:
        """The full name: `package.Service`."""
        return self.descriptor.full_name
