import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_pb2 import Inbox, InboxChannel, Notification
from tocsin.v1.message_pb2 import Message, Severity
from tocsin_client.cli import entry_lines
from tocsin_client.cli.entry_lines import Entry

from tests.unit.client.cli.test_rendering import SHOWN, ZONE, moment


def notification(
    title: str = "A new lead", *, url: str = "/leads/42", read: Timestamp | None = None
) -> Notification:
    message = Message(title=title, url=url, severity=Severity.SEVERITY_HIGH)
    return Notification(message=message, receive_time=moment(), read_time=read)


def wrapped(entry: Entry, width: int) -> list[str]:
    return [line.plain for line in entry.lines(width)]


def test_what_is_unread_is_named_so_and_what_was_read_is_dim() -> None:
    unread = entry_lines.received(notification(), ZONE)
    read = entry_lines.received(notification(read=moment()), ZONE)

    assert unread.line().plain == f"unread  {SHOWN}  high      A new lead  /leads/42"
    assert read.line().plain == f"        {SHOWN}  high      A new lead  /leads/42"
    assert "dim" in [span.style for span in read.words.spans]
    assert "dim" not in [span.style for span in unread.words.spans]


def test_a_title_has_the_colour_of_its_severity() -> None:
    spans = entry_lines.received(notification(), ZONE).words.spans

    assert (spans[0].start, spans[0].end, spans[0].style) == (0, 10, "bold yellow")


def test_a_notification_without_a_link_ends_with_its_title() -> None:
    assert entry_lines.received(notification(url=""), ZONE).words.plain == "A new lead"


def test_counts_are_grouped_and_agree_with_their_nouns() -> None:
    held = InboxChannel(
        channel=Channel(channel_id="news", title="The\nnews"),
        total_count=1,
        unread_count=1,
        unseen_count=0,
    )
    inbox = Inbox(user_id="alice", total_count=12_345, unread_count=2_000, unseen_count=1)

    assert entry_lines.channel(held).line().plain == (
        "news  The news  1 notification, 1 unread, 0 unseen"
    )
    assert entry_lines.inbox(inbox).line().plain == (
        "alice  12,345 notifications, 2,000 unread, 1 unseen"
    )


def test_a_message_shows_time_severity_title_and_id() -> None:
    message = Message(
        message_id="m1",
        title="A\x1bnew lead",
        severity=Severity.SEVERITY_LOW,
        create_time=moment(),
    )

    assert entry_lines.sent(message, ZONE).line().plain == f"{SHOWN}  low       A\\x1bnew lead  m1"


def test_what_fits_is_one_line() -> None:
    entry = Entry(Text("start"), Text("some words"))

    assert wrapped(entry, 17) == ["start  some words"]


def test_words_wrap_under_themselves() -> None:
    entry = Entry(Text("start"), Text("some words, and more of them than fit"))

    assert wrapped(entry, 30) == ["start  some words, and more of", "       them than fit"]


def test_no_line_ends_with_the_space_at_which_it_was_wrapped() -> None:
    lines = wrapped(Entry(Text("start"), Text("漢字 " * 30)), 40)

    assert len(lines) > 2
    assert lines == [line.rstrip() for line in lines]


def test_a_word_without_end_is_folded() -> None:
    entry = Entry(Text("start"), Text("x" * 40))

    assert wrapped(entry, 30) == ["start  " + "x" * 23, "       " + "x" * 17]


def test_words_stand_under_what_lines_up_where_there_is_no_room_beside_it() -> None:
    entry = Entry(Text("a long start"), Text("some words, and more"))

    assert wrapped(entry, 26) == ["a long start", "  some words, and more"]


@pytest.mark.parametrize("width", [1, 2, 10, 26, 40, 80])
def test_no_line_of_words_is_wider_than_the_terminal(width: int) -> None:
    entry = Entry(Text("a"), Text("漢字とかな" * 20))

    lines = wrapped(entry, width)

    assert "".join(line.strip() for line in lines).removeprefix("a").strip() == "漢字とかな" * 20
    assert max(Text(line).cell_len for line in lines) <= max(width, 4)


def test_a_gap_is_an_empty_line() -> None:
    assert wrapped(entry_lines.gap(), 80) == [""]
    assert entry_lines.gap().line().plain == ""


def test_a_title_of_nothing_visible_is_shown_escaped() -> None:
    message = Message(title="\u3164\u2800", create_time=moment())
    held = InboxChannel(channel=Channel(channel_id="news", title="\u200b"))

    assert r"\u3164\u2800" in entry_lines.sent(message, ZONE).line().plain
    assert r"\u3164\u2800" in entry_lines.received(Notification(message=message), ZONE).line().plain
    assert r"news  \u200b  " in entry_lines.channel(held).line().plain
