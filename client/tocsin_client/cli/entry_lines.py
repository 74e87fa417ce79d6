"""Entries of a list as text: columns that are aligned, and words that wrap beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from rich.text import Text

from tocsin_client.cli.rendering import moment, severity
from tocsin_client.cli.sanitizing import plain, plain_title
from tocsin_client.cli.wrapping import line_breaks

if TYPE_CHECKING:
    from tocsin.v1.inbox_pb2 import Inbox, InboxChannel, Notification
    from tocsin.v1.message_pb2 import Message

# Where fewer columns are left beside the aligned part, the words go below it.
_ROOM = 20
_INDENT = 2
_UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list."""

    start: Text
    words: Text

    def line(self) -> Text:
        """Returns the entry as one line."""
        return Text("  ").join(part for part in (self.start, self.words) if part)

    def lines(self, width: int) -> Iterator[Text]:
        """Yields the entry as lines of at most `width` columns."""
        line = self.line()
        if line.cell_len <= width or not self.words:
            yield line
            return
        indent = self.start.cell_len + 2
        if width - indent < _ROOM:
            yield self.start
            indent, start = _INDENT, Text(" " * _INDENT)
        else:
            start = Text.assemble(self.start, "  ")
        for words in self.words.divide(line_breaks(self.words.plain, max(width - indent, _INDENT))):
            words.rstrip()
            yield Text.assemble(start, words)
            start = Text(" " * indent)


def gap() -> Entry:
    """Returns an empty line."""
    return Entry(Text(), Text())


def sent(message: "Message", zone: tzinfo | None) -> Entry:
    """Returns a message of a channel: its time, severity, title and id."""
    name, style = severity(message)
    return Entry(
        Text.assemble((moment(message.create_time, zone), "dim"), "  ", (f"{name:<8}", style)),
        Text.assemble((plain_title(message.title), style), "  ", (message.message_id, "dim")),
    )


def inbox(shown: "Inbox") -> Entry:
    """Returns the counters of an inbox."""
    return Entry(Text(plain(shown.user_id), "bold"), Text(_counts(shown)))


def channel(inbox_channel: "InboxChannel") -> Entry:
    """Returns a channel of an inbox: its title and its counters."""
    return Entry(
        Text(inbox_channel.channel.channel_id, "bold cyan"),
        Text.assemble(
            (plain_title(inbox_channel.channel.title), "bold"), "  ", _counts(inbox_channel)
        ),
    )


def received(notification: "Notification", zone: tzinfo | None) -> Entry:
    """Returns a notification: unread or not, its time, severity, title and URL."""
    message = notification.message
    name, style = severity(message)
    is_read = notification.HasField("read_time")
    words = [(plain_title(message.title), style), (plain(message.url), "underline")]
    start = Text.assemble(
        (f"{'' if is_read else _UNREAD:<{len(_UNREAD)}}", "bold"),
        "  ",
        (moment(notification.receive_time, zone), "dim"),
        "  ",
        (f"{name:<8}", style),
    )
    entry = Entry(start, Text("  ").join(Text(text, styled) for text, styled in words if text))
    if is_read:
        entry.start.stylize("dim")
        entry.words.stylize("dim")
    return entry


def _counts(counted: "Inbox | InboxChannel") -> str:
    total = counted.total_count
    return (
        f"{total:,} {'notification' if total == 1 else 'notifications'},"
        f" {counted.unread_count:,} unread, {counted.unseen_count:,} unseen"
    )
