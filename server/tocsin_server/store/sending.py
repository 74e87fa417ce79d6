"""Sends: a message, its copies, their counters and its answer, in one go.

Sends that wait together are written together: each table takes one statement
for all of them, whatever their number.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select

from tocsin_server.domain.errors import ChannelNotFound, RequestIdReused, TocsinError
from tocsin_server.domain.messages import Message, MessageState, Send, Sent
from tocsin_server.store import answers
from tocsin_server.store.arrivals import Arrival, arrive
from tocsin_server.store.prepared import Prepared
from tocsin_server.store.reading import MESSAGE_COLUMNS, message
from tocsin_server.store.rows import pack, texts
from tocsin_server.store.tables import channels, messages

_KNOWN_CHANNELS = Prepared(
    select(channels.c.channel_id).where(
        channels.c.tenant == bindparam("tenant"),
        channels.c.channel_id.in_(texts("channel_ids")),
    )
)
_MESSAGE = Prepared(select(*MESSAGE_COLUMNS).where(messages.c.sequence == bindparam("sequence")))
_INSERT_MESSAGES = insert(messages).returning(messages.c.message_id, messages.c.sequence)


class Group(NamedTuple):
    """What became of sends that were written together."""

    outcomes: Sequence[Sent | TocsinError]
    arrivals: Sequence[Arrival]


def send_all(connection: Connection, sends: Sequence[Send], horizon: int) -> Group:
    """Writes sends, in their order, as one unit of work.

    A send that repeats one answered since `horizon`, or one before it in the
    group, gets that one's answer. One that fails by its own fault writes
    nothing.
    """
    earlier = answers.find(connection, [send.request for send in sends], horizon)
    known = _known_channels(connection, sends)
    leaders: dict[tuple[str, ...], Send] = {}
    refused: dict[str, TocsinError] = {}
    for send in sends:
        name = send.request.name if send.request.request_id else (send.message_id,)
        if name in earlier or name in leaders:
            continue
        if (send.request.tenant, send.draft.channel_id) in known:
            leaders[name] = send
        else:
            refused[send.message_id] = ChannelNotFound(channel_id=send.draft.channel_id)
    sent, arrivals = _write(connection, list(leaders.values()))

    def outcome(send: Send) -> Sent | TocsinError:
        if error := refused.get(send.message_id):
            return error
        if own := sent.get(send.message_id):
            return own
        name = send.request.name
        if answer := earlier.get(name):
            return _repeat(connection, send, answer)
        leader = leaders[name]
        if leader.request.digest != send.request.digest:
            return RequestIdReused(request_id=send.request.request_id)
        return sent[leader.message_id]

    return Group([outcome(send) for send in sends], arrivals)


def _known_channels(connection: Connection, sends: Sequence[Send]) -> set[tuple[str, str]]:
    """Returns the (tenant, channel id) of those channels of the sends that exist."""
    asked = defaultdict(set)
    for send in sends:
        asked[send.request.tenant].add(send.draft.channel_id)
    return {
        (tenant, channel_id)
        for tenant, channel_ids in asked.items()
        for (channel_id,) in _KNOWN_CHANNELS(
            connection, {"tenant": tenant, "channel_ids": pack(list(channel_ids))}
        )
    }


def _repeat(connection: Connection, send: Send, answer: answers.Answer) -> Sent | TocsinError:
    """Returns the answer that a request got earlier."""
    try:
        facts = answer.to(send.request)
    except RequestIdReused as error:
        return error
    (row,) = _MESSAGE(connection, {"sequence": facts["sequence"]})
    return Sent(message(row), facts["accepted_count"])


def _write(
    connection: Connection, sends: Sequence[Send]
) -> tuple[Mapping[str, Sent], Sequence[Arrival]]:
    """Writes sends whose channels exist; returns their outcomes by message id."""
    if not sends:
        return {}, ()
    sequences: Mapping[str, int] = {
        row.message_id: row.sequence
        for row in connection.execute(
            _INSERT_MESSAGES,
            [
                {
                    "tenant": send.request.tenant,
                    "message_id": send.message_id,
                    "channel_id": send.draft.channel_id,
                    "state": MessageState.SENT.value,
                    "severity": send.draft.severity,
                    "sender": send.draft.sender,
                    "create_time": send.create_time,
                    "size": len(send.draft.body),
                    "body": send.draft.body,
                }
                for send in sends
            ],
        )
    }
    outcomes = {}
    deliveries = defaultdict(list)
    given = []
    for send in sends:
        stored = Message(
            sequences[send.message_id],
            send.message_id,
            send.draft.channel_id,
            MessageState.SENT.value,
            send.create_time,
            send.draft.body,
        )
        accepted = len(send.draft.recipients)
        outcomes[send.message_id] = Sent(stored, accepted)
        deliveries[send.request.tenant].append((stored, send.draft.recipients))
        given.append((send.request, {"sequence": stored.sequence, "accepted_count": accepted}))
    answers.keep(connection, given, sends[-1].create_time)
    arrivals: list[Arrival] = []
    for tenant in sorted(deliveries):
        arrivals += arrive(connection, tenant, deliveries[tenant])
    return outcomes, arrivals
