"""The gRPC server: its options, its services, its start and its stop."""

from asyncio import timeout, to_thread
from collections.abc import Mapping, Sequence
from logging import getLogger

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from tocsin_server.api.access import Access
from tocsin_server.api.methods import Service
from tocsin_server.domain.model.limits import REQUEST_BYTES
from tocsin_server.grpc_transport.address import CannotListen, resolve
from tocsin_server.grpc_transport.calls import generic_handler
from tocsin_server.grpc_transport.interceptor import Interceptor

GRPC_METHODS = {
    "/grpc.health.v1.Health/Check": Access.OPEN,
    "/grpc.health.v1.Health/Watch": Access.OPEN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Access.OPEN,
}
"""Who may call the methods that gRPC's own packages serve, by full name."""

Options = tuple[tuple[str, int], ...]

OPTIONS: Options = (
    # A second server on the port fails to start, instead of taking half of the calls.
    ("grpc.so_reuseport", 0),
    # gRPC refuses larger requests without a reason; `calls` gives one above REQUEST_BYTES.
    ("grpc.max_receive_message_length", 2 * REQUEST_BYTES),
    # Bounds the calls of one connection, far above what a client needs.
    ("grpc.max_concurrent_streams", 1_000),
    # A peer that vanished without closing its connection is found within 30 seconds.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


LEAVE_SECONDS = 0.25
"""How long connections have to close when the last call has ended."""


_unfinished: list[grpc.aio.Server] = []
"""Servers with connections that did not close in time.

The list keeps them alive, because the process would wait for a server's
connections when the server is collected.
"""

logger = getLogger(__name__)


class GrpcServer:
    """Serves the services on the addresses of one name."""

    def __init__(self, services: Sequence[Service], options: Options = OPTIONS) -> None:
        self._services = [service.name for service in services]
        self.access: Mapping[str, Access] = GRPC_METHODS | {
            f"/{service.name}/{rpc}": method.access
            for service in services
            for rpc, method in service.methods.items()
        }
        """Who may call each method, by full name. A method that is not in it is not served."""
        self._server = grpc.aio.server(interceptors=(Interceptor(self.access),), options=options)
        self._health = health_aio.HealthServicer()
        self._server.add_generic_rpc_handlers([generic_handler(each) for each in services])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        names = (*self._services, health_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self, address: str) -> str:
        """Serves on all addresses of a name; returns the name with its port, picked for port 0.

        Raises:
            CannotListen: an address is in use, or not of this machine.
        """
        port = 0
        for each in await to_thread(resolve, address):
            port = self._bind(each)
            if not port:
                await self._release()
                raise CannotListen(address, f"{each} is in use or not of this machine")
        await self._server.start()
        await self.set_serving(True)
        if address.startswith("unix:"):
            return address
        return f"{address.rpartition(':')[0]}:{port}"

    def _bind(self, address: str) -> int:
        """Returns the port that is bound, 0 if the address cannot be bound."""
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError:
            return 0
        return port

    async def _release(self) -> None:
        """Releases the addresses that are bound already.

        gRPC keeps the addresses of a server that has never started, even when the
        server is collected: it releases them only when a started server stops.
        """
        await self._server.start()
        await self._server.stop(None)

    async def set_serving(self, serving: bool) -> None:  # noqa: FBT001  # the state to set
        """Sets the health of the server and of its services."""
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if serving else response.NOT_SERVING
        for name in ("", *self._services):
            await self._health.set(name, status)

    async def refuse(self) -> None:
        """Sets the health to NOT_SERVING for good: the server is about to stop."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace: float) -> None:
        """Accepts no more calls, and ends calls that last longer than `grace` seconds.

        gRPC then waits until it has sent everything that it has written. For a peer
        that reads nothing, it waits until the connection counts as dead. When that
        takes longer, this returns, and gRPC finishes in the background.
        """
        try:
            async with timeout(grace + LEAVE_SECONDS):
                await self._server.stop(grace)
        except TimeoutError:
            _unfinished.append(self._server)
            logger.warning("connections of peers that read nothing are left behind")
