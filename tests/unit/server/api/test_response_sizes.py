"""Pages that are as full as the store makes them fit a response, whoever the user is."""

import pytest
from tocsin.v1.inbox_service_pb2 import ListInboxChannelsResponse, ListNotificationsResponse
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.api.messages.encode import server_fields
from tocsin_server.api.page_tokens import encode_page_token
from tocsin_server.api.splicing import field
from tocsin_server.domain.following import COUNTERS_BYTES_BESIDE
from tocsin_server.domain.model.changes import ENVELOPE_BYTES, size_of_counters
from tocsin_server.domain.model.channels import Channel, ChannelType
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import InboxChannel, Notification
from tocsin_server.domain.model.limits import PAGE_SIZE_MAX, RESPONSE_BYTES, USER_ID_CHARACTERS
from tocsin_server.domain.model.messages import Message, MessageState
from tocsin_server.domain.model.streams import Phase, Response
from tocsin_server.store.page_keys import page_key
from tocsin_server.store.pages import PAGE_BYTES

WIDEST = InboxKey("default", "😀" * USER_ID_CHARACTERS)
LARGEST = 2**63 - 1
TIME = 4_000_000_000_123_456
CHANNEL_ID = "c" * 63
COUNTERS = Counters(LARGEST, LARGEST, LARGEST)
MESSAGE_ID = "01920000-0000-7000-8000-000000000000"
TOKEN = encode_page_token(bytes(12), page_key(LARGEST)).encode()

HEAD = server_fields(MESSAGE_ID, TIME)
FILLING = (PAGE_BYTES - 1) // PAGE_SIZE_MAX - ENVELOPE_BYTES - len(HEAD)
"""How many bytes of text fill the largest page: more rows, or more bytes, do not go in."""


def notification(text_bytes: int) -> Notification:
    """A notification whose sender wrote so many bytes, and whose other fields are the widest."""
    body = HEAD + bytes(text_bytes)
    message = Message(LARGEST, MESSAGE_ID, CHANNEL_ID, MessageState.SENT, TIME, body)
    return Notification(message, LARGEST, LARGEST - 1, TIME, TIME + 1, TIME + 2)


def full_page(size: int) -> int:
    """How many rows of a size the store puts into the largest page."""
    return min(PAGE_SIZE_MAX, (PAGE_BYTES - 1) // size)


@pytest.mark.parametrize("text_bytes", [0, FILLING, 10_000])
def test_a_full_page_of_notifications_with_the_widest_ids_fits(text_bytes: int) -> None:
    row = notification(text_bytes)
    encoder = InboxEncoder(WIDEST)
    count = full_page(len(row.message.body) + ENVELOPE_BYTES)

    number = ListNotificationsResponse.NOTIFICATIONS_FIELD_NUMBER
    listed = count * len(field(number, encoder.notification(row)))
    token = field(ListNotificationsResponse.NEXT_PAGE_TOKEN_FIELD_NUMBER, TOKEN)

    assert listed + len(token) <= RESPONSE_BYTES


@pytest.mark.parametrize("text_bytes", [0, FILLING, 10_000])
def test_a_full_response_of_a_stream_with_the_widest_ids_fits(text_bytes: int) -> None:
    row = notification(text_bytes)
    of_channel = ChannelCounters(CHANNEL_ID, COUNTERS)
    response = Response(
        Phase.REPLAY,
        LARGEST,
        LARGEST,
        [row] * full_page(len(row.message.body) + ENVELOPE_BYTES),
        COUNTERS,
        [of_channel] * (COUNTERS_BYTES_BESIDE // size_of_counters([of_channel])),
        Cursor(LARGEST, LARGEST, WIDEST.digest(), Position(LARGEST, LARGEST)).encode(),
        caught_up=True,
    )

    assert len(InboxEncoder(WIDEST).response(response)) <= RESPONSE_BYTES


@pytest.mark.parametrize("title", ["", "t" * 200, "😀" * 200])
def test_a_full_page_of_an_inboxs_channels_with_the_widest_ids_fits(title: str) -> None:
    channel = Channel(
        tenant=WIDEST.tenant,
        channel_id=CHANNEL_ID,
        type=ChannelType.IN_APP,
        title=title,
        description="",
        labels={},
        etag="e" * 16,
        create_time=TIME,
        update_time=TIME + 1,
    )
    row = InboxChannel(channel, COUNTERS, notification(0))
    size = 4 * len(title + "{}") + len(row.latest.message.body) + 2 * ENVELOPE_BYTES

    number = ListInboxChannelsResponse.INBOX_CHANNELS_FIELD_NUMBER
    listed = full_page(size) * len(field(number, InboxEncoder(WIDEST).inbox_channel(row)))
    token = field(ListInboxChannelsResponse.NEXT_PAGE_TOKEN_FIELD_NUMBER, TOKEN)

    assert listed + len(token) <= RESPONSE_BYTES
