"""Sends, marks and deletions in any order: from every revision a replay comes to the state of now."""

from collections.abc import Sequence
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tocsin_server.domain.model.cursors import Position
from tocsin_server.domain.model.errors import ChannelNotFound
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.marking import Marking, Selection

from tests.contract.reading import all_notifications
from tests.contract.stores import Store
from tests.support.building import channel, request, send
from tests.support.clocks import START
from tests.support.views import View

EXAMPLES = count()

channels = st.sampled_from(["a", "b", "c"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), channels, st.integers(1, 3)),
        st.tuples(st.just("send"), channels, st.integers(1, 3)),
        st.tuples(st.just("mark"), st.none() | channels, st.booleans()),
        st.tuples(st.just("mark one"), st.none(), st.booleans()),
        st.tuples(st.just("delete"), channels, st.booleans()),
        st.tuples(st.just("work"), st.none(), st.booleans()),
    ),
    min_size=1,
    max_size=16,
)


class History:
    """One user's inbox under a history, and how it stood at every revision."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._prefix = f"example-{number}-"
        self.key = InboxKey("default", f"user-{number}")
        self.at = [View()]

    async def begin(self) -> None:
        for name in "abc":
            await self._store.channels.create_channel(request(), channel(self._prefix + name))

    async def step(self, kind: str, name: str | None, value: int) -> None:
        channel_id = self._prefix + (name or "")
        if kind == "send":
            for _ in range(value):
                await self._store.messages.send([send(self.key.user_id, channel_id=channel_id)])
                await self.look()
        elif kind == "mark":
            channel_ids = None if name is None else (channel_id,)
            await self._mark(Selection(None, channel_ids, 0), read=bool(value))
        elif kind == "mark one":
            if listed := await all_notifications(self._store, self.key):
                chosen = (listed[len(listed) // 2].message.message_id,)
                await self._mark(Selection(chosen, None, 0), read=bool(value))
        elif kind == "delete":
            request_key = request(rpc="DeleteChannel")
            try:
                await self._store.channels.delete_channel(
                    request_key, channel_id, START, force=True
                )
            except ChannelNotFound:
                return
        else:
            await self._store.jobs.work(START)
        await self.look()

    async def end(self) -> None:
        """Does the work that is left, so that no other task has to."""
        while await self._store.jobs.work(START):
            await self.look()

    async def look(self) -> None:
        """Compares the inbox with its rows; each change of it took exactly one revision."""
        head = await self._store.inboxes.read_head(self.key, 1)
        view = View().take(await all_notifications(self._store, self.key))
        assert head.inbox.counters == view.counters()
        assert list(head.channel_counters) == view.channel_counters()
        if head.inbox.revision == len(self.at) - 1:
            assert view == self.at[-1]
        else:
            assert head.inbox.revision == len(self.at)
            self.at.append(view)

    async def resumed(self, revision: int, limit: int) -> View:
        """What a client that was at a revision has when it has caught up."""
        view, position = self.at[revision].copy(), Position(revision)
        while True:
            replay = await self._store.inboxes.read_changes(self.key, position, limit)
            view.take(replay.items)
            assert replay.caught_up or replay.position > position
            position = replay.position
            if replay.caught_up:
                assert position == Position(len(self.at) - 1)
                return view

    async def _mark(self, selection: Selection, *, read: bool) -> None:
        request_key = request(rpc="UpdateNotifications")
        await self._store.inboxes.mark(Marking(request_key, self.key, selection, read, None), START)


@settings(
    max_examples=100,
    deadline=None,
    # One store for all examples: each has a user and channels of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, limit=st.integers(1, 5))
async def test_from_every_revision_a_replay_comes_to_the_state_of_now(
    store: Store, steps: Sequence[tuple[str, str | None, int]], limit: int
) -> None:
    history = History(store, next(EXAMPLES))
    await history.begin()

    for step in steps:
        await history.step(*step)
    await history.end()

    for revision in range(len(history.at)):
        assert await history.resumed(revision, limit) == history.at[-1]
