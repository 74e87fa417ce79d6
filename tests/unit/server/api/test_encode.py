"""Responses that are spliced, against what protobuf alone would build."""

from collections.abc import Sequence

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st
from tocsin.v1.inbox_pb2 import ChannelCounters as ChannelCountersProto
from tocsin.v1.inbox_pb2 import Inbox as InboxProto
from tocsin.v1.inbox_pb2 import Notification as NotificationProto
from tocsin.v1.inbox_pb2 import NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse
from tocsin.v1.message_pb2 import Message as MessageProto
from tocsin.v1.message_pb2 import MessageState
from tocsin.v1.message_service_pb2 import SendMessageResponse
from tocsin_server.api import times
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.api.messages import encode as message_encode
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.inboxes import Notification
from tocsin_server.domain.model.messages import Message, Sent
from tocsin_server.domain.model.streams import Phase, Response

from tests.support.building import ALICE

TIME = 1_700_000_000_123_456


def stored(sequence: int, body: MessageProto) -> Message:
    return Message(
        sequence=sequence,
        message_id=f"0192-{sequence}",
        channel_id="news",
        state=MessageState.MESSAGE_STATE_SENT,
        create_time=TIME,
        body=message_encode.server_fields(f"0192-{sequence}", TIME) + body.SerializeToString(),
    )


def copy(sequence: int, body: MessageProto, *, read: bool = False) -> Notification:
    return Notification(
        message=stored(sequence, body),
        revision=sequence,
        arrive_revision=sequence,
        receive_time=TIME + 1,
        seen_time=TIME + 2 if read else None,
        read_time=TIME + 3 if read else None,
    )


def message_proto(sequence: int, body: MessageProto) -> MessageProto:
    whole = MessageProto()
    whole.CopyFrom(body)
    whole.message_id = f"0192-{sequence}"
    whole.state = MessageState.MESSAGE_STATE_SENT
    whole.create_time.FromMicroseconds(TIME)
    return whole


def notification_proto(
    sequence: int, body: MessageProto, *, read: bool = False
) -> NotificationProto:
    proto = NotificationProto(
        notification_id=f"0192-{sequence}-{ALICE.digest().hex()}",
        user_id="alice",
        message=message_proto(sequence, body),
        revision=sequence,
        arrive_revision=sequence,
    )
    proto.receive_time.FromMicroseconds(TIME + 1)
    if read:
        proto.seen_time.FromMicroseconds(TIME + 2)
        proto.read_time.FromMicroseconds(TIME + 3)
    return proto


def bodies() -> st.SearchStrategy[MessageProto]:
    def build(title: str, content: str, labels: dict[str, str], severity: int) -> MessageProto:
        data = Struct()
        data.update({"title": title, "list": [1, None, {"a": content}]})
        return MessageProto(
            channel_id="news",
            title=title,
            content=content,
            labels=labels,
            data=data,
            severity=severity,  # type: ignore[arg-type]  # any number of the enum
        )

    text = st.text(max_size=300)
    return st.builds(build, text, text, st.dictionaries(text, text, max_size=3), st.integers(1, 4))


@given(bodies())
def test_a_message_is_what_was_sent_and_what_the_server_set(body: MessageProto) -> None:
    assert MessageProto.FromString(message_encode.message(stored(7, body))) == message_proto(
        7, body
    )


@given(bodies(), st.integers(0, 1_000))
def test_the_answer_to_a_send_has_the_message_and_the_count(
    body: MessageProto, accepted: int
) -> None:
    encoded = message_encode.sent(Sent(stored(7, body), accepted))

    assert SendMessageResponse.FromString(encoded) == SendMessageResponse(
        message=message_proto(7, body), accepted_count=accepted
    )


@settings(max_examples=30)
@given(st.lists(st.tuples(bodies(), st.booleans()), max_size=4), st.sampled_from(Phase))
def test_a_delivery_is_what_protobuf_would_build(
    given_: Sequence[tuple[MessageProto, bool]], phase: Phase
) -> None:
    response = Response(
        phase=phase,
        after_revision=3,
        revision=9,
        items=[copy(n, body, read=read) for n, (body, read) in enumerate(given_, 4)],
        counters=Counters(3, 2, 1),
        channel_counters=[ChannelCounters("news", Counters(3, 2, 1))],
        cursor="cursor",
        caught_up=True,
        reconnect_delay=0.25,
    )

    encoded = InboxEncoder(ALICE).response(response)

    expected = SubscribeResponse(
        phase=SubscribePhase.ValueType(phase.value),
        after_revision=3,
        revision=9,
        changes=[
            NotificationChange(revision=n, upserted=notification_proto(n, body, read=read))
            for n, (body, read) in enumerate(given_, 4)
        ],
        inbox=InboxProto(
            user_id="alice", revision=9, total_count=3, unread_count=2, unseen_count=1
        ),
        channel_counters=[
            ChannelCountersProto(channel_id="news", total_count=3, unread_count=2, unseen_count=1)
        ],
        cursor="cursor",
        caught_up=True,
    )
    expected.reconnect_delay.FromMilliseconds(250)
    assert SubscribeResponse.FromString(encoded) == expected


def test_an_empty_delivery_sets_nothing_that_it_does_not_say() -> None:
    encoded = InboxEncoder(ALICE).response(Response(Phase.HEARTBEAT, 4, 4, cursor="c"))

    assert SubscribeResponse.FromString(encoded) == SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT, after_revision=4, revision=4, cursor="c"
    )


@pytest.mark.parametrize("microseconds", [0, 1, 999_999, 1_000_000, TIME])
def test_a_timestamp_is_exact_to_the_microsecond(microseconds: int) -> None:
    assert times.timestamp(microseconds).ToMicroseconds() == microseconds


@pytest.mark.parametrize(
    ("seconds", "microseconds"),
    [(0.0, 0), (0.25, 250_000), (1.0, 1_000_000), (59.9999999, 60_000_000)],
)
def test_a_duration_is_exact_to_the_microsecond(seconds: float, microseconds: int) -> None:
    assert times.duration(seconds).ToMicroseconds() == microseconds
