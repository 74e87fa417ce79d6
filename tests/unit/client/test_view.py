from collections.abc import Sequence

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tocsin.v1.inbox_pb2 import (
    ChannelCounters,
    ChannelIds,
    Inbox,
    Mark,
    Notification,
    NotificationChange,
    NotificationFilter,
    NotificationSelector,
)
from tocsin.v1.inbox_service_pb2 import SubscribePhase
from tocsin.v1.message_pb2 import Message
from tocsin_client import InboxChange, InboxUpdate, InboxView

UNREAD = NotificationFilter.NOTIFICATION_FILTER_UNREAD
READ = NotificationFilter.NOTIFICATION_FILTER_READ
ALL = NotificationSelector(all=True, up_to_revision=100)


def row(
    arrived: int,
    *,
    revision: int = 0,
    channel_id: str = "news",
    seen: int | None = None,
    read: int | None = None,
) -> NotificationChange:
    """A notification as it stands, named by its arrival; times are in seconds."""
    notification = Notification(
        notification_id=f"n{arrived}",
        message=Message(channel_id=channel_id),
        seen_time=None if seen is None else Timestamp(seconds=seen),
        read_time=None if read is None else Timestamp(seconds=read),
        revision=revision or arrived,
        arrive_revision=arrived,
    )
    return NotificationChange(revision=notification.revision, upserted=notification)


def rows(*arrived: int) -> list[NotificationChange]:
    return [row(each) for each in arrived]


def gone(revision: int, name: str) -> NotificationChange:
    return NotificationChange(revision=revision, removed=name)


def marked(
    revision: int,
    selector: NotificationSelector = ALL,
    *,
    read: bool | None = None,
    seen: bool | None = None,
) -> NotificationChange:
    """A mark whose time, in seconds, is its revision."""
    mark = Mark(selector=selector, read=read, seen=seen, mark_time=Timestamp(seconds=revision))
    return NotificationChange(revision=revision, marked=mark)


def update(
    phase: SubscribePhase.ValueType,
    revision: int,
    changes: Sequence[NotificationChange],
    *,
    total: int | None = None,
    starts_over: bool = False,
    whole: bool = True,
    channels: Sequence[ChannelCounters] = (),
) -> InboxUpdate:
    """An update that makes the inbox's state whole, or not; by default with all it carries."""
    count = len(changes) if total is None else total
    return InboxUpdate(
        phase=phase,
        starts_over=starts_over,
        after_revision=0,
        revision=revision,
        changes=changes,
        inbox=Inbox(revision=revision, total_count=count) if whole else None,
        channel_counters=channels,
        cursor="",
        caught_up=whole and phase != SubscribePhase.SUBSCRIBE_PHASE_LIVE,
    )


def snapshot(
    revision: int,
    changes: Sequence[NotificationChange],
    *,
    total: int | None = None,
    first: bool = True,
    last: bool = True,
    channels: Sequence[ChannelCounters] = (),
) -> InboxUpdate:
    return update(
        SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT,
        revision,
        changes,
        total=total,
        starts_over=first,
        whole=last,
        channels=channels,
    )


def replay(
    revision: int,
    changes: Sequence[NotificationChange],
    *,
    last: bool = True,
    channels: Sequence[ChannelCounters] = (),
) -> InboxUpdate:
    phase = SubscribePhase.SUBSCRIBE_PHASE_REPLAY
    return update(phase, revision, changes, whole=last, channels=channels)


def live(
    revision: int,
    changes: Sequence[NotificationChange],
    *,
    channels: Sequence[ChannelCounters] = (),
) -> InboxUpdate:
    return update(SubscribePhase.SUBSCRIBE_PHASE_LIVE, revision, changes, channels=channels)


def counters(channel_id: str, total: int) -> ChannelCounters:
    return ChannelCounters(channel_id=channel_id, total_count=total)


def begun(*changes: NotificationChange, revision: int = 10, total: int | None = None) -> InboxView:
    """A view that has one SNAPSHOT."""
    view = InboxView()
    view.apply(snapshot(revision, changes, total=total))
    return view


def shown(view: InboxView) -> list[str]:
    return names(view.notifications)


def names(notifications: Sequence[Notification]) -> list[str]:
    return [notification.notification_id for notification in notifications]


def state(notification: Notification | None) -> tuple[int | None, int | None]:
    """When it was seen and read, in seconds."""
    assert notification is not None
    return (
        notification.seen_time.seconds if notification.HasField("seen_time") else None,
        notification.read_time.seconds if notification.HasField("read_time") else None,
    )


def summary(change: InboxChange | None) -> tuple[list[str], list[str], list[str], bool]:
    assert change is not None
    return names(change.arrived), names(change.changed), names(change.removed), change.starts_over


def test_before_the_first_snapshot_it_shows_an_empty_inbox() -> None:
    view = InboxView()

    assert not view.caught_up
    assert (view.revision, view.floor, view.inbox) == (0, 0, Inbox())
    assert (view.notifications, view.channels) == ((), {})


def test_a_snapshot_is_shown_in_list_order_with_the_servers_counters() -> None:
    view = InboxView()
    counts = Inbox(revision=10, total_count=3)

    change = view.apply(snapshot(10, rows(9, 5, 2), channels=[counters("news", 3)]))

    assert summary(change) == (["n2", "n5", "n9"], [], [], True)
    assert view.caught_up
    assert shown(view) == ["n9", "n5", "n2"]
    assert (view.revision, view.inbox) == (10, counts)
    assert view.channels == {"news": counters("news", 3)}


def test_a_snapshot_of_several_responses_shows_with_the_last() -> None:
    view = InboxView()

    first = view.apply(snapshot(10, rows(9, 5), last=False))
    before = (view.caught_up, view.notifications, view.revision)
    last = view.apply(snapshot(10, rows(2), total=3, first=False))

    assert first is None
    assert before == (False, (), 0)
    assert summary(last) == (["n2", "n5", "n9"], [], [], True)
    assert shown(view) == ["n9", "n5", "n2"]


def test_a_later_snapshot_takes_the_place_of_what_is_shown_at_once() -> None:
    view = begun(*rows(4, 3, 2))

    view.apply(snapshot(20, [row(19), row(4)], last=False))
    during = shown(view)
    change = view.apply(snapshot(20, [row(3, read=15)], total=3, first=False))

    assert during == ["n4", "n3", "n2"]
    assert summary(change) == (["n19"], ["n3"], ["n2"], True)
    assert shown(view) == ["n19", "n4", "n3"]


def test_a_snapshot_that_breaks_off_leaves_nothing_behind() -> None:
    view = begun(*rows(2))

    view.apply(snapshot(20, rows(19, 18), last=False))
    view.apply(snapshot(30, rows(29)))

    assert shown(view) == ["n29"]


def test_a_view_without_a_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="subscribe without a cursor"):
        InboxView().apply(replay(5, rows(5)))


def test_the_floor_is_the_oldest_of_a_snapshot_that_is_cut() -> None:
    assert begun(*rows(9, 7), total=3).floor == 7
    assert begun(*rows(9, 7), total=2).floor == 0
    assert begun(total=0).floor == 0


def test_what_arrived_below_the_floor_is_not_shown() -> None:
    view = begun(*rows(9, 7), total=3)

    change = view.apply(live(11, [row(6, revision=11), row(7, revision=11, read=11)]))

    assert summary(change) == ([], ["n7"], [], False)
    assert shown(view) == ["n9", "n7"]
    assert view.revision == 11


def test_the_floor_stays_where_it_is_until_the_next_snapshot() -> None:
    view = begun(*rows(9, 7), total=3)
    view.apply(live(12, [gone(11, "n7"), gone(12, "n9")]))
    view.apply(live(13, [row(8, revision=13)]))

    held = (view.floor, shown(view))
    view.apply(snapshot(14, rows(8, 3)))

    assert held == (7, ["n8"])
    assert (view.floor, shown(view)) == (0, ["n8", "n3"])


def test_arrivals_are_shown_on_top_and_reported_in_their_order() -> None:
    view = begun(*rows(2, 1))

    change = view.apply(live(12, rows(11, 12)))

    assert summary(change) == (["n11", "n12"], [], [], False)
    assert shown(view) == ["n12", "n11", "n2", "n1"]


def test_what_is_upserted_twice_is_shown_once_as_it_last_stood() -> None:
    view = begun(*rows(2, 1))

    change = view.apply(live(13, [row(11), row(11, revision=12, seen=12), row(2, revision=13)]))

    assert summary(change) == (["n11"], ["n2"], [], False)
    assert shown(view) == ["n11", "n2", "n1"]
    assert state(view.get("n11")) == (12, None)


def test_what_arrives_anew_moves_to_its_new_place() -> None:
    view = begun(*rows(3, 2, 1))
    woken = row(2, revision=11)
    woken.upserted.arrive_revision = 11

    change = view.apply(live(11, [woken]))

    assert summary(change) == ([], ["n2"], [], False)
    assert shown(view) == ["n2", "n3", "n1"]


def test_what_is_removed_goes_and_one_that_is_not_held_changes_nothing() -> None:
    view = begun(*rows(3, 2, 1))

    change = view.apply(live(12, [gone(11, "n2"), gone(12, "n99")]))

    assert summary(change) == ([], [], ["n2"], False)
    assert shown(view) == ["n3", "n1"]
    assert view.get("n2") is None


def test_an_arrival_that_the_same_update_removes_is_not_reported() -> None:
    view = begun(*rows(1))

    change = view.apply(live(12, [row(11), gone(12, "n11")]))

    assert summary(change) == ([], [], [], False)
    assert shown(view) == ["n1"]


@pytest.mark.parametrize(
    ("read", "seen", "states"),
    [
        (True, None, [(11, 11), (2, 11), (3, 4)]),
        (False, None, [(None, None), (2, None), (3, None)]),
        (None, True, [(11, None), (2, None), (3, 4)]),
        (None, False, [(None, None), (None, None), (None, None)]),
        (False, True, [(11, None), (2, None), (3, None)]),
        (True, True, [(11, 11), (2, 11), (3, 4)]),
    ],
)
def test_a_mark_gives_what_it_selects_the_state_and_keeps_first_times(
    read: bool | None, seen: bool | None, states: list[tuple[int | None, int | None]]
) -> None:
    view = begun(row(1), row(2, seen=2), row(3, seen=3, read=4))

    view.apply(live(11, [marked(11, read=read, seen=seen)]))

    assert [state(view.get(name)) for name in ("n1", "n2", "n3")] == states


def test_a_mark_reaches_up_to_its_revision_and_no_further() -> None:
    view = begun(*rows(3, 2, 1))

    change = view.apply(
        live(11, [marked(11, NotificationSelector(all=True, up_to_revision=2), read=True)])
    )

    assert summary(change) == ([], ["n1", "n2"], [], False)
    assert names(view.select(filter=UNREAD)) == ["n3"]


def test_a_mark_of_channels_leaves_the_others_alone() -> None:
    view = begun(row(3, channel_id="offers"), row(2), row(1, channel_id="clues"))
    selector = NotificationSelector(
        channel_ids=ChannelIds(channel_ids=["news", "clues"]), up_to_revision=100
    )

    change = view.apply(live(11, [marked(11, selector, read=True)]))

    assert summary(change) == ([], ["n1", "n2"], [], False)


def test_a_replay_of_several_responses_shows_with_the_last() -> None:
    view = begun(*rows(2, 1))

    first = view.apply(replay(11, [row(11), marked(12, read=True)], last=False))
    during = (shown(view), view.revision, state(view.get("n1")))
    last = view.apply(replay(14, [marked(13, read=False), gone(14, "n2")]))

    assert first is None
    assert during == (["n2", "n1"], 10, (None, None))
    assert summary(last) == (["n11"], ["n1"], ["n2"], False)
    assert view.revision == 14
    assert state(view.get("n1")) == (12, None)


def test_a_mark_that_a_replayed_row_has_already_changes_nothing() -> None:
    view = begun(*rows(1))

    change = view.apply(
        replay(12, [row(11, seen=8, read=9), marked(12, seen=True), marked(12, read=True)])
    )

    assert summary(change) == (["n11"], ["n1"], [], False)
    assert state(view.get("n11")) == (8, 9)


def test_a_replay_of_nothing_is_no_change() -> None:
    view = begun(*rows(1))

    assert view.apply(replay(10, [])) is None


def test_a_change_below_the_floor_is_reported_for_its_counters() -> None:
    view = begun(*rows(9, 7), total=3)

    change = view.apply(update(SubscribePhase.SUBSCRIBE_PHASE_LIVE, 11, [gone(11, "n3")], total=2))

    assert summary(change) == ([], [], [], False)
    assert view.inbox.total_count == 2


@pytest.mark.parametrize("phase", ["HEARTBEAT", "RECONNECT"])
def test_a_sign_of_life_is_no_change(phase: str) -> None:
    idle = update(SubscribePhase.Value(f"SUBSCRIBE_PHASE_{phase}"), 10, [], whole=False)
    view = begun(*rows(1))

    assert view.apply(idle) is None
    assert InboxView().apply(idle) is None
    assert shown(view) == ["n1"]


@pytest.mark.parametrize(
    "change",
    [
        NotificationChange(revision=11),
        marked(11, NotificationSelector(up_to_revision=9), read=True),
    ],
    ids=["another kind", "a mark of another target"],
)
def test_a_change_of_a_kind_that_is_not_known_is_refused(change: NotificationChange) -> None:
    with pytest.raises(ValueError, match="the change at 11 is of an unknown kind"):
        begun().apply(live(11, [change]))


def test_a_snapshot_makes_a_view_right_that_refused_a_change() -> None:
    view = begun(*rows(2, 1))
    with pytest.raises(ValueError, match="the change at 12 is of an unknown kind"):
        view.apply(live(12, [gone(11, "n2"), NotificationChange(revision=12)]))

    change = view.apply(snapshot(13, rows(13, 1)))

    assert summary(change) == (["n13"], [], ["n2"], True)
    assert shown(view) == ["n13", "n1"]


def test_live_renews_the_counters_of_the_channels_it_touches() -> None:
    view = InboxView()
    view.apply(snapshot(3, rows(3, 2, 1), channels=[counters("news", 2), counters("offers", 1)]))
    first = view.channels

    view.apply(live(4, [gone(4, "n1")], channels=[counters("offers", 0)]))
    second = view.channels
    view.apply(replay(5, [row(5)], channels=[counters("clues", 1)]))

    assert first == {"news": counters("news", 2), "offers": counters("offers", 1)}
    assert second == {"news": counters("news", 2)}
    assert view.channels == {"clues": counters("clues", 1)}


def test_returned_objects_do_not_change() -> None:
    arriving = live(11, [row(11)])
    view = begun(*rows(2, 1))
    view.apply(arriving)
    returned = [view.notifications, view.channels, view.inbox, *view.notifications]
    before = [str(each) for each in returned]

    arriving.changes[0].upserted.message.title = "another"
    view.apply(live(12, [marked(12, read=True)], channels=[counters("news", 2)]))
    view.apply(live(13, [gone(13, "n1"), row(2, revision=13)]))

    assert [str(each) for each in returned] == before
    assert shown(view) == ["n11", "n2"]


def test_some_are_selected_by_channel_and_by_state() -> None:
    view = begun(
        row(4), row(3, seen=3, read=3), row(2, channel_id="offers"), row(1, channel_id="clues")
    )

    assert names(view.select()) == ["n4", "n3", "n2", "n1"]
    assert names(view.select(channel_ids="news")) == ["n4", "n3"]
    assert names(view.select(channel_ids=["clues", "offers"])) == ["n2", "n1"]
    assert names(view.select(filter=UNREAD)) == ["n4", "n2", "n1"]
    assert names(view.select(channel_ids="news", filter=READ)) == ["n3"]
    assert names(view.select(filter=NotificationFilter.NOTIFICATION_FILTER_UNSPECIFIED)) == [
        "n4",
        "n3",
        "n2",
        "n1",
    ]


def counted(*channel_ids: str) -> list[ChannelCounters]:
    return [ChannelCounters(channel_id=channel_id, total_count=1) for channel_id in channel_ids]


def test_counters_over_several_updates_show_with_the_last() -> None:
    view = InboxView()

    assert view.apply(snapshot(3, [], last=False, channels=counted("a"))) is None
    assert view.apply(snapshot(3, [], first=False, last=False, channels=counted("b"))) is None
    assert not view.channels
    assert view.apply(snapshot(3, [], first=False, channels=counted("c"))) is not None

    assert list(view.channels) == ["a", "b", "c"]


def test_counters_of_a_replay_that_was_cut_off_do_not_count() -> None:
    view = InboxView()
    view.apply(snapshot(3, [], channels=counted("a")))

    view.apply(replay(4, [], last=False, channels=counted("a", "gone")))
    view.apply(replay(5, [], last=False, channels=counted("a")))
    view.apply(replay(5, [], channels=counted("b")))

    assert list(view.channels) == ["a", "b"]
