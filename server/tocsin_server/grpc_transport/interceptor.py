"""The interceptor: it wraps the handler of every call.

It parses the body, because gRPC would answer UNKNOWN to a malformed one. It
turns errors of the domain into status codes. It logs any other error and
answers INTERNAL. It wraps the handler of each method once.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from functools import partial
from logging import getLogger
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from grpc_status.rpc_status import to_status

from tocsin_server.domain.model.errors import RequestMalformed, RequestTooLarge, TocsinError
from tocsin_server.domain.model.limits import REQUEST_BYTES
from tocsin_server.grpc_transport.methods import Context, Handler, encode
from tocsin_server.grpc_transport.status import status

logger = getLogger(__name__)


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps the handlers of the methods in the access table; it serves no other methods."""

    def __init__(self, methods: Collection[str]) -> None:
        """Wraps the handlers of `methods`, which are full names: `/package.Service/Method`."""
        self._methods = methods
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Returns the wrapped handler of a call's method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler: Handler | None = await continuation(handler_call_details)
            if handler is None or method not in self._methods:
                return None  # gRPC answers UNIMPLEMENTED
            wrapped = self._wrapped[method] = wrap(method, handler)
        return wrapped


_KINDS: Mapping[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""What makes a handler: whether requests are streamed, whether responses are."""


def wrap(method: str, handler: Handler) -> Handler:
    """Returns a handler of the same kind that parses requests and answers errors with a status."""
    parse = _parser(handler)
    read = partial(_parsed, parse) if handler.request_streaming else parse
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
        except Exception as error:  # noqa: BLE001  # every error becomes a status
            await _abort(context, method, error)

    return serve


def _parser(handler: Handler) -> Callable[[bytes], object]:
    """Returns a function that parses the bodies of a handler's requests."""
    deserialize: Any = handler.request_deserializer

    def parse(body: bytes) -> object:
        if len(body) > REQUEST_BYTES:
            raise RequestTooLarge(size=str(len(body)), limit=str(REQUEST_BYTES))
        try:
            return deserialize(body)
        except DecodeError:
            raise RequestMalformed from None

    return parse


async def _parsed(
    parse: Callable[[bytes], object], bodies: AsyncIterable[bytes]
) -> AsyncIterator[object]:
    """Yields the requests of a stream, each parsed when it comes."""
    async for body in bodies:
        yield parse(body)


async def _abort(context: Context, method: str, error: Exception) -> NoReturn:
    """Ends a call with an error; the details of a defect go to the log only."""
    if isinstance(error, grpc.aio.AbortError):  # the handler has ended the call itself
        raise error
    if not isinstance(error, TocsinError):
        logger.error("a call failed", exc_info=error, extra={"method": method})
        error = TocsinError()
    await context.abort_with_status(to_status(status(error)))
    raise AssertionError  # abort_with_status has raised
