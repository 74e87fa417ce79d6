from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tocsin.v1 import channel_service_pb2, inbox_service_pb2, message_service_pb2
from tocsin_server.api.access import ACCESS
from tocsin_server.api.channels.handlers import ChannelServicer
from tocsin_server.api.inboxes.handlers import InboxServicer
from tocsin_server.api.messages.handlers import MessageServicer
from tocsin_server.grpc_transport.server import GrpcServer

PROTOS = (
    channel_service_pb2,
    message_service_pb2,
    inbox_service_pb2,
    health_pb2,
    reflection_pb2,
)

# grpcio-health-checking has it from a version on that is newer than the oldest allowed.
NEWER = {"/grpc.health.v1.Health/List"}


@pytest.fixture
async def registered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The full names of all methods that a server registers, as grpc is told them."""
    names: set[str] = set()
    server_class: Any = type(grpc.aio.server())
    add = server_class.add_generic_rpc_handlers

    def note(server: object, handlers: Iterable[Any]) -> None:
        for handler in handlers:
            names.update(handler._method_handlers)
        add(server, handlers)

    monkeypatch.setattr(server_class, "add_generic_rpc_handlers", note)
    return names


async def test_the_table_says_who_may_call_every_method_and_no_other(registered: set[str]) -> None:
    nothing: Any = None

    GrpcServer(ChannelServicer(nothing), MessageServicer(nothing), InboxServicer(nothing, nothing))

    assert set(ACCESS) == registered | NEWER


def test_the_table_has_every_method_that_the_protos_define() -> None:
    defined = {
        f"/{service.full_name}/{method.name}"
        for proto in PROTOS
        for service in proto.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert set(ACCESS) == defined | NEWER
