"""Requests, as what the domain is asked. They have passed validation."""

from google.protobuf.message import Message as ProtoMessage
from tocsin.v1 import channel_pb2, message_pb2
from tocsin.v1.channel_service_pb2 import CreateChannelRequest, UpdateChannelRequest
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, UpdateNotificationsRequest
from tocsin.v1.message_service_pb2 import SendMessageRequest

from tocsin_server.domain.channels import Channel, ChannelType, ChannelUpdate
from tocsin_server.domain.cursors import Cursor
from tocsin_server.domain.following import Subscription
from tocsin_server.domain.identity import Caller, InboxKey
from tocsin_server.domain.limits import HEARTBEAT_SECONDS, snapshot_size
from tocsin_server.domain.marking import Marking, Selection
from tocsin_server.domain.messages import Draft, Submission
from tocsin_server.domain.requests import RequestKey, body_digest
from tocsin_server.rpc.identifiers import messages_of
from tocsin_server.rpc.masks import updated_fields
from tocsin_server.rpc.wire import optional


def request_key(caller: Caller, rpc: str, request: ProtoMessage, request_id: str) -> RequestKey:
    """Returns what makes a repeat of a mutation safe."""
    digest = body_digest(request.SerializeToString(deterministic=True)) if request_id else b""
    return RequestKey(caller.tenant, caller.name, rpc, request_id, digest)


def channel(caller: Caller, request: CreateChannelRequest) -> Channel:
    """Returns the channel to create."""
    asked = request.channel
    return Channel(
        tenant=caller.tenant,
        channel_id=asked.channel_id,
        type=ChannelType(asked.type or channel_pb2.CHANNEL_TYPE_IN_APP),
        title=asked.title,
        description=asked.description,
        labels=dict(asked.labels),
    )


def channel_update(caller: Caller, request: UpdateChannelRequest) -> ChannelUpdate:
    """Returns the update of a channel that is asked for."""
    asked = request.channel
    names = updated_fields(request)
    return ChannelUpdate(
        tenant=caller.tenant,
        channel_id=asked.channel_id,
        etag=asked.etag,
        title=asked.title if "title" in names else None,
        description=asked.description if "description" in names else None,
        labels=dict(asked.labels) if "labels" in names else None,
    )


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


def marking(caller: Caller, request: UpdateNotificationsRequest) -> Marking:
    """Returns the marking that is asked for; ids that are not the inbox's are left out."""
    key = InboxKey(caller.tenant, request.user_id)
    selector = request.selector
    chosen = selector.WhichOneof("target")
    message_ids = channel_ids = None
    if chosen == "ids":
        message_ids = tuple(messages_of(key, selector.ids.notification_ids))
    elif chosen == "channel_ids":
        channel_ids = tuple(dict.fromkeys(selector.channel_ids.channel_ids))
    return Marking(
        request_key(caller, "UpdateNotifications", request, request.request_id),
        key,
        Selection(message_ids, channel_ids, selector.up_to_revision),
        optional(request, "read"),
        optional(request, "seen"),
    )


def subscription(caller: Caller, request: SubscribeRequest) -> Subscription:
    """Returns the subscription that is asked for."""
    interval = request.heartbeat_interval
    return Subscription(
        key=InboxKey(caller.tenant, request.user_id),
        cursor=Cursor.parse(request.cursor) if request.cursor else None,
        snapshot_size=snapshot_size(request.snapshot_size),
        heartbeat_interval=interval.seconds + interval.nanos / 1e9 or HEARTBEAT_SECONDS,
    )
