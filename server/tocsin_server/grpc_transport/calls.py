"""Calls: how each reaches what serves its method, and how its error leaves.

A call's body is parsed here, because gRPC would answer UNKNOWN to a malformed
one. Errors of the domain become status codes. Any other error is logged, and the
caller gets INTERNAL.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from logging import getLogger
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_status.rpc_status import to_status

from tocsin_server.api.access import anonymous
from tocsin_server.api.methods import Response, Service
from tocsin_server.api.parsing import parse
from tocsin_server.domain.model.errors import RequestMalformed, RequestTooLarge, TocsinError
from tocsin_server.domain.model.limits import REQUEST_BYTES
from tocsin_server.grpc_transport.status import status

if TYPE_CHECKING:  # generic to the type checker alone
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    Context = grpc.aio.ServicerContext

logger = getLogger(__name__)

_KINDS: Mapping[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""What makes a handler: whether requests are streamed, whether responses are."""


def generic_handler(service: Service) -> grpc.GenericRpcHandler:
    """Returns the handler of all methods of a service; `wrap` makes each ready to serve."""
    return grpc.method_handlers_generic_handler(
        service.name, {rpc: _handler(service, rpc) for rpc in service.methods}
    )


def _handler(service: Service, rpc: str) -> Handler:
    call: Callable[..., Any] = service.methods[rpc].call
    descriptor = service.descriptor.methods_by_name[rpc]

    def serve(request: object, context: Context) -> Any:  # noqa: ANN401  # what `call` returns
        return call(anonymous(context.peer()), request)

    handler: Handler = _KINDS[descriptor.client_streaming, descriptor.server_streaming](
        serve, partial(parse, GetMessageClass(descriptor.input_type)), encode
    )
    return handler


def wrap(method: str, handler: Handler) -> Handler:
    """Returns a handler of the same kind that parses requests and answers errors with a status."""
    parse_body = _parser(handler)
    read = partial(_parsed, parse_body) if handler.request_streaming else parse_body
    if handler.response_streaming:
        serve = _stream(method, handler.unary_stream or handler.stream_stream, read)
    else:
        serve = _single(method, handler.unary_unary or handler.stream_unary, read)
    wrapped: Handler = _KINDS[handler.request_streaming, handler.response_streaming](
        serve, None, encode
    )
    return wrapped


def _single(method: str, inner: Any, read: Callable[[Any], object]) -> Callable[..., Any]:  # noqa: ANN401  # a behavior of any handler
    """Returns what serves a method with one response; `read` parses what gRPC has received."""

    async def serve(received: object, context: Context) -> object:
        try:
            return await inner(read(received), context)
        except Exception as error:  # noqa: BLE001  # every error becomes a status
            await _abort(context, method, error)

    return serve


def _stream(method: str, inner: Any, read: Callable[[Any], object]) -> Callable[..., Any]:  # noqa: ANN401  # as above
    """Returns what serves a method with a stream of responses."""

    async def serve(received: object, context: Context) -> AsyncIterator[object]:
        try:
            responses = inner(read(received), context)
            if not hasattr(responses, "__aiter__"):  # it writes to the context itself
                await responses
                return
            async with aclosing(responses):
                async for response in responses:
                    yield response
                    del response  # while the next one is awaited
        except Exception as error:  # noqa: BLE001  # every error becomes a status
            await _abort(context, method, error)

    return serve


def _parser(handler: Handler) -> Callable[[bytes], object]:
    """Returns a function that parses the bodies of a handler's requests."""
    deserialize: Any = handler.request_deserializer

    def parse_body(body: bytes) -> object:
        if len(body) > REQUEST_BYTES:
            raise RequestTooLarge(size=str(len(body)), limit=str(REQUEST_BYTES))
        try:
            return deserialize(body)
        except DecodeError:
            raise RequestMalformed from None

    return parse_body


async def _parsed(
    parse_body: Callable[[bytes], object], bodies: AsyncIterable[bytes]
) -> AsyncIterator[object]:
    """Yields the requests of a stream, each parsed when it comes."""
    async for body in bodies:
        yield parse_body(body)


async def _abort(context: Context, method: str, error: Exception) -> NoReturn:
    """Ends a call with an error; the details of a defect go to the log only."""
    if isinstance(error, grpc.aio.AbortError):  # the handler has ended the call itself
        raise error
    if not isinstance(error, TocsinError):
        logger.error("a call failed", exc_info=error, extra={"method": method})
        error = TocsinError()
    await context.abort_with_status(to_status(status(error)))
    raise AssertionError  # abort_with_status has raised


def encode(response: Response) -> bytes:
    """Returns a response's bytes: some are spliced already."""
    return response if isinstance(response, bytes) else response.SerializeToString()
