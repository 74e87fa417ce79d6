"""What a client holds of an inbox, put together from the changes that it gets."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tocsin_server.domain.model.changes import Item, Mark, Removal
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.inboxes import Notification


@dataclass(frozen=True)
class Held:
    """A notification as a client holds it."""

    channel_id: str
    arrive_revision: int
    seen_time: int | None
    read_time: int | None

    def marked(self, mark: Mark) -> "Held":
        """The notification after a mark, by the rules that the protos give."""
        of_channel = mark.channel_ids is None or self.channel_id in mark.channel_ids
        if not of_channel or self.arrive_revision > mark.up_to_revision:
            return self
        seen, read = self.seen_time, self.read_time
        if mark.read:
            read = mark.mark_time if read is None else read
        if mark.read or mark.seen:
            seen = mark.mark_time if seen is None else seen
        if mark.read is False or mark.seen is False:
            read = None
        if mark.seen is False:
            seen = None
        return replace(self, seen_time=seen, read_time=read)


@dataclass
class View:
    """An inbox by its messages' sequences."""

    held: dict[int, Held] = field(default_factory=dict)

    def copy(self) -> "View":
        return View(dict(self.held))

    def take(self, items: Iterable[Item]) -> "View":
        """Applies items, in their order."""
        for item in items:
            if isinstance(item, Notification):
                self.held[item.message.sequence] = Held(
                    item.message.channel_id, item.arrive_revision, item.seen_time, item.read_time
                )
            elif isinstance(item, Removal):
                self.held.pop(item.sequence, None)
            else:
                self.held = {key: held.marked(item) for key, held in self.held.items()}
        return self

    def counters(self) -> Counters:
        """A recount."""
        return _count(self.held.values())

    def channel_counters(self) -> list[tuple[str, Counters]]:
        """A recount, channel by channel."""
        channels = Counter(held.channel_id for held in self.held.values())
        return [
            (channel_id, _count(h for h in self.held.values() if h.channel_id == channel_id))
            for channel_id in sorted(channels)
        ]


def _count(held: Iterable[Held]) -> Counters:
    total = unread = unseen = 0
    for each in held:
        total += 1
        unread += each.read_time is None
        unseen += each.seen_time is None
    return Counters(total, unread, unseen)
