from collections.abc import Sequence
from datetime import UTC

from tocsin.v1.inbox_pb2 import Inbox, Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribePhase
from tocsin.v1.message_pb2 import Message
from tocsin_client import InboxUpdate
from tocsin_client.cli.live_feed import LiveFeed

SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY
LIVE = SubscribePhase.SUBSCRIBE_PHASE_LIVE


def update(
    phase: SubscribePhase.ValueType,
    revisions: Sequence[int] = (),
    *,
    unread: int | None = None,
    starts_over: bool = False,
) -> InboxUpdate:
    """An update; it is caught up, and has counters, when it says how many are unread."""
    return InboxUpdate(
        phase=phase,
        starts_over=starts_over,
        after_revision=0,
        revision=0,
        changes=[
            NotificationChange(
                revision=revision, upserted=Notification(message=Message(title=f"title {revision}"))
            )
            for revision in revisions
        ],
        inbox=None if unread is None else Inbox(user_id="alice", unread_count=unread),
        channel_counters=[],
        cursor="",
        caught_up=unread is not None,
    )


def shown(feed: LiveFeed, *updates: InboxUpdate) -> list[str]:
    """The titles, and the words about what is unread, in order."""
    lines = [line.plain for each in updates for line in feed.show(each)]
    return [line[line.find("title") :] if "title" in line else line for line in lines]


def test_a_snapshot_shows_its_newest_last_once_it_is_whole() -> None:
    feed = LiveFeed(UTC)

    first = shown(feed, update(SNAPSHOT, [4, 3], starts_over=True))
    last = shown(feed, update(SNAPSHOT, [2], unread=3))

    assert first == []
    assert last == ["title 2", "title 3", "title 4", "alice has 3 unread"]


def test_half_a_snapshot_is_forgotten_when_another_begins() -> None:
    lines = shown(
        LiveFeed(UTC),
        update(SNAPSHOT, [4, 3], starts_over=True),
        update(SNAPSHOT, [5], unread=1, starts_over=True),
    )

    assert lines == ["title 5", "alice has 1 unread"]


def test_a_whole_snapshot_is_not_shown_again_with_the_next() -> None:
    lines = shown(
        LiveFeed(UTC),
        update(SNAPSHOT, [1], unread=1, starts_over=True),
        update(SNAPSHOT, [2], unread=2, starts_over=True),
    )

    assert lines == ["title 1", "alice has 1 unread", "title 2", "alice has 2 unread"]


def test_changes_are_shown_in_their_order() -> None:
    lines = shown(LiveFeed(UTC), update(REPLAY, [5, 6]), update(LIVE, [7, 8], unread=4))

    assert lines == ["title 5", "title 6", "title 7", "title 8", "alice has 4 unread"]


def test_the_unread_count_is_shown_when_it_changes() -> None:
    feed = LiveFeed(UTC)

    lines = [
        shown(feed, each)
        for each in (
            update(SNAPSHOT, unread=0, starts_over=True),
            update(REPLAY, unread=0),
            update(LIVE, [1], unread=1),
            update(REPLAY, unread=1),
        )
    ]

    assert lines == [["alice has 0 unread"], [], ["title 1", "alice has 1 unread"], []]
