"""Client and server notice that the other one is gone, and accept each other's pings."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from tocsin_client._channel_options import stream_options, unary_options
from tocsin_client._retries import TIMEOUT
from tocsin_server.grpc_transport.server import OPTIONS

_CORE = find_spec("grpc._cython.cygrpc")
assert _CORE is not None
assert _CORE.origin is not None
GRPC = Path(_CORE.origin).read_bytes()
SERVER = dict(OPTIONS)
CLIENT = dict(unary_options())


@pytest.mark.parametrize("name", sorted({*SERVER, *CLIENT, *dict(stream_options())}))
def test_an_option_has_a_name_that_grpc_knows(name: str) -> None:
    # One that it does not know it ignores without a word.
    assert f"{name}\0".encode() in GRPC


def test_the_server_takes_a_clients_pings_for_no_abuse() -> None:
    assert (
        int(CLIENT["grpc.keepalive_time_ms"])
        >= 1.5 * SERVER["grpc.http2.min_ping_interval_without_data_ms"]
    )


def test_a_call_that_a_dead_link_has_swallowed_is_repeated_in_time() -> None:
    found = sum(int(CLIENT[f"grpc.keepalive_{span}_ms"]) for span in ("time", "timeout"))

    assert found / 1_000 <= TIMEOUT - 5
