"""Streaming: the streams of an example, and every cursor that they gave."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin_server.live.hub import HubWatch

from tests.stateful.looking import Look
from tests.stateful.model import World
from tests.stateful.reading import Reader, ResumePoint
from tests.stateful.system import HISTORY_SECONDS, System

RESUMED = 3
"""From about how many of a user's cursors an example resumes in the end."""


@dataclass(slots=True)
class Stream:
    """A stream that is open."""

    user_id: str
    call: grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]
    reader: Reader
    watch: HubWatch


class Streams:
    """Opens streams, reads them on demand, and drops them."""

    def __init__(self, system: System, world: World, look: Look) -> None:
        self.points: list[ResumePoint] = []
        self.open_now: list[Stream] = []
        self._system = system
        self._world = world
        self._look = look

    async def open(
        self, user_id: str, point: ResumePoint | None, size: int, *, at_once: bool
    ) -> None:
        """Opens a stream; it is read at once, or on demand."""
        system, inbox = self._system, self._world.inboxes[user_id]
        request = SubscribeRequest(
            user_id=user_id, cursor=point.cursor if point else "", snapshot_size=size
        )
        request.heartbeat_interval.FromSeconds(300)
        streams = system.hub.streams
        call = system.inboxes.Subscribe(request)
        await system.until(lambda: system.hub.streams > streams)

        def must_lead_on() -> bool:
            since = system.clock.now() - round(HISTORY_SECONDS * 1_000_000)
            own = point is not None and point.user_id == user_id
            return point is not None and own and inbox.leads_on_from(point.revision, since)

        reader = Reader(inbox, size, point, must_lead_on)
        watch = system.hub.watches_of(user_id)[-1]
        self.open_now.append(Stream(user_id, call, reader, watch))
        if at_once:
            await self.read(self.open_now[-1])

    async def read(self, stream: Stream, most: int = 1_000) -> None:
        """Reads responses until there are no more, or `most`."""
        for _ in range(most):
            if stream.reader.level:
                return
            await self._read_next(stream)

    async def beat(self, stream: Stream) -> None:
        """Reads a stream up to a heartbeat."""
        await self.read(stream)
        await self._system.beat(stream.watch)
        await self._read_next(stream)

    async def drop(self, stream: Stream) -> None:
        """Leaves a stream."""
        self.open_now.remove(stream)
        stream.call.cancel()
        await self._system.until(lambda: stream.watch.closed)

    async def wait(self) -> None:
        """Reads every stream until it waits for changes."""
        for stream in self.open_now:
            await self.read(stream)
            await self._system.until_waiting(stream.watch)

    async def restart(self) -> None:
        """Restarts the server; every stream gets a RECONNECT."""
        self._system.hub.stop()
        # Before the server closes its connection: gRPC drops, at times, what is not read by then.
        for stream in self.open_now:
            while await self._read_next(stream):
                pass
        await self._system.drain()
        await self._system.stop()
        self.open_now.clear()
        await self._system.start()
        await self._look.at(self._world.inboxes)

    async def end(self) -> None:
        """Every stream ends level, and some cursors of each user lead there.

        The oldest does so once more when history is gone, by a SNAPSHOT if need be.
        """
        for stream in list(self.open_now):
            await self.read(stream)
            await self.drop(stream)
        for user_id in self._world.inboxes:
            own = [point for point in self.points if point.user_id == user_id]
            await self._resume(own[:: max(1, len(own) // RESUMED)])
        self._system.clock.advance(HISTORY_SECONDS + 1.0)
        await self._system.prune()
        for user_id in self._world.inboxes:
            await self._resume([point for point in self.points if point.user_id == user_id][:1])

    async def _resume(self, cursors: Sequence[ResumePoint]) -> None:
        """Reads a stream from each cursor until there is no more."""
        for point in cursors:
            await self.open(point.user_id, point, 1_000, at_once=True)
            await self.drop(self.open_now[-1])

    async def _read_next(self, stream: Stream) -> bool:
        """Reads and judges one response; False at the end of the stream."""
        response = await self._system.within(stream.call.read(), f"a stream of {stream.user_id}")
        if not isinstance(response, SubscribeResponse):
            return False
        self._look.learn(
            change.upserted for change in response.changes if change.HasField("upserted")
        )
        point = stream.reader.take(response, self._look.names)
        if point is not None:
            self.points.append(point)
        return True
