"""The interceptor: which methods are served, and that each is ready to serve."""

from collections.abc import Awaitable, Callable, Collection

import grpc

from tocsin_server.grpc_transport.calls import Handler, wrap


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
