"""A channel whose server is the test, and a clock that the test's client drives by waiting."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

import grpc
import grpc_testing
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tocsin_client import Client
from tocsin_client._retries import Pacing

from tests.support import services
from tests.support.waiting import DEADLINE_SECONDS
from tests.unit.client.scripting import rich_status

_T = TypeVar("_T")

METHODS: dict[str, MethodDescriptor] = {method.name: method for method in services.METHODS}


class Played:
    """A client whose server is the test."""

    def __init__(self) -> None:
        self.clock = grpc_testing.strict_fake_time(0)
        self._channel = grpc_testing.channel(services.SERVICES, self.clock)
        self.timeouts: list[float | None] = []
        self.client = Client(
            "played.example:1",
            timeout=7.0,
            _connect=lambda _: cast("grpc.Channel", self),
            _pacing=Pacing(uniform=lambda _, longest: longest, monotonic=self.clock.time),
            _sleep=self.clock.sleep_for,
        )

    def take(self, name: str) -> tuple[Message, Any]:
        """The request of the RPC that is called, and what answers it."""
        streams = METHODS[name].server_streaming
        take = self._channel.take_unary_stream if streams else self._channel.take_unary_unary
        _, request, rpc = Begun(take, METHODS[name]).result()
        rpc.send_initial_metadata(())
        return request, rpc

    def answer(self, name: str, response: Message) -> dict[str, Any]:
        """Answers the RPC that is called, and gives its request."""
        request, rpc = self.take(name)
        rpc.terminate(response, (), grpc.StatusCode.OK, "")
        return MessageToDict(request)

    def fail(self, name: str, code: grpc.StatusCode, *details: Message) -> None:
        """Fails the RPC that is called."""
        _, rpc = self.take(name)
        trailer = rich_status(code, "played", *details).SerializeToString()
        response = () if METHODS[name].server_streaming else (None,)
        rpc.terminate(*response, (("grpc-status-details-bin", trailer),), code, "played")

    # What a stub asks of a channel. That of grpc_testing knows no `wait_for_ready`.

    def unary_unary(self, method: str, **_: object) -> Callable[..., object]:
        call = self._channel.unary_unary(method)

        def invoke(
            request: Message, timeout: float | None = None, *, wait_for_ready: bool = False
        ) -> object:
            self.timeouts.append(timeout)
            return call(request, timeout)

        return invoke

    def unary_stream(self, method: str, **_: object) -> Callable[..., object]:
        call = self._channel.unary_stream(method)

        def invoke(request: Message, *, wait_for_ready: bool = False) -> object:
            return call(request)

        return invoke

    def close(self) -> None:
        self._channel.close()


class Begun(Generic[_T]):
    """A call in a thread, which may go on for ever and keeps no program from ending."""

    def __init__(self, function: Callable[..., _T], *args: object) -> None:
        self._outcome: SimpleQueue[tuple[_T | None, Exception | None]] = SimpleQueue()

        def run() -> None:
            try:
                self._outcome.put((function(*args), None))
            except Exception as failure:  # noqa: BLE001  (`result` raises it)
                self._outcome.put((None, failure))

        threading.Thread(target=run, daemon=True).start()

    def result(self) -> _T:
        """What the call gave, or raised."""
        result, failure = self._outcome.get(timeout=DEADLINE_SECONDS)
        if failure is not None:
            raise failure
        return cast("_T", result)
