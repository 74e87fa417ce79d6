import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.domain.following import Follower
from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.errors import ServerStopping, StoreUnavailable, TooManyStreams
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.streams import Phase, Response, Subscription
from tocsin_server.live.hub import PENDING_CHANGES, Hub, HubWatch

from tests.support.building import ALICE, BOB
from tests.support.inboxes import MemoryInboxes
from tests.support.items import notifications
from tests.support.waiting import DEADLINE_SECONDS

NEVER = 1e6
AT_ONCE = 0.001


@pytest.fixture
def hub() -> Hub:
    return Hub(max_streams=10)


@pytest.fixture
def inboxes(hub: Hub) -> MemoryInboxes:
    return MemoryInboxes(hub)


def follow(
    inboxes: MemoryInboxes,
    hub: Hub,
    cursor: str = "",
    *,
    snapshot_size: int = 50,
    heartbeat_interval: float = NEVER,
    random: Callable[[], float] = lambda: 0.25,
) -> Follower:
    subscription = Subscription(
        key=ALICE,
        cursor=Cursor.parse(cursor) if cursor else None,
        snapshot_size=snapshot_size,
        heartbeat_interval=heartbeat_interval,
    )
    return Follower(inboxes, hub, subscription, random)


async def take(follower: Follower) -> Response:
    """The next response, of a stream that has one."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        response = await follower.next()
    assert response is not None
    return response


async def cursor_of(inboxes: MemoryInboxes, hub: Hub) -> str:
    """The cursor that a subscriber has who left just now."""
    follower = follow(inboxes, hub, snapshot_size=1)
    response = await take(follower)
    follower.close()
    return response.cursor


def span(response: Response) -> tuple[str, int, int]:
    return response.phase.name, response.after_revision, response.revision


def revisions(response: Response) -> list[int]:
    return [row.revision for row in response.items]


def position(response: Response) -> Position:
    return Cursor.parse(response.cursor).position


async def is_idle(follower: Follower) -> bool:
    """Whether the follower waits, once everything that is ready has run."""
    step = asyncio.ensure_future(follower.next())
    for _ in range(20):
        await asyncio.sleep(0)
    idle = not step.done()
    step.cancel()
    await asyncio.wait({step})
    return idle


async def test_a_stream_without_a_cursor_opens_with_the_newest(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub, snapshot_size=2)

    response = await take(follower)

    assert span(response) == ("SNAPSHOT", 0, 3)
    assert revisions(response) == [3, 2]
    assert response.caught_up
    assert response.counters == Counters(3, 3, 3)
    assert [c.channel_id for c in response.channel_counters] == ["news"]
    assert position(response) == Position(3)


async def test_the_stream_of_a_user_never_seen_opens_empty_and_sees_the_first_message(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    follower = follow(inboxes, hub)

    opening = await take(follower)
    inboxes.commit(ALICE)
    following = await take(follower)

    assert span(opening) == ("SNAPSHOT", 0, 0)
    assert opening.caught_up
    assert opening.counters == Counters(0, 0, 0)
    # The watch knows of no life of the inbox yet: the store tells it.
    assert following.after_revision == 0
    assert revisions(following) == [1]


async def test_a_snapshot_takes_as_many_pages_as_it_needs_and_ends_at_one_head(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE, 5)
    follower = follow(inboxes, hub)

    pages = [await take(follower) for _ in range(3)]

    assert [span(page) for page in pages] == [
        ("SNAPSHOT", 0, 5),
        ("SNAPSHOT", 5, 5),
        ("SNAPSHOT", 5, 5),
    ]
    assert [revisions(page) for page in pages] == [[5, 4], [3, 2], [1]]
    assert [page.caught_up for page in pages] == [False, False, True]
    assert [bool(page.cursor) for page in pages] == [False, False, True]
    assert [page.counters is not None for page in pages] == [False, False, True]


async def test_a_snapshot_of_several_pages_holds_at_most_the_requested_size(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE, 9)
    follower = follow(inboxes, hub, snapshot_size=3)

    pages = [await take(follower) for _ in range(2)]

    assert [revisions(page) for page in pages] == [[9, 8], [7]]
    assert pages[-1].caught_up


async def test_what_commits_between_two_pages_of_a_snapshot_follows_it(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub)

    first = await take(follower)
    inboxes.commit(ALICE, 2)
    last = await take(follower)
    following = await take(follower)

    assert revisions(first) + revisions(last) == [3, 2, 1]
    assert last.counters == Counters(3, 3, 3)
    assert position(last) == Position(3)
    assert span(following) == ("LIVE", 3, 5)
    assert revisions(following) == [4, 5]


@pytest.mark.parametrize("announced", [True, False])
async def test_what_commits_right_behind_the_first_read_is_not_lost(
    inboxes: MemoryInboxes, hub: Hub, announced: bool
) -> None:
    inboxes.commit(ALICE)
    inboxes.after_reads.append(lambda: inboxes.commit(ALICE, announced=announced))
    follower = follow(inboxes, hub)

    opening = await take(follower)
    if not announced:
        hub.hear_of(await inboxes.read_revisions([ALICE]))
    following = await take(follower)

    assert revisions(opening) == [1]
    assert (following.after_revision, following.revision) == (1, 2)
    assert revisions(following) == [2]
    assert await is_idle(follower)


async def test_what_commits_between_the_watch_and_the_first_read_comes_once(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    follower = follow(inboxes, hub)
    inboxes.commit(ALICE, 2)

    opening = await take(follower)

    assert revisions(opening) == [2, 1]
    assert await is_idle(follower)


async def test_live_gives_all_that_is_pending_in_one_response(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub)
    await take(follower)

    inboxes.commit(ALICE)
    inboxes.commit(BOB)
    inboxes.commit(ALICE, 2)
    response = await take(follower)

    assert span(response) == ("LIVE", 1, 4)
    assert revisions(response) == [2, 3, 4]
    assert response.counters == Counters(4, 4, 4)
    assert [c.counters.total for c in response.channel_counters] == [4]
    assert not response.caught_up
    assert position(response) == Position(4)
    assert inboxes.reads == ["read_head"]


async def test_a_waiting_stream_is_woken_by_a_change(inboxes: MemoryInboxes, hub: Hub) -> None:
    follower = follow(inboxes, hub)
    inboxes.commit(ALICE)
    await take(follower)
    waiting = asyncio.create_task(take(follower))
    await asyncio.sleep(0)

    inboxes.commit(ALICE)

    assert revisions(await waiting) == [2]


async def test_a_cursor_opens_with_what_changed_since(inboxes: MemoryInboxes, hub: Hub) -> None:
    inboxes.commit(ALICE, 3)
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, 2)
    follower = follow(inboxes, hub, cursor)

    response = await take(follower)

    assert span(response) == ("REPLAY", 3, 5)
    assert revisions(response) == [4, 5]
    assert response.caught_up
    assert response.counters == Counters(5, 5, 5)
    assert await is_idle(follower)


async def test_a_cursor_at_the_head_opens_with_an_empty_replay(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    cursor = await cursor_of(inboxes, hub)
    follower = follow(inboxes, hub, cursor)

    response = await take(follower)

    assert span(response) == ("REPLAY", 3, 3)
    assert revisions(response) == []
    assert response.caught_up
    assert response.counters == Counters(3, 3, 3)
    assert [c.channel_id for c in response.channel_counters] == ["news"]
    assert response.cursor == cursor


async def test_a_replay_goes_on_page_by_page_and_only_the_last_has_caught_up(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE)
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, 5)
    follower = follow(inboxes, hub, cursor)

    pages = [await take(follower) for _ in range(3)]

    assert [span(page) for page in pages] == [
        ("REPLAY", 1, 3),
        ("REPLAY", 3, 5),
        ("REPLAY", 5, 6),
    ]
    assert [revisions(page) for page in pages] == [[2, 3], [4, 5], [6]]
    assert [page.caught_up for page in pages] == [False, False, True]
    assert [page.counters is not None for page in pages] == [False, False, True]
    assert [position(page) for page in pages] == [Position(3), Position(5), Position(6)]


async def test_a_page_may_end_inside_a_revision_and_its_cursor_holds_the_place(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE)
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, copies=5)
    follower = follow(inboxes, hub, cursor)

    pages = [await take(follower) for _ in range(3)]

    assert [span(page) for page in pages] == [
        ("REPLAY", 1, 1),
        ("REPLAY", 1, 1),
        ("REPLAY", 1, 2),
    ]
    assert [[n.message.sequence for n in notifications(page.items)] for page in pages] == [
        [2, 3],
        [4, 5],
        [6],
    ]
    assert [position(page) for page in pages] == [Position(1, 3), Position(1, 5), Position(2)]


async def test_a_cursor_inside_a_revision_resumes_behind_its_place(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE)
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, copies=3)
    first = follow(inboxes, hub, cursor)
    left_at = (await take(first)).cursor
    first.close()
    second = follow(inboxes, hub, left_at)

    response = await take(second)

    assert span(response) == ("REPLAY", 1, 2)
    assert [n.message.sequence for n in notifications(response.items)] == [4]
    assert response.caught_up


async def test_what_commits_between_two_pages_of_a_replay_is_not_lost(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE)
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub, cursor)

    delivered = revisions(await take(follower))
    inboxes.commit(ALICE)
    delivered += revisions(await take(follower))
    inboxes.commit(ALICE)
    delivered += revisions(await take(follower))

    assert delivered == [2, 3, 4, 5, 6]
    assert await is_idle(follower)


async def test_a_gap_in_what_is_announced_is_read_from_the_store(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub)
    await take(follower)

    inboxes.commit(ALICE, 2, announced=False)
    inboxes.commit(ALICE)
    replay = await take(follower)
    inboxes.commit(ALICE)
    live = await take(follower)

    assert span(replay) == ("REPLAY", 1, 4)
    assert revisions(replay) == [2, 3, 4]
    assert replay.caught_up
    assert span(live) == ("LIVE", 4, 5)


async def test_a_stream_that_reads_too_slowly_catches_up_from_the_store(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    follower = follow(inboxes, hub)
    await take(follower)
    head = 2 * PENDING_CHANGES

    inboxes.commit(ALICE, head)
    delivered: list[int] = []
    while len(delivered) < head:
        response = await take(follower)
        assert response.phase is Phase.REPLAY
        delivered += revisions(response)
    inboxes.commit(ALICE)

    assert delivered == list(range(1, head + 1))
    assert response.caught_up
    assert span(await take(follower)) == ("LIVE", head, head + 1)


async def test_a_false_alarm_gives_nothing(inboxes: MemoryInboxes, hub: Hub) -> None:
    inboxes.commit(ALICE, 2)
    follower = follow(inboxes, hub)
    await take(follower)

    hub.hear_of([(ALICE, 1, 9)])

    assert await is_idle(follower)
    assert set(inboxes.reads[1:]) == {"read_changes"}
    inboxes.commit(ALICE)
    assert span(await take(follower)) == ("LIVE", 2, 3)


async def test_a_hint_of_a_delivered_revision_causes_no_read(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 2)
    follower = follow(inboxes, hub)
    await take(follower)

    hub.hear_of(await inboxes.read_revisions([ALICE]))

    assert await is_idle(follower)
    assert "read_changes" not in inboxes.reads


@pytest.mark.parametrize(
    "foreign",
    [
        {"epoch": 2},
        {"incarnation": 2},
        {"inbox": BOB.digest()},
        {"position": Position(4)},
        {"position": Position(4, 1)},
        {"position": Position(0)},
    ],
    ids=["store", "life", "user", "future", "place in the future", "past"],
)
async def test_a_cursor_that_history_does_not_lead_on_from_gets_a_snapshot(
    inboxes: MemoryInboxes, hub: Hub, foreign: dict[str, object]
) -> None:
    inboxes.commit(ALICE, 3)
    inboxes.prune(ALICE, oldest_revision=1)
    own = Cursor.parse(await cursor_of(inboxes, hub))
    follower = follow(inboxes, hub, replace(own, **foreign).encode())  # type: ignore[arg-type]

    response = await take(follower)

    assert span(response) == ("SNAPSHOT", 0, 3)
    assert revisions(response) == [3, 2, 1]


@pytest.mark.parametrize("foreign", [{"epoch": 2}, {"inbox": BOB.digest()}], ids=["store", "user"])
async def test_a_cursor_of_another_store_or_user_reads_no_history(
    inboxes: MemoryInboxes, hub: Hub, foreign: dict[str, object]
) -> None:
    inboxes.commit(ALICE, 3)
    own = Cursor.parse(await cursor_of(inboxes, hub))
    inboxes.reads.clear()

    await take(follow(inboxes, hub, replace(own, **foreign).encode()))  # type: ignore[arg-type]

    assert inboxes.reads == ["read_head"]


async def test_a_cursor_from_before_the_first_message_gets_a_replay(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    cursor = await cursor_of(inboxes, hub)
    inboxes.commit(ALICE, 2)

    response = await take(follow(inboxes, hub, cursor))

    assert span(response) == ("REPLAY", 0, 2)
    assert revisions(response) == [1, 2]


async def test_another_incarnation_of_the_inbox_starts_an_open_stream_over(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub)
    await take(follower)

    inboxes.be_reborn(ALICE)
    inboxes.commit(ALICE, 1)
    response = await take(follower)

    assert span(response) == ("SNAPSHOT", 0, 1)
    assert revisions(response) == [1]


async def test_history_pruned_past_a_stream_that_is_behind_starts_it_over(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub)
    await take(follower)

    inboxes.commit(ALICE, 4, announced=False)
    inboxes.prune(ALICE, oldest_revision=5)
    inboxes.commit(ALICE)

    assert span(await take(follower)) == ("SNAPSHOT", 0, 8)


async def test_a_heartbeat_repeats_the_revision_and_its_cursor_is_that_of_the_last_response(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub, heartbeat_interval=AT_ONCE)
    opening = await take(follower)
    # Committed, but neither announced nor read: a heartbeat must not cover it.
    inboxes.commit(ALICE, announced=False)

    heartbeats = [await take(follower) for _ in range(2)]

    assert [span(h) for h in heartbeats] == [("HEARTBEAT", 3, 3)] * 2
    assert [h.cursor for h in heartbeats] == [opening.cursor] * 2
    assert all(not h.items and not h.caught_up for h in heartbeats)


async def test_heartbeats_come_up_to_a_tenth_early_each_by_another_part(
    inboxes: MemoryInboxes,
) -> None:
    waits: list[float] = []

    class Impatient(HubWatch):
        async def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return False

    class ImpatientHub(Hub):
        def watch(self, key: InboxKey) -> HubWatch:
            super().watch(key)
            return Impatient(self, key)

    numbers = iter([0.0, 0.5, 1.0])
    hub = ImpatientHub(max_streams=1)
    follower = follow(inboxes, hub, heartbeat_interval=30.0, random=lambda: next(numbers))
    await take(follower)

    heartbeats = [await take(follower) for _ in range(3)]

    assert {heartbeat.phase for heartbeat in heartbeats} == {Phase.HEARTBEAT}
    assert waits == pytest.approx([30.0, 28.5, 27.0])


async def test_a_stream_resumed_from_a_heartbeat_misses_nothing(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    first = follow(inboxes, hub, heartbeat_interval=AT_ONCE)
    await take(first)
    inboxes.commit(ALICE, announced=False)
    heartbeat = await take(first)
    first.close()

    response = await take(follow(inboxes, hub, heartbeat.cursor))

    assert heartbeat.phase is Phase.HEARTBEAT
    assert revisions(response) == [4]


async def test_a_server_that_stops_says_reconnect_once_and_ends_the_stream(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub)
    opening = await take(follower)
    waiting = asyncio.create_task(take(follower))
    await asyncio.sleep(0)

    hub.stop()
    goodbye = await waiting

    assert span(goodbye) == ("RECONNECT", 3, 3)
    assert goodbye.cursor == opening.cursor
    assert goodbye.reconnect_delay == 0.25
    assert await follower.next() is None
    assert hub.streams == 0


async def test_a_reconnect_precedes_pending_changes_and_does_not_cover_them(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    follower = follow(inboxes, hub)
    opening = await take(follower)

    inboxes.commit(ALICE)
    hub.stop()
    goodbye = await take(follower)

    assert span(goodbye) == ("RECONNECT", 3, 3)
    assert goodbye.cursor == opening.cursor


async def test_a_goodbye_inside_a_snapshot_cannot_be_resumed_from(hub: Hub) -> None:
    inboxes = MemoryInboxes(hub, page_rows=2)
    inboxes.commit(ALICE, 5)
    follower = follow(inboxes, hub)
    await take(follower)

    hub.stop()
    goodbye = await take(follower)

    assert span(goodbye) == ("RECONNECT", 5, 5)
    assert goodbye.cursor == ""


async def test_a_reconnect_before_the_first_response_has_no_cursor(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE, 3)
    cursor = await cursor_of(inboxes, hub)
    follower = follow(inboxes, hub, cursor)

    hub.stop()
    goodbye = await take(follower)

    assert span(goodbye) == ("RECONNECT", 3, 3)
    assert goodbye.cursor == ""


async def test_a_closed_stream_gives_nothing_more_and_leaves_its_place(
    inboxes: MemoryInboxes, hub: Hub
) -> None:
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub)
    await take(follower)
    waiting = asyncio.create_task(follower.next())
    await asyncio.sleep(0)

    follower.close()
    follower.close()

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await waiting is None
    assert hub.streams == 0


async def test_what_the_store_fails_with_ends_the_stream(hub: Hub) -> None:
    class Broken(MemoryInboxes):
        def _has_read(self, name: str) -> None:
            raise StoreUnavailable

    follower = follow(Broken(hub), hub)

    with pytest.raises(StoreUnavailable):
        await follower.next()


async def test_a_stream_too_many_or_too_late_is_refused_before_it_reads(
    inboxes: MemoryInboxes,
) -> None:
    full, stopped = Hub(max_streams=0), Hub(max_streams=1)
    stopped.stop()

    with pytest.raises(TooManyStreams):
        follow(inboxes, full)
    with pytest.raises(ServerStopping):
        follow(inboxes, stopped)
    assert inboxes.reads == []


CHANNELS = [f"{number:060}" for number in range(20_000)]


class ManyChannels(MemoryInboxes):
    """Inboxes whose channels are too many for the counters of one response."""

    def _channel_counters(self, key: InboxKey) -> Sequence[ChannelCounters]:
        return [ChannelCounters(channel_id, Counters(1, 1, 1)) for channel_id in CHANNELS]


async def until_caught_up(follower: Follower) -> list[Response]:
    responses = [await take(follower)]
    while not responses[-1].caught_up:
        responses.append(await take(follower))
    return responses


def judge_ending(responses: Sequence[Response]) -> None:
    """All counters came once, and each response fits the limit."""
    encoder = InboxEncoder(ALICE)
    assert all(len(encoder.response(response)) <= RESPONSE_BYTES for response in responses)
    delivered = [each.channel_id for response in responses for each in response.channel_counters]
    assert delivered == CHANNELS
    assert [response.counters is not None for response in responses] == [
        response.caught_up for response in responses
    ]
    assert len({response.revision for response in responses}) == 1


async def test_the_counters_of_very_many_channels_take_as_many_responses_as_they_need(
    hub: Hub,
) -> None:
    inboxes = ManyChannels(hub)
    inboxes.commit(ALICE, 3)

    opening = await until_caught_up(follow(inboxes, hub))
    cursor = opening[-1].cursor
    resumed = await until_caught_up(follow(inboxes, hub, cursor))

    assert len(opening) > 1
    judge_ending(opening)
    assert not any(response.cursor for response in opening[:-1])
    assert len(resumed) > 1
    judge_ending(resumed)
    assert all(response.cursor == cursor for response in resumed)


async def test_a_live_change_of_very_many_channels_comes_as_a_replay(hub: Hub) -> None:
    inboxes = ManyChannels(hub)
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub)
    await until_caught_up(follower)

    inboxes.commit(ALICE)
    responses = await until_caught_up(follower)

    assert {response.phase for response in responses} == {Phase.REPLAY}
    assert span(responses[0]) == ("REPLAY", 1, 2)
    assert revisions(responses[0]) == [2]
    judge_ending(responses)
    assert await is_idle(follower)


async def test_what_commits_amid_the_counters_of_a_replay_follows_them(hub: Hub) -> None:
    inboxes = ManyChannels(hub)
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub)
    first = await take(follower)

    inboxes.commit(ALICE)
    opening = [first, *await until_caught_up(follower)]
    following = await until_caught_up(follower)

    judge_ending(opening)
    assert span(opening[-1]) == ("SNAPSHOT", 1, 1)
    assert span(following[0]) == ("REPLAY", 1, 2)


async def test_a_goodbye_amid_the_counters_of_a_replay_can_be_resumed_from(hub: Hub) -> None:
    inboxes = ManyChannels(hub)
    inboxes.commit(ALICE)
    (*_, last) = await until_caught_up(follow(inboxes, hub))
    inboxes.commit(ALICE)
    follower = follow(inboxes, hub, last.cursor)
    first = await take(follower)
    hub.stop()
    goodbye = await take(follower)

    resumed = await until_caught_up(follow(inboxes, Hub(max_streams=1), goodbye.cursor))

    assert not first.caught_up
    assert span(goodbye) == ("RECONNECT", 2, 2)
    assert span(resumed[0]) == ("REPLAY", 2, 2)
    judge_ending(resumed)
