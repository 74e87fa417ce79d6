"""Builders of the domain's arguments, with defaults for the arguments that a test is not about."""

from collections.abc import Sequence

from tocsin_server.domain.model.changes import Change, Item
from tocsin_server.domain.model.channels import Channel, ChannelType
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.idempotency import RequestKey, body_digest
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification
from tocsin_server.domain.model.messages import Draft, Message, MessageState, Send
from uuid_utils import uuid7

from tests.support.clocks import START

ALICE = InboxKey("default", "alice")
BOB = InboxKey("default", "bob")


def request(
    request_id: str = "",
    body: bytes = b"",
    *,
    tenant: str = "default",
    caller: str = "anonymous",
    rpc: str = "SendMessage",
) -> RequestKey:
    return RequestKey(tenant, caller, rpc, request_id, body_digest(body))


def channel(
    channel_id: str = "news",
    *,
    tenant: str = "default",
    title: str = "News",
    description: str = "",
    labels: dict[str, str] | None = None,
) -> Channel:
    return Channel(
        tenant=tenant,
        channel_id=channel_id,
        type=ChannelType.IN_APP,
        title=title,
        description=description,
        labels=labels or {},
        etag="etag",
        create_time=START,
        update_time=START,
    )


def send(
    *recipients: str,
    channel_id: str = "news",
    body: bytes = b"body",
    request_id: str = "",
    tenant: str = "default",
    caller: str = "anonymous",
    create_time: int = START,
) -> Send:
    """A send whose request's digest stands for its channel, body and recipients."""
    meaning = b"\0".join((channel_id.encode(), body, *(user.encode() for user in recipients)))
    return Send(
        request(request_id, meaning, tenant=tenant, caller=caller),
        Draft(channel_id=channel_id, severity=2, sender="", body=body, recipients=recipients),
        str(uuid7()),
        create_time,
        body,
    )


def message(sequence: int, *, channel_id: str = "news", body: bytes = b"body") -> Message:
    return Message(
        sequence=sequence,
        message_id=f"message-{sequence}",
        channel_id=channel_id,
        state=MessageState.SENT,
        create_time=START,
        body=body,
    )


def notification(
    revision: int,
    sequence: int | None = None,
    *,
    channel_id: str = "news",
    body: bytes = b"body",
) -> Notification:
    return Notification(
        message=message(
            revision if sequence is None else sequence, channel_id=channel_id, body=body
        ),
        revision=revision,
        arrive_revision=revision,
        receive_time=START,
        seen_time=None,
        read_time=None,
    )


def change(
    revision: int,
    *,
    key: InboxKey = ALICE,
    incarnation: int = 1,
    items: Sequence[Item] | None = None,
    body: bytes = b"body",
) -> Change:
    """A change of one revision, of an inbox that got one notification a revision."""
    change_items = [notification(revision, body=body)] if items is None else items
    counters = Counters(revision, revision, revision)
    return Change(
        key=key,
        incarnation=incarnation,
        revision=revision,
        items=change_items,
        counters=counters,
        channel_counters=[ChannelCounters("news", counters)],
    )
