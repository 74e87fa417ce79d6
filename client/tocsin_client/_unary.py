"""Unary calls that block: each ends with a response, or with an exception of our own."""

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import grpc
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub

from tocsin_client import _durations
from tocsin_client._channel_options import unary_options
from tocsin_client._connections import Connector
from tocsin_client._errors import CallError, RpcFailure, error_from, obstacle_in
from tocsin_client._retries import PROBE, Attempts, Pacing, PagedRequestT, PageT
from tocsin_client._threads import Latch

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Calls:
    """The services of one target, and how the methods of any thread call them.

    Nothing connects before the first call.
    """

    def __init__(
        self,
        connector: Connector,
        timeout: float,
        pacing: Pacing | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._connector = connector
        self._timeout = _durations.timeout(timeout)
        self._pacing = pacing or Pacing()
        self._closing = Latch()
        self._sleep = sleep or self._closing.wait
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self.closed = False

    @property
    def channels(self) -> ChannelServiceStub:
        return self._connected().channels

    @property
    def messages(self) -> MessageServiceStub:
        return self._connected().messages

    @property
    def inboxes(self) -> InboxServiceStub:
        return self._connected().inboxes

    def __call__(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_Request, _Response]",
        request: _Request,
        timeout: float | None,
    ) -> _Response:
        self.check_open()
        seconds = self._timeout if timeout is None else _durations.timeout(timeout)
        attempts = Attempts(seconds, self._pacing)
        while True:
            try:
                return method(request, timeout=attempts.seconds_left, wait_for_ready=True)
            except grpc.RpcError as failure:
                # `close` in another thread ends calls with CANCELLED.
                self.check_open()
                # The exception that grpc raises has the methods of a call.
                failed = cast("RpcFailure", failure)
                delay = attempts.delay_after(error_from(failed, proxy=self._connector.proxy))
                if delay is None:
                    raise self._final_error(failed, attempts) from failure
            except ValueError:
                # grpc raises it where its channel is closed.
                self.check_open()
                raise
            self._sleep(delay)
            self.check_open()

    def pages(
        self,
        method: "grpc.UnaryUnaryMultiCallable[PagedRequestT, PageT]",
        request: PagedRequestT,
        timeout: float | None,
    ) -> Iterator[PageT]:
        """Every page from the one that `request` asks for."""
        while True:
            page = self(method, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _final_error(self, failure: RpcFailure, attempts: Attempts) -> CallError:
        return error_from(
            failure,
            proxy=self._connector.proxy,
            obstacle=self._obstacle(failure, attempts.probe_seconds),
            last_answer=attempts.last_answer,
        )

    def _obstacle(self, failure: RpcFailure, seconds: float) -> str:
        """Why a call found no server: gRPC says so only to a call that does not wait for one."""
        connection = self._connection
        if failure.code() is not grpc.StatusCode.DEADLINE_EXCEEDED or connection is None:
            return ""
        try:
            connection.probe(b"", timeout=seconds, wait_for_ready=False)
        except grpc.RpcError as refusal:
            return obstacle_in(cast("RpcFailure", refusal))
        except ValueError:
            # grpc raises it where another thread has closed the channel.
            pass
        return ""

    def check_open(self) -> None:
        self._connector.check_process()
        if self.closed:
            raise RuntimeError("the client is closed")

    def close(self) -> None:
        with self._lock:
            self.closed = True
            connection, self._connection = self._connection, None
        self._closing.set()
        if connection is not None:
            connection.close()

    def _connected(self) -> "_Connection":
        self.check_open()
        with self._lock:
            self.check_open()
            if self._connection is None:
                self._connection = _Connection(self._connector.open(unary_options()))
            return self._connection


class _Connection:
    """A channel for unary calls, and its stubs."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channels = ChannelServiceStub(channel)
        self.messages = MessageServiceStub(channel)
        self.inboxes = InboxServiceStub(channel)
        self.probe: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PROBE)
        self.close = channel.close
