"""What a view shows of a SNAPSHOT of several responses while the inbox goes on changing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tocsin.v1.inbox_service_pb2 import SubscribeResponse
from tocsin.v1.message_pb2 import Message
from tocsin_client import InboxView
from tocsin_client._progress import Progress
from tocsin_client._retries import Pacing
from tocsin_server.api.inboxes.encode import InboxEncoder
from tocsin_server.domain import following
from tocsin_server.domain.following import Follower
from tocsin_server.domain.model.marking import Marking, Selection
from tocsin_server.domain.model.streams import Subscription
from tocsin_server.live.hub import Hub

from tests.contract.reading import all_notifications
from tests.contract.stores import Store
from tests.support.building import ALICE, request, send
from tests.support.clocks import START
from tests.support.waiting import DEADLINE_SECONDS

Shown = list[tuple[int, bool]]

PAGE_ROWS = 2


async def nothing(store: Store) -> None:
    pass


async def mark_all(store: Store) -> None:
    await store.inboxes.mark(
        Marking(request(), ALICE, Selection(None, None, 0), read=True, seen=None), START
    )


async def mark_channel(store: Store) -> None:
    news = Selection(None, ("news",), 0)
    await store.inboxes.mark(Marking(request(), ALICE, news, read=True, seen=None), START)


async def delete_channel(store: Store) -> None:
    await store.channels.delete_channel(request(), "news", START, force=True)
    while await store.jobs.work(START):
        pass


async def send_one(store: Store, channel_id: str = "news") -> None:
    body = Message(channel_id=channel_id).SerializeToString()
    await store.messages.send([send("alice", channel_id=channel_id, body=body)])


class Device:
    """A view, and the stream that feeds it: its server goes on when the view takes the next."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self.view = InboxView()
        self._follower = Follower(
            store.inboxes, hub, Subscription(ALICE, None, 50, 300.0), lambda: 0.0
        )
        self._encode = InboxEncoder(ALICE).response
        self._progress = Progress(
            "alice",
            cursor="",
            snapshot_size=50,
            heartbeat_interval=300.0,
            heartbeats=False,
            strict=True,
            pacing=Pacing(),
        )
        self._progress.open_stream()

    async def take(self) -> Shown:
        """Applies the next response; returns the notifications shown, by arrival, and those read."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            response = await self._follower.next()
        assert response is not None
        update = self._progress.receive(SubscribeResponse.FromString(self._encode(response)))
        assert update is not None
        self.view.apply(update)
        return [(n.arrive_revision, n.HasField("read_time")) for n in self.view.notifications]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (nothing, [(4, False), (3, False), (2, False), (1, False)]),
        (send_one, [(4, False), (3, False), (2, False), (1, False)]),
        (mark_all, [(4, False), (3, False), (2, True), (1, True)]),
        (mark_channel, [(4, False), (3, False), (2, False), (1, True)]),
        (delete_channel, [(4, False), (3, False), (2, False)]),
    ],
    ids=["nothing", "an arrival", "a mark of all", "a mark of a channel", "a deletion"],
)
async def test_what_changes_between_its_pages_may_show_early_and_comes_again(
    store: Store,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Store], Awaitable[None]],
    shown: Shown,
) -> None:
    monkeypatch.setattr(following, "PAGE_ROWS", PAGE_ROWS)
    for channel_id in ("news", "offers", "news", "offers"):
        await send_one(store, channel_id)
    device = Device(store, hub)

    first = await device.take()
    await change(store)
    snapshot = await device.take()
    then = (device.view.revision, device.view.inbox.total_count, device.view.inbox.unread_count)
    head = await store.inboxes.get_inbox(ALICE)
    now = snapshot
    while device.view.revision < head.revision:
        now = await device.take()

    assert first == []
    # The counters, and the first page, are of the revision that it shows.
    assert snapshot == shown
    assert then == (4, 4, 4)
    assert now == [
        (n.arrive_revision, n.read_time is not None) for n in await all_notifications(store, ALICE)
    ]
    assert device.view.inbox.total_count == len(now)
