"""Senders: each message or batch is repeated, with the same request ids, until it is answered."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from random import Random

import grpc
from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import (
    BatchSendMessagesRequest,
    BatchSendMessagesResponse,
    BatchSendResult,
    SendMessageRequest,
    SendMessageResponse,
)
from tocsin.v1.message_service_pb2_grpc import MessageServiceStub
from tocsin_client import AsyncClient, CallError

from tests.e2e.calling import CALL_SECONDS, INTERRUPTED, until_known
from tests.e2e.campaigns import Campaigns
from tests.histories.recording import REQUEST_ID_LABEL, Recorder

CHANNELS = ("marketing-clue", "orders")
NOWHERE = "nowhere"
"""A channel that does not exist: sends to it fail for good."""
USERS = tuple(f"user-{number:02}" for number in range(20))


class Sender(ABC):
    """Sends one message or batch after the other: the odd ones in batches."""

    def __init__(
        self,
        recorder: Recorder,
        moved: Callable[[], None],
        seed: int,
        number: int,
        campaigns: Campaigns,
    ) -> None:
        self.enough = False
        """Set, it ends with the send under way."""
        self._campaigns = campaigns
        self._recorder = recorder
        self._moved = moved
        self._number = number
        self._random = Random(f"{seed} sender {number}")

    async def run(self) -> None:
        """Sends, one message or batch after the other, each until it is answered."""
        random = self._random
        for turn in count():
            if self.enough:
                return
            in_batch = self._number % 2 == 1
            name = f"sender-{self._number}-{turn}"
            size = random.randint(2, 8) if in_batch else 1
            going = self._campaigns.current
            requests = [_request(random, f"{name}-{place}", going) for place in range(size)]
            for place, request in enumerate(requests):
                self._recorder.sending(
                    request.request_id,
                    request.message.channel_id,
                    request.audience.user_ids,
                    batch=name if in_batch else "",
                    place=place,
                )
            # A repeat of what was answered, now and then, sends nothing.
            for _ in range(2 if random.random() < 0.1 else 1):
                await (self._send_batch(requests) if in_batch else self._send(requests[0]))

    @abstractmethod
    async def _ask(self, request: SendMessageRequest) -> SendMessageResponse:
        """Sends a message until its outcome is known."""

    @abstractmethod
    async def _ask_for_batch(
        self, requests: Sequence[SendMessageRequest]
    ) -> Sequence[BatchSendResult]:
        """Sends a batch until the outcome of each of its items is known."""

    async def _send(self, request: SendMessageRequest) -> None:
        try:
            response = await self._ask(request)
        except (grpc.aio.AioRpcError, CallError) as error:
            self._failed(request, repr(error))
        else:
            self._recorder.answered(request.request_id, response)
            self._moved()

    async def _send_batch(self, requests: Sequence[SendMessageRequest]) -> None:
        results = await self._ask_for_batch(requests)
        for request, result in zip(requests, results, strict=True):
            if result.HasField("response"):
                self._recorder.answered(request.request_id, result.response)
            else:
                self._failed(request, result.error.message)
        self._moved()

    def _failed(self, request: SendMessageRequest, failure: str) -> None:
        """Notes a failure for good: the channel is not there, or not any more."""
        channel_id = request.message.channel_id
        assert channel_id == NOWHERE or channel_id in self._recorder.history.deleting, failure
        self._recorder.failed(request.request_id, failure)


class RawSender(Sender):
    """Calls the server itself, and repeats calls whose outcome is unknown."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        recorder: Recorder,
        moved: Callable[[], None],
        seed: int,
        number: int,
        campaigns: Campaigns,
    ) -> None:
        super().__init__(recorder, moved, seed, number, campaigns)
        self._messages = MessageServiceStub(channel)

    async def _ask(self, request: SendMessageRequest) -> SendMessageResponse:
        return await until_known(
            lambda: self._messages.SendMessage(request, wait_for_ready=True, timeout=CALL_SECONDS)
        )

    async def _ask_for_batch(
        self, requests: Sequence[SendMessageRequest]
    ) -> Sequence[BatchSendResult]:
        batch = BatchSendMessagesRequest(requests=requests)
        unknown = {code.value[0] for code in INTERRUPTED}

        async def attempt() -> BatchSendMessagesResponse:
            return await self._messages.BatchSendMessages(
                batch, wait_for_ready=True, timeout=CALL_SECONDS
            )

        results = (await until_known(attempt)).results
        while any(result.error.code in unknown for result in results):
            results = (await until_known(attempt)).results
        return results


class LibrarySender(Sender):
    """Sends by the client library, which repeats by itself: what it gives up has failed."""

    def __init__(
        self,
        client: AsyncClient,
        recorder: Recorder,
        moved: Callable[[], None],
        seed: int,
        number: int,
        campaigns: Campaigns,
    ) -> None:
        super().__init__(recorder, moved, seed, number, campaigns)
        self._client = client

    async def _ask(self, request: SendMessageRequest) -> SendMessageResponse:
        message = request.message
        return await self._client.send(
            message.channel_id,
            message.title,
            to=request.audience.user_ids,
            content=message.content,
            labels=message.labels,
            request_id=request.request_id,
        )

    async def _ask_for_batch(
        self, requests: Sequence[SendMessageRequest]
    ) -> Sequence[BatchSendResult]:
        return await self._client.send_batch(requests)


def _request(random: Random, request_id: str, going: str) -> SendMessageRequest:
    """A send to one to six users, some named twice, now and then to nowhere.

    One of seven is to a channel that is going to be deleted, or gone.
    """
    recipients: Iterable[str] = random.choices(USERS, k=random.randint(1, 6))
    channel_id = (
        NOWHERE if random.random() < 0.03 else random.choice((*CHANNELS * 3, going or CHANNELS[0]))
    )
    message = Message(
        channel_id=channel_id,
        title=f"Lead {request_id}",
        content="A new lead. " * random.randint(0, 20),
        labels={REQUEST_ID_LABEL: request_id},
    )
    return SendMessageRequest(
        request_id=request_id, message=message, audience=Audience(user_ids=recipients)
    )
