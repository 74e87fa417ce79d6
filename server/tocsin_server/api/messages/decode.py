"""Requests about messages, as what the domain is asked. They have passed validation."""

from tocsin.v1 import message_pb2
from tocsin.v1.message_service_pb2 import SendMessageRequest

from tocsin_server.api.idempotency import request_key
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.messages import Draft, Submission


def submission(caller: Caller, request: SendMessageRequest) -> Submission:
    """Returns the send that is asked for; changes the request's message.

    What the server sets is taken out of the body, and defaults are put in, so
    that it can be stored as it is and completed by splicing.
    """
    key = request_key(caller, "SendMessage", request, request.request_id)
    message = request.message
    message.DiscardUnknownFields()  # they would pass every limit
    for name in ("message_id", "state", "create_time"):
        message.ClearField(name)
    if not message.severity:
        message.severity = message_pb2.SEVERITY_NORMAL
    if not message.content_format:
        message.content_format = message_pb2.CONTENT_FORMAT_PLAIN
    draft = Draft(
        channel_id=message.channel_id,
        severity=message.severity,
        sender=message.sender,
        body=message.SerializeToString(deterministic=True),
        recipients=tuple(dict.fromkeys(request.audience.user_ids)),
    )
    return Submission(key, draft)
