"""The methods of the API as gRPC's handlers."""

from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from tocsin_server.api.access import anonymous
from tocsin_server.api.methods import BoundService, Response, StreamEndpoint, UnaryEndpoint
from tocsin_server.api.parsing import parse
from tocsin_server.domain.model.identity import Caller

if TYPE_CHECKING:  # generic to the type checker alone
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    Context = grpc.aio.ServicerContext


def generic_handler(service: BoundService) -> grpc.GenericRpcHandler:
    """Returns the handler of all methods of a service."""
    handlers = {rpc: _handler(endpoint) for rpc, endpoint in service.endpoints.items()}
    return grpc.method_handlers_generic_handler(service.name, handlers)


def _handler(endpoint: UnaryEndpoint | StreamEndpoint) -> Handler:
    call, parse_body = endpoint.call, partial(parse, endpoint.request)

    def serve(request: object, context: Context) -> Any:  # noqa: ANN401  # what `call` returns
        return call(_caller(context), request)

    if isinstance(endpoint, StreamEndpoint):
        return grpc.unary_stream_rpc_method_handler(serve, parse_body, encode)
    return grpc.unary_unary_rpc_method_handler(serve, parse_body, encode)


def _caller(context: Context) -> Caller:
    """Returns who makes a call."""
    return anonymous(context.peer())


def encode(response: Response) -> bytes:
    """Returns a response's bytes: some are spliced already."""
    return response if isinstance(response, bytes) else response.SerializeToString()
