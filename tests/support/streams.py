"""A stream read by a client that checks every response and keeps its changes."""

import asyncio
from types import TracebackType
from typing import Generic, Self, TypeVar

import grpc
from tocsin.v1.inbox_pb2 import ChannelCounters, Inbox, Notification
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeRequest, SubscribeResponse
from tocsin_client._contiguity import Contiguity

from tests.support.marks import mark
from tests.support.waiting import DEADLINE_SECONDS

RESPONSE_BYTES = 1024 * 1024

SubscribeCall = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]


class Proof:
    """Checks every response of one inbox: contiguous, and small enough."""

    def __init__(self) -> None:
        self.revision = 0
        self.cursor = ""
        self._contiguity = Contiguity()

    def open_stream(self) -> None:
        """A new stream begins, from the cursor."""
        self._contiguity.open_stream(resumed=bool(self.cursor))

    def apply(self, response: SubscribeResponse) -> None:
        """Takes a response in."""
        size = response.ByteSize()
        assert size <= RESPONSE_BYTES, f"a response of {size} bytes"
        verdict = self._contiguity.take(response)
        assert not verdict.violations, verdict.violations
        if verdict.starts_over:
            self.cursor = ""
            self.start_over()
        self.revision = response.revision
        if verdict.resumable:
            self.cursor = response.cursor
        self.take(response)

    def start_over(self) -> None:
        """A SNAPSHOT begins."""

    def take(self, response: SubscribeResponse) -> None:
        """Takes in what a good response says."""


class Replica(Proof):
    """One inbox, as the responses of its streams tell it, with counters that must be true."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications: dict[str, Notification] = {}
        self.inbox = Inbox()
        self.channel_counters: dict[str, ChannelCounters] = {}
        self._collected: dict[str, ChannelCounters] = {}
        """The counters that the end of a SNAPSHOT or REPLAY has had so far."""
        self._whole = False
        """Whether it holds all that the inbox does; after a short SNAPSHOT it does not."""

    @property
    def listed(self) -> list[Notification]:
        """The notifications in list order."""
        return sorted(self.notifications.values(), key=lambda n: n.arrive_revision, reverse=True)

    def open_stream(self) -> None:
        """A new stream begins: it gives all counters again."""
        super().open_stream()
        self._collected.clear()

    def start_over(self) -> None:
        """Drops what it holds."""
        self.notifications.clear()
        self.channel_counters.clear()
        self._whole = False

    def take(self, response: SubscribeResponse) -> None:
        """Applies the changes, and recounts where the response gives counts."""
        for change in response.changes:
            kind = change.WhichOneof("kind")
            if kind == "upserted":
                assert change.revision == change.upserted.revision
                self.notifications[change.upserted.notification_id] = change.upserted
            elif kind == "removed":
                self.notifications.pop(change.removed, None)
            else:
                assert kind == "marked"
                for notification in self.notifications.values():
                    mark(notification, change.marked)
        for counters in response.channel_counters:
            assert counters.channel_id not in self._collected
            self._collected[counters.channel_id] = counters
        if response.caught_up:
            self.channel_counters = {}
        if response.caught_up or response.phase == SubscribePhase.SUBSCRIBE_PHASE_LIVE:
            self.channel_counters |= self._collected
            self._collected = {}
        if response.HasField("inbox"):
            self.inbox = response.inbox
            self._recount(response)

    def _recount(self, response: SubscribeResponse) -> None:
        counters = self.channel_counters.values()
        assert sum(c.total_count for c in counters) == self.inbox.total_count
        assert sum(c.unread_count for c in counters) == self.inbox.unread_count
        assert sum(c.unseen_count for c in counters) == self.inbox.unseen_count
        if response.phase == SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT:
            self._whole = len(self.notifications) == self.inbox.total_count
        if self._whole:
            assert len(self.notifications) == self.inbox.total_count
            assert sum(not n.HasField("read_time") for n in self.listed) == self.inbox.unread_count
            assert sum(not n.HasField("seen_time") for n in self.listed) == self.inbox.unseen_count


P = TypeVar("P", bound=Proof)


class Stream(Generic[P]):
    """One open stream, whose responses go through a proof."""

    def __init__(self, call: SubscribeCall, proof: P) -> None:
        self.proof = proof
        self.phases: list[str] = []
        """The phases of the responses so far, repeats left out."""
        self._call = call
        proof.open_stream()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Leaves the stream."""
        self._call.cancel()

    async def read(self) -> SubscribeResponse:
        """The next response.

        Raises:
            EOFError: the stream ended.
            TimeoutError: none came.
        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            response = await self._call.read()
        if response is grpc.aio.EOF:
            raise EOFError
        assert isinstance(response, SubscribeResponse)
        self.proof.apply(response)
        name = SubscribePhase.Name(response.phase).removeprefix("SUBSCRIBE_PHASE_")
        if self.phases[-1:] != [name]:
            self.phases.append(name)
        return response

    async def until_caught_up(self) -> list[SubscribeResponse]:
        """Reads up to the response that has `caught_up`; returns all that it read."""
        responses = [await self.read()]
        while not responses[-1].caught_up:
            responses.append(await self.read())
        return responses

    async def until_revision(self, revision: int) -> None:
        """Reads until it has everything up to a revision."""
        while self.proof.revision < revision:
            await self.read()
