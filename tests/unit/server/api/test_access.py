from collections.abc import Iterable
from inspect import isasyncgenfunction
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tocsin_server.api.access import anonymous
from tocsin_server.api.channels.handlers import ChannelHandlers
from tocsin_server.api.inboxes.handlers import InboxHandlers
from tocsin_server.api.messages.handlers import MessageHandlers
from tocsin_server.api.methods import Service
from tocsin_server.domain.model.identity import Caller, Role
from tocsin_server.grpc_transport.server import GRPC_METHODS, GrpcServer

from tests.support.services import METHODS

GRPC_PROTOS = (health_pb2, reflection_pb2)
NOTHING: Any = None
SERVICES = [
    ChannelHandlers(NOTHING).service(),
    MessageHandlers(NOTHING).service(),
    InboxHandlers(NOTHING, NOTHING).service(),
]

# The asyncio servicer of grpcio-health-checking registers it, and does not implement it.
NOT_IMPLEMENTED = {"/grpc.health.v1.Health/List"}


@pytest.fixture
async def registered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The full names of all methods that are registered with gRPC's server."""
    names: set[str] = set()
    server_class: Any = type(grpc.aio.server())
    add = server_class.add_generic_rpc_handlers

    def note(server: object, handlers: Iterable[Any]) -> None:
        for handler in handlers:
            names.update(handler._method_handlers)
        add(server, handlers)

    monkeypatch.setattr(server_class, "add_generic_rpc_handlers", note)
    return names


async def test_a_server_registers_every_method_of_its_access_table_and_no_other(
    registered: set[str],
) -> None:
    server = GrpcServer(SERVICES)

    assert set(server.access) == registered - NOT_IMPLEMENTED


def test_the_tables_have_every_method_that_the_protos_define() -> None:
    declared = [(table.name, rpc) for table in SERVICES for rpc in table.methods]

    assert sorted(declared) == sorted((m.containing_service.full_name, m.name) for m in METHODS)


def test_the_table_of_grpc_has_every_method_that_its_packages_define() -> None:
    defined = {
        f"/{service.full_name}/{method.name}"
        for proto in GRPC_PROTOS
        for service in proto.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert set(GRPC_METHODS) == defined - NOT_IMPLEMENTED


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_serves_an_rpc_gives_a_stream_if_the_proto_says_so(service: Service) -> None:
    streamed = {rpc for rpc, method in service.methods.items() if isasyncgenfunction(method.call)}

    assert streamed == {rpc.name for rpc in service.descriptor.methods if rpc.server_streaming}


def test_a_caller_without_a_credential_may_do_everything_in_the_default_tenant() -> None:
    caller = anonymous("ipv4:127.0.0.1:1234")

    assert caller == Caller(
        "default", "anonymous", Role.ADMIN, channels=None, token_id="", peer="ipv4:127.0.0.1:1234"
    )
