"""Requests about messages, as the domain takes them. They have passed validation."""

from tocsin.v1 import message_pb2
from tocsin.v1.message_service_pb2 import SendMessageRequest

from tocsin_server.api.idempotency import request_key, texts_meaning
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.messages import Draft, Submission


def submission(caller: Caller, request: SendMessageRequest) -> Submission:
    """Returns the send that is requested; changes the request's message.

    Removes from the body what the server sets and a `data` that has no fields, and
    adds defaults. So the body can be stored as it is and completed by splicing.
    The send means this body and the set of its recipients.
    """
    message = request.message
    message.DiscardUnknownFields()  # they would pass every limit
    for name in ("message_id", "state", "create_time"):
        message.ClearField(name)
    if not message.data.fields:
        message.ClearField("data")
    if not message.severity:
        message.severity = message_pb2.SEVERITY_NORMAL
    if not message.content_format:
        message.content_format = message_pb2.CONTENT_FORMAT_PLAIN
    recipients = tuple(dict.fromkeys(request.audience.user_ids))
    body = message.SerializeToString(deterministic=True)
    draft = Draft(
        channel_id=message.channel_id,
        severity=message.severity,
        sender=message.sender,
        body=body,
        recipients=recipients,
    )
    key = request_key(
        caller,
        "SendMessage",
        request.request_id,
        # The end of the recipients is found: none of them is empty.
        lambda: texts_meaning(recipients) + b"\0" + body,
    )
    return Submission(key, draft)
