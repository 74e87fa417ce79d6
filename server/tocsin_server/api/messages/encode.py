"""Messages, encoded. One that was stored is spliced in as it is."""

from collections.abc import Mapping

from tocsin.v1.message_pb2 import Message as MessageProto
from tocsin.v1.message_pb2 import MessageState
from tocsin.v1.message_service_pb2 import SendMessageResponse

from tocsin_server.api.splicing import field
from tocsin_server.api.times import timestamp
from tocsin_server.domain.model.messages import Message, Sent

_SENT_MESSAGE = SendMessageResponse.MESSAGE_FIELD_NUMBER
_STATES: Mapping[int, bytes] = {
    state: MessageProto(state=state).SerializeToString() for state in MessageState.values()
}


def server_fields(message_id: str, create_time: int) -> bytes:
    """Encodes the fields of a message that the server sets, but for its state."""
    return MessageProto(
        message_id=message_id, create_time=timestamp(create_time)
    ).SerializeToString()


def message(stored: Message) -> bytes:
    """Encodes a message: its body as it was stored, and its state."""
    return stored.body + _STATES[stored.state]


def outline(stored: Message) -> MessageProto:
    """Returns what the server set of a message, and its channel."""
    return MessageProto(
        message_id=stored.message_id,
        channel_id=stored.channel_id,
        state=stored.state,  # type: ignore[arg-type]  # the domain has the protos' numbers
        create_time=timestamp(stored.create_time),
    )


def whole(stored: Message) -> MessageProto:
    """Returns a message."""
    return MessageProto.FromString(message(stored))


def sent(outcome: Sent) -> bytes:
    """Encodes the response to a send."""
    counted = SendMessageResponse(accepted_count=outcome.accepted_count).SerializeToString()
    return field(_SENT_MESSAGE, message(outcome.message)) + counted
