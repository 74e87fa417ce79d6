"""Sending: writes messages, their copies, the counters and the answers in one transaction.

Sends that wait together are written together, with one statement for each table.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
)

from tocsin_server.domain.model.errors import ChannelNotFound, RequestIdReused, TocsinError
from tocsin_server.domain.model.messages import Message, MessageState, Send, Sent
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.fan_out import Arrival, arrive
from tocsin_server.store.idempotency import Answer, Idempotency, find, keep
from tocsin_server.store.json_rows import entries, is_one_of, pack, parts, texts
from tocsin_server.store.pages import MESSAGE_COLUMNS, message
from tocsin_server.store.schema.tables import channels, messages
from tocsin_server.store.writing.unit_of_work import BatchOutcome

_KNOWN_CHANNELS = Prepared(
    select(channels.c.channel_id)
    .where(
        channels.c.tenant == bindparam("tenant"),
        is_one_of(channels.c.channel_id, texts("channel_ids")),
        channels.c.delete_time.is_(None),
    )
    .with_for_update(read=True, key_share=True, of=channels)
)
"""Locks the channels, so that a send and the deletion of its channel wait for each other."""

_MESSAGE = Prepared(select(*MESSAGE_COLUMNS).where(messages.c.sequence == bindparam("sequence")))

_message_id, _columns = entries("messages", Text())
_channel_id, _severity, _sender, _create_time, _begin, _size = parts(
    _columns, [Text(), SmallInteger(), Text(), BigInteger(), Integer(), Integer()]
)
_INSERT_MESSAGES = Prepared(
    insert(messages)
    .from_select(
        [
            *("tenant", "message_id", "channel_id", "state", "severity"),
            *("sender", "create_time", "size", "body"),
        ],
        select(
            bindparam("tenant", type_=Text),
            _message_id,
            _channel_id,
            literal(MessageState.SENT.value),
            _severity,
            _sender,
            _create_time,
            _size,
            func.substr(bindparam("bodies", type_=LargeBinary), _begin, _size),
        ),
    )
    .returning(messages.c.message_id, messages.c.sequence)
)
"""Inserts messages in order; one parameter holds all bodies, which are cut out of it by offset."""


class SendBatch:
    """Writes sends together. Implements `tocsin_server.store.writing.unit_of_work.Batch`."""

    kind = "send"

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency

    def run(self, connection: Connection, items: Sequence[Send]) -> BatchOutcome[Sent]:
        """Writes sends in their order.

        A send that repeats an earlier one, in the store or in the batch, gets the same
        answer. A send whose outcome is an error writes nothing.
        """
        horizon = self._idempotency.horizon()
        earlier = find(connection, [send.request for send in items], horizon)
        known = _known_channels(connection, items)
        first: dict[tuple[str, ...], Send] = {}
        refused: dict[str, TocsinError] = {}
        for send in items:
            name = send.request.name if send.request.request_id else (send.message_id,)
            if name in earlier or name in first:
                continue
            if (send.request.tenant, send.draft.channel_id) in known:
                first[name] = send
            else:
                refused[send.message_id] = ChannelNotFound(channel_id=send.draft.channel_id)
        sent, arrivals = self._write(connection, list(first.values()), horizon)

        def outcome(send: Send) -> Sent | TocsinError:
            if error := refused.get(send.message_id):
                return error
            if own := sent.get(send.message_id):
                return own
            name = send.request.name
            if answer := earlier.get(name):
                return _repeat(connection, send, answer)
            original = first[name]
            if original.request.digest != send.request.digest:
                return RequestIdReused(request_id=send.request.request_id)
            return sent[original.message_id]

        return BatchOutcome([outcome(send) for send in items], arrivals)

    def _write(
        self, connection: Connection, sends: Sequence[Send], horizon: int
    ) -> tuple[Mapping[str, Sent], Sequence[Arrival]]:
        """Writes sends whose channels exist; returns their outcomes by message id."""
        by_tenant: defaultdict[str, list[Send]] = defaultdict(list)
        for send in sends:
            by_tenant[send.request.tenant].append(send)
        outcomes: dict[str, Sent] = {}
        arrivals: list[Arrival] = []
        for tenant, of_tenant in sorted(by_tenant.items()):
            sent = [
                Sent(message, len(send.draft.recipients))
                for send, message in zip(
                    of_tenant, _store(connection, tenant, of_tenant), strict=True
                )
            ]
            addressed = [
                (outcome.message, send.draft.recipients)
                for send, outcome in zip(of_tenant, sent, strict=True)
            ]
            arrivals += arrive(connection, tenant, addressed)
            answers = [
                (
                    send.request,
                    {
                        "sequence": outcome.message.sequence,
                        "accepted_count": outcome.accepted_count,
                    },
                )
                for send, outcome in zip(of_tenant, sent, strict=True)
            ]
            answer_time = self._idempotency.time(of_tenant[-1].create_time)
            keep(connection, answers, answer_time, horizon)
            outcomes |= {outcome.message.message_id: outcome for outcome in sent}
        return outcomes, arrivals


def _known_channels(connection: Connection, sends: Sequence[Send]) -> set[tuple[str, str]]:
    """Returns the (tenant, channel id) of the sends' channels that exist."""
    channel_ids_of = defaultdict(set)
    for send in sends:
        channel_ids_of[send.request.tenant].add(send.draft.channel_id)
    return {
        (tenant, channel_id)
        for tenant, channel_ids in channel_ids_of.items()
        for (channel_id,) in _KNOWN_CHANNELS(
            connection, {"tenant": tenant, "channel_ids": pack(list(channel_ids))}
        )
    }


def _repeat(connection: Connection, send: Send, answer: Answer) -> Sent | TocsinError:
    """Returns the outcome of a send that repeats an answered request."""
    try:
        facts = answer.to(send.request)
    except RequestIdReused as error:
        return error
    rows = _MESSAGE(connection, {"sequence": facts["sequence"]})
    if not rows:  # it was deleted with its channel
        return ChannelNotFound(channel_id=send.draft.channel_id)
    return Sent(message(rows[0]), facts["accepted_count"])


def _store(connection: Connection, tenant: str, sends: Sequence[Send]) -> Sequence[Message]:
    """Stores the messages of sends, and returns them in the order of the sends."""
    rows = {}
    begin = 1  # as SQL counts
    for send in sends:
        draft = send.draft
        size = len(send.body)
        rows[send.message_id] = (
            *(draft.channel_id, draft.severity, draft.sender),
            *(send.create_time, begin, size),
        )
        begin += size
    parameters: dict[str, str | bytes] = {
        "tenant": tenant,
        "messages": pack(rows),
        "bodies": b"".join([send.body for send in sends]),
    }
    sequences = dict(_INSERT_MESSAGES(connection, parameters))
    return [
        Message(
            sequences[send.message_id],
            send.message_id,
            send.draft.channel_id,
            MessageState.SENT.value,
            send.create_time,
            send.body,
        )
        for send in sends
    ]
