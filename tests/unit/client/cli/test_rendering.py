import json
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import (
    ChannelIds,
    Inbox,
    Mark,
    Notification,
    NotificationChange,
    NotificationIds,
    NotificationSelector,
)
from tocsin.v1.message_pb2 import Message, Severity
from tocsin.v1.message_service_pb2 import SendMessageResponse
from tocsin_client.cli import rendering

ZONE = timezone(timedelta(hours=1))
MOMENT = datetime(2026, 11, 22, 17, 51, 4, tzinfo=ZONE)
SHOWN = "2026-11-22 17:51:04+01:00"


def moment() -> Timestamp:
    return Timestamp(seconds=int(MOMENT.timestamp()), nanos=999_000_000)


def arrival(
    *,
    title: str = "A new lead",
    url: str = "/leads/42",
    severity: Severity.ValueType = Severity.SEVERITY_NORMAL,
    read: bool = False,
) -> NotificationChange:
    message = Message(channel_id="marketing-clue", title=title, url=url, severity=severity)
    return NotificationChange(
        revision=7,
        upserted=Notification(
            message=message, receive_time=moment(), read_time=moment() if read else None
        ),
    )


def mark(selector: NotificationSelector, **state: bool) -> NotificationChange:
    marked = Mark(selector=selector, mark_time=moment(), **state)
    return NotificationChange(revision=8, marked=marked)


def test_an_arrival_shows_time_revision_channel_severity_title_and_url() -> None:
    line = rendering.changed(arrival(), ZONE)

    assert line.plain == f"{SHOWN}      7  marketing-clue  normal    A new lead  /leads/42"


def test_a_notification_without_a_link_ends_with_its_title() -> None:
    assert rendering.changed(arrival(url=""), ZONE).plain.endswith("  A new lead")


@pytest.mark.parametrize(
    ("severity", "name", "style"),
    [
        (Severity.SEVERITY_LOW, "low", "dim"),
        (Severity.SEVERITY_NORMAL, "normal", ""),
        (Severity.SEVERITY_HIGH, "high", "bold yellow"),
        (Severity.SEVERITY_CRITICAL, "critical", "bold red"),
    ],
)
def test_severities_are_named_and_coloured(
    severity: Severity.ValueType, name: str, style: str
) -> None:
    line = rendering.changed(arrival(severity=severity), ZONE)

    start = line.plain.index(name)
    assert f"  {name:<8}  A new lead" in line.plain
    assert [span.style for span in line.spans if span.start == start] == ([style] if style else [])


def test_every_severity_has_a_name() -> None:
    named = {
        f"SEVERITY_{name.upper()}": number for number, (name, _) in rendering.SEVERITIES.items()
    }

    assert named | {"SEVERITY_UNSPECIFIED": 0} == dict(Severity.items())


def test_a_severity_of_a_newer_server_shows_its_number() -> None:
    change = arrival()
    change.upserted.message.ParseFromString(b"\x50\x63")

    assert "  99  " in rendering.changed(change, ZONE).plain


def test_what_was_read_is_dim() -> None:
    whole = len(rendering.changed(arrival(), ZONE))

    def dims(line: Text) -> set[int]:
        return {span.end - span.start for span in line.spans if span.style == "dim"}

    assert whole in dims(rendering.changed(arrival(read=True), ZONE))
    assert whole not in dims(rendering.changed(arrival(), ZONE))


def test_what_senders_write_is_shown_and_not_obeyed() -> None:
    line = rendering.changed(arrival(title="\x1b[31mred\n\u202efdp.exe [bold]"), ZONE)

    assert r"  \x1b[31mred \u202efdp.exe [bold]  /leads/42" in line.plain


ALL = NotificationSelector(all=True)
TO_FIVE = NotificationSelector(all=True, up_to_revision=5)
CHANNELS = NotificationSelector(channel_ids=ChannelIds(channel_ids=["a", "b"]), up_to_revision=5)
ONE = NotificationSelector(ids=NotificationIds(notification_ids=["n1"]))
TWO = NotificationSelector(ids=NotificationIds(notification_ids=["n1", "n2"]))


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (mark(ALL, read=True), "read  all"),
        (mark(ALL, read=True, seen=True), "read  all"),
        (mark(TO_FIVE, seen=True), "seen  all up to 5"),
        (mark(CHANNELS, read=False), "unread  all of a, b up to 5"),
        (mark(ONE, seen=False), "unseen  1 notification"),
        (mark(TWO, read=True), "read  2 notifications"),
    ],
    ids=["all", "read and seen", "up to", "channels", "one", "two"],
)
def test_a_mark_says_what_it_marks(change: NotificationChange, shown: str) -> None:
    assert rendering.changed(change, ZONE).plain == f"{SHOWN}      8  {shown}"


def test_a_removal_shows_the_id() -> None:
    line = rendering.changed(NotificationChange(revision=12_345, removed="n1"), ZONE)

    assert line.plain == f"{'':25}  12345  removed  n1"


def test_counts_are_grouped_and_agree_with_their_nouns() -> None:
    def sent(count: int) -> str:
        response = SendMessageResponse(message=Message(message_id="m1"), accepted_count=count)
        return rendering.sent(response).plain

    assert sent(1) == "sent to 1 inbox  m1"
    assert sent(1000) == "sent to 1,000 inboxes  m1"
    assert rendering.counted(Inbox(user_id="alice", unread_count=1234)).plain == (
        "alice has 1,234 unread"
    )


def test_channels_are_aligned() -> None:
    channels = [
        Channel(channel_id="marketing-clue", title="Marketing\nclues"),
        Channel(channel_id="news", title="News"),
    ]

    assert [line.plain for line in rendering.channels_listed(channels)] == [
        "marketing-clue  Marketing clues",
        "news            News",
    ]
    assert not list(rendering.channels_listed([]))


def test_whole_numbers_of_data_are_shown_as_whole() -> None:
    message = Message()
    message.data.update({"id": 42, "score": 0.5, "parts": [1, {"of": -3}]})

    lines = [line.plain for line in rendering.message_shown(message, ZONE)]

    (data,) = (line for line in lines if line.startswith("data"))
    assert json.loads(data.partition("  ")[2]) == {"id": 42, "score": 0.5, "parts": [1, {"of": -3}]}
    assert ".0" not in data


def test_a_channel_shows_what_it_has() -> None:
    channel = Channel(
        channel_id="news",
        title="News",
        description="All of it",
        labels={"team": "press", "area": "emea"},
        etag="e1",
        create_time=moment(),
        update_time=moment(),
    )

    assert [line.plain for line in rendering.channel_shown(channel, ZONE)] == [
        "channel      news",
        "title        News",
        "description  All of it",
        "label        area=emea",
        "label        team=press",
        f"created      {SHOWN}",
        f"updated      {SHOWN}",
        "etag         e1",
    ]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (UTC, "2026-11-22 16:51:04+00:00"),
        (timezone(-timedelta(hours=3, minutes=30)), "2026-11-22 13:21:04-03:30"),
    ],
)
def test_a_time_shows_its_offset(zone: tzinfo, shown: str) -> None:
    assert rendering.moment(moment(), zone) == shown
    assert rendering.changed(arrival(), zone).plain.startswith(f"{shown}      7  ")


def test_without_a_zone_a_time_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert rendering.moment(moment(), None) == "2026-11-22 22:36:04+05:45"
    finally:
        monkeypatch.undo()
        time.tzset()
