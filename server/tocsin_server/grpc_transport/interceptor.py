"""The interceptor: it wraps the handler of every call.

It parses the body, because gRPC would answer UNKNOWN to a malformed one. It
turns errors of the domain into status codes. It logs any other error and
answers INTERNAL. It wraps the handler of each method once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing
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


def wrap(method: str, handler: Handler) -> Handler:
    """Returns a handler of the same kind that parses requests and answers errors with a status."""
    if handler.request_streaming:
        return handler
    make = _wrap_stream if handler.response_streaming else _wrap_unary
    return make(method, handler)


def _wrap_unary(method: str, handler: Handler) -> Handler:
    parse = _parser(handler)
    inner: Any = handler.unary_unary

    async def serve(body: bytes, context: Context) -> object:
        try:
            return await inner(parse(body), context)
        except Exception as error:  # noqa: BLE001  # every error becomes a status
            await _abort(context, method, error)

    return grpc.unary_unary_rpc_method_handler(serve, None, encode)


def _wrap_stream(method: str, handler: Handler) -> Handler:
    parse = _parser(handler)
    inner: Any = handler.unary_stream

    async def serve(body: bytes, context: Context) -> AsyncIterator[object]:
        try:
            responses = inner(parse(body), context)
            if not hasattr(responses, "__aiter__"):  # it writes to the context itself
                await responses
                return
            async with aclosing(responses):
                async for response in responses:
                    yield response
        except Exception as error:  # noqa: BLE001  # every error becomes a status
            await _abort(context, method, error)

    return grpc.unary_stream_rpc_method_handler(serve, None, encode)


def _parser(handler: Handler) -> Callable[[bytes], Any]:
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


async def _abort(context: Context, method: str, error: Exception) -> NoReturn:
    """Ends a call with an error; the details of a defect go to the log only."""
    if isinstance(error, grpc.aio.AbortError):  # the handler has ended the call itself
        raise error
    if not isinstance(error, TocsinError):
        logger.error("a call failed", exc_info=error, extra={"method": method})
        error = TocsinError()
    await context.abort_with_status(to_status(status(error)))
    raise AssertionError  # abort_with_status has raised
