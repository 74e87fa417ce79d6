"""Requests as a client makes them, with defaults for the fields that a test is not about."""

from collections.abc import Iterable

from tocsin.v1.audience_pb2 import Audience
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.message_pb2 import Message
from tocsin.v1.message_service_pb2 import BatchSendMessagesRequest, SendMessageRequest

LARGE = "😀" * 10_000
"""The longest content, in the widest characters: 40,000 bytes."""


def create_request(
    channel_id: str = "leads", *, title: str = "Leads", request_id: str = ""
) -> CreateChannelRequest:
    return CreateChannelRequest(
        channel=Channel(channel_id=channel_id, title=title), request_id=request_id
    )


def send_request(
    *user_ids: str,
    channel_id: str = "news",
    title: str = "Hello",
    content: str = "",
    url: str = "",
    request_id: str = "",
) -> SendMessageRequest:
    return SendMessageRequest(
        request_id=request_id,
        message=Message(channel_id=channel_id, title=title, content=content, url=url),
        audience=Audience(user_ids=user_ids),
    )


def batch_request(requests: Iterable[SendMessageRequest]) -> BatchSendMessagesRequest:
    return BatchSendMessagesRequest(requests=requests)


def numbered(count: int, *user_ids: str, content: str = "") -> BatchSendMessagesRequest:
    """A batch of `count` messages whose titles are their numbers, from 1."""
    return batch_request(
        send_request(*user_ids, title=str(number), content=content)
        for number in range(1, count + 1)
    )
