import socket

import pytest
from tocsin_server.grpc_transport import server as grpc_server
from tocsin_server.grpc_transport.address import CannotListen
from tocsin_server.grpc_transport.server import GrpcServer


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def test_addresses_that_are_bound_are_released_when_a_later_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))
        taken.listen()
        port = taken.getsockname()[1]
        addresses = [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
        # The second address was free when it was checked, and is taken before gRPC binds it.
        monkeypatch.setattr(grpc_server, "resolve", lambda _: addresses)
        server = GrpcServer([])

        with pytest.raises(CannotListen, match=f"127.0.0.2:{port} is in use"):
            await server.start(f"both.example:{port}")

        assert is_free(port)
