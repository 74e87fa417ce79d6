"""Which methods the edge lets through."""

from typing import Any, NamedTuple

import grpc
import pytest
from tocsin_server.grpc_transport.interceptor import Interceptor

HELD = "/tocsin.v1.InboxService/GetInbox"
OTHER = "/tocsin.v1.InboxService/Nothing"


class Details(NamedTuple):
    method: str


async def registered(_: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401  # any handler
    """Finds a handler for every method, as if all were registered with gRPC."""
    return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


@pytest.mark.parametrize(("method", "is_served"), [(HELD, True), (OTHER, False)])
async def test_a_method_that_no_table_has_is_not_served_even_if_it_is_registered(
    method: str, is_served: bool
) -> None:
    details: Any = Details(method)

    handler = await Interceptor([HELD]).intercept_service(registered, details)

    assert (handler is not None) is is_served
