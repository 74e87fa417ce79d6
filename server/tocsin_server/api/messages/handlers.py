"""MessageService."""

from collections.abc import Iterable, Iterator

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

from tocsin_server.api.access import caller
from tocsin_server.api.errors import item_error
from tocsin_server.api.messages import decode, encode
from tocsin_server.api.page_tokens import Listing
from tocsin_server.api.rules import validate
from tocsin_server.api.splicing import field
from tocsin_server.domain.messages import Messages
from tocsin_server.domain.model.errors import FieldsInvalid, TocsinError
from tocsin_server.domain.model.limits import RESPONSE_BYTES, page_size
from tocsin_server.domain.model.messages import Sent, Submission


class MessageServicer:
    """Serves `tocsin.v1.MessageService`; what carries messages is spliced."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def SendMessage(self, request: SendMessageRequest, context: object) -> bytes:
        """Sends a message."""
        validate(request)
        (outcome,) = await self._messages.send([decode.submission(caller.get(), request)])
        if isinstance(outcome, TocsinError):
            raise outcome
        return encode.sent(outcome)

    async def BatchSendMessages(
        self, request: BatchSendMessagesRequest, context: object
    ) -> BatchSendMessagesResponse:
        """Sends messages, each on its own."""
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
                submissions.append(decode.submission(caller.get(), item))
        sent = iter(await self._messages.send(submissions) if submissions else ())
        return BatchSendMessagesResponse(
            results=_results(outcome or next(sent) for outcome in outcomes)
        )

    async def GetMessage(self, request: GetMessageRequest, context: object) -> bytes:
        """Reads one message."""
        validate(request)
        message = await self._messages.get(caller.get(), request.message_id)
        return field(GetMessageResponse.MESSAGE_FIELD_NUMBER, encode.message(message))

    async def ListMessages(self, request: ListMessagesRequest, context: object) -> bytes:
        """Lists messages, newest first."""
        listing = Listing(caller.get(), request)
        page = await self._messages.list(
            caller.get(), request.channel_id, listing.after, page_size(request.page_size)
        )
        number = ListMessagesResponse.MESSAGES_FIELD_NUMBER
        token = ListMessagesResponse(next_page_token=listing.token(page.next))
        messages = [field(number, encode.message(message)) for message in page.items]
        return b"".join((*messages, token.SerializeToString()))


_SHORT_RESULTS = 100 * 1024
"""More than the results of the largest batch take when all of them are short."""


def _results(outcomes: Iterable[Sent | TocsinError]) -> Iterator[BatchSendResult]:
    """Returns what became of the items, the later ones short when space runs out."""
    room = RESPONSE_BYTES - _SHORT_RESULTS
    for outcome in outcomes:
        result = _result(outcome)
        room -= result.ByteSize()
        yield result if room >= 0 else _short_result(outcome)


def _result(outcome: Sent | TocsinError) -> BatchSendResult:
    """Returns what became of an item; its message without content and data."""
    if isinstance(outcome, TocsinError):
        return BatchSendResult(error=item_error(outcome))
    message = encode.whole(outcome.message)
    message.ClearField("content")
    message.ClearField("data")
    return BatchSendResult(
        response=SendMessageResponse(message=message, accepted_count=outcome.accepted_count)
    )


def _short_result(outcome: Sent | TocsinError) -> BatchSendResult:
    """Returns what became of an item, and nothing that its sender knows."""
    if isinstance(outcome, TocsinError):
        error = item_error(outcome)
        return BatchSendResult(error=ItemError(code=error.code, reason=error.reason))
    return BatchSendResult(
        response=SendMessageResponse(
            message=encode.outline(outcome.message), accepted_count=outcome.accepted_count
        )
    )
