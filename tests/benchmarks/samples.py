"""The messages that the load is made of: what a marketing team would send about a lead."""

import itertools
import uuid
from collections.abc import Iterable, Iterator

from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.inbox_pb2 import Notification, NotificationChange
from tocsin.v1.message_pb2 import (
    CONTENT_FORMAT_MARKDOWN,
    MESSAGE_STATE_SENT,
    SEVERITY_HIGH,
    Message,
)
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest

CHANNEL_ID = "marketing-clue"


def sample_message(title: str) -> Message:
    """Builds a message of ordinary length, about 500 bytes encoded."""
    message = Message(
        channel_id=CHANNEL_ID,
        title=title,
        content=(
            "**Ada Weber** of *Brightwater Instruments* asked for a quotation on 40 sensors of the "
            "M4 series, with delivery in the first quarter. She came from the spring campaign and "
            "would like to be called in the afternoon."
        ),
        content_format=CONTENT_FORMAT_MARKDOWN,
        url="https://crm.example.com/leads/L-20417?from=notification",
        mobile_url="/leads/L-20417",
        labels={"campaign": "spring", "region": "emea"},
        severity=SEVERITY_HIGH,
        sender="Lead desk",
    )
    message.data.update({"lead_id": "L-20417", "score": 87, "returning": True})
    return message


def sample_change(user_id: str) -> NotificationChange:
    """Builds the arrival of a notification, as a stream that catches up carries it."""
    notification = Notification(
        user_id=user_id, message=sample_message("New lead"), revision=1, arrive_revision=1
    )
    notification.message.message_id = str(uuid.UUID(int=1))
    notification.message.state = MESSAGE_STATE_SENT
    notification.message.create_time.GetCurrentTime()
    notification.receive_time.GetCurrentTime()
    return NotificationChange(revision=1, upserted=notification)


def users(count: int, name: str = "user") -> list[str]:
    """Names `count` users."""
    return [f"{name}-{number:05d}" for number in range(count)]


def sends(recipients: Iterable[str], prefix: str) -> Iterator[SendMessageRequest]:
    """Builds one send a recipient, each with a request id of its own under `prefix`."""
    for number, user_id in enumerate(recipients):
        yield SendMessageRequest(
            request_id=f"{prefix}-{number}",
            message=sample_message(f"New lead {number} from the spring campaign"),
            audience=Audience(user_ids=[user_id]),
        )


def batches(
    requests: Iterable[SendMessageRequest], size: int
) -> Iterator[BatchSendMessagesRequest]:
    """Packs sends into batches of `size`."""
    remaining = iter(requests)
    while items := list(itertools.islice(remaining, size)):
        yield BatchSendMessagesRequest(requests=items)
