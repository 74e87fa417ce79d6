"""MessageService."""

from collections.abc import Iterable, Iterator

from tocsin.v1 import message_service_pb2
from tocsin.v1.item_error_pb2 import ItemError
from tocsin.v1.message_service_pb2 import (
    BatchSendMessagesRequest,
    BatchSendMessagesResponse,
    BatchSendResult,
    GetMessageRequest,
    GetMessageResponse,
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)

from tocsin_server.api.access import Access
from tocsin_server.api.errors import item_error
from tocsin_server.api.messages import decode, encode
from tocsin_server.api.messages.rules import validate
from tocsin_server.api.methods import Method, Service
from tocsin_server.api.page_tokens import Listing
from tocsin_server.api.splicing import field
from tocsin_server.domain.messages import Messages
from tocsin_server.domain.model.errors import FieldsInvalid, TocsinError
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.limits import RESPONSE_BYTES, page_size
from tocsin_server.domain.model.messages import Sent, Submission


class MessageHandlers:
    """Serves `tocsin.v1.MessageService`; responses that carry messages are spliced."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def service(self) -> Service:
        """Returns the RPCs of the service, and who may call each."""
        return Service(
            message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
            {
                "SendMessage": Method(self.send_message, Access.OPEN),
                "BatchSendMessages": Method(self.batch_send_messages, Access.OPEN),
                "GetMessage": Method(self.get_message, Access.OPEN),
                "ListMessages": Method(self.list_messages, Access.OPEN),
            },
        )

    async def send_message(self, caller: Caller, request: SendMessageRequest) -> bytes:
        """Sends a message."""
        validate(request)
        (outcome,) = await self._messages.send([decode.submission(caller, request)])
        if isinstance(outcome, TocsinError):
            raise outcome
        return encode.sent(outcome)

    async def batch_send_messages(
        self, caller: Caller, request: BatchSendMessagesRequest
    ) -> BatchSendMessagesResponse:
        """Sends messages; each succeeds or fails alone."""
        validate(request)
        outcomes: list[Sent | TocsinError | None] = []
        submissions: list[Submission] = []
        for item in request.requests:
            try:
                validate(item)
            except FieldsInvalid as error:
                outcomes.append(error)
            else:
                outcomes.append(None)
                submissions.append(decode.submission(caller, item))
        sent = iter(await self._messages.send(submissions) if submissions else ())
        return BatchSendMessagesResponse(
            results=_results(outcome or next(sent) for outcome in outcomes)
        )

    async def get_message(self, caller: Caller, request: GetMessageRequest) -> bytes:
        """Reads one message."""
        validate(request)
        message = await self._messages.get(caller, request.message_id)
        return field(GetMessageResponse.MESSAGE_FIELD_NUMBER, encode.message(message))

    async def list_messages(self, caller: Caller, request: ListMessagesRequest) -> bytes:
        """Lists messages, newest first."""
        listing = Listing(caller, request, validate)
        page = await self._messages.list(
            caller, request.channel_id, listing.after, page_size(request.page_size)
        )
        number = ListMessagesResponse.MESSAGES_FIELD_NUMBER
        token = ListMessagesResponse(next_page_token=listing.token(page.next))
        messages = [field(number, encode.message(message)) for message in page.items]
        return b"".join((*messages, token.SerializeToString()))


_SHORT_RESULTS = 100 * 1024
"""More than the results of the largest batch take when all of them are short."""


def _results(outcomes: Iterable[Sent | TocsinError]) -> Iterator[BatchSendResult]:
    """Returns the result of each item; the later results are short when space runs out."""
    room = RESPONSE_BYTES - _SHORT_RESULTS
    for outcome in outcomes:
        result = _result(outcome)
        room -= result.ByteSize()
        yield result if room >= 0 else _short_result(outcome)


def _result(outcome: Sent | TocsinError) -> BatchSendResult:
    """Returns the result of an item; its message is without content and data."""
    if isinstance(outcome, TocsinError):
        return BatchSendResult(error=item_error(outcome))
    message = encode.whole(outcome.message)
    message.ClearField("content")
    message.ClearField("data")
    return BatchSendResult(
        response=SendMessageResponse(message=message, accepted_count=outcome.accepted_count)
    )


def _short_result(outcome: Sent | TocsinError) -> BatchSendResult:
    """Returns the result of an item without the fields that its sender knows."""
    if isinstance(outcome, TocsinError):
        error = item_error(outcome)
        return BatchSendResult(error=ItemError(code=error.code, reason=error.reason))
    return BatchSendResult(
        response=SendMessageResponse(
            message=encode.outline(outcome.message), accepted_count=outcome.accepted_count
        )
    )
