from asyncio import Event, ensure_future

from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin_server.api.access import anonymous
from tocsin_server.api.inboxes.handlers import InboxHandlers
from tocsin_server.domain.model.streams import Phase, Response


class OneResponse:
    """A follower that has one response, and then waits."""

    def __init__(self) -> None:
        self.waiting = Event()
        self._responses = [Response(Phase.SNAPSHOT, 0, 0, cursor="cursor")]

    async def next(self) -> Response | None:
        if self._responses:
            return self._responses.pop()
        self.waiting.set()
        await Event().wait()
        return None

    def close(self) -> None:
        pass


async def test_an_idle_stream_holds_neither_its_request_nor_its_last_response() -> None:
    follower = OneResponse()
    handlers = InboxHandlers(None, lambda _: follower)  # type: ignore[arg-type, return-value]  # only followed
    stream = handlers.subscribe(anonymous("peer"), SubscribeRequest(user_id="alice"))
    await anext(stream)
    idle = ensure_future(anext(stream))
    await follower.waiting.wait()

    assert not {"request", "response"} & set(stream.ag_frame.f_locals)  # type: ignore[attr-defined]
    idle.cancel()
