"""The machine: any calls in any order, each answered as the model says, and judged afterwards."""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tocsin.v1.inbox_pb2 import NotificationFilter

from tests.stateful.calling import Calls
from tests.stateful.looking import Look
from tests.stateful.model import Inbox, Send, World
from tests.stateful.promises import Broken, a_slow_reader_harms_only_itself
from tests.stateful.reading import ResumePoint
from tests.stateful.streaming import Stream, Streams
from tests.stateful.system import ANSWERS_SECONDS, HISTORY_SECONDS, MOST_PENDING, System

USERS = ("ann", "bob", "cem", "dan")
CHANNELS = ("a", "b", "c")
STREAMS = 6
RESTARTS = 2
"""How often an example restarts the server at most: it takes as long as dozens of calls."""

EXAMPLES = count()

# Uneven, so that much happens to one inbox and to one channel.
users = st.sampled_from([*USERS[:1] * 4, *USERS])
channels = st.sampled_from([*CHANNELS[:1] * 2, *CHANNELS])
places = st.integers(0, 60)
recipients = st.lists(users, min_size=1, max_size=4).map(tuple)
named = st.sampled_from([True, True, True, False])
sends = st.tuples(channels, recipients, named)
wishes = st.sampled_from(
    [(True, None), (True, None), (False, None), (None, True), (None, False), (False, True)]
)
selections = st.one_of(
    st.tuples(st.just("all"), st.just(0) | places),
    st.tuples(st.lists(channels, min_size=1, max_size=2, unique=True), st.just(0) | places),
    st.tuples(st.just("ids"), st.lists(places, min_size=1, max_size=3)),
)


Wanted = tuple[str, tuple[str, ...], bool]
"""A send: its channel, its recipients, and whether it has a request id."""


class Machine(RuleBasedStateMachine):
    """One example: users and channels of its own, on the store that all examples share."""

    def __init__(self, system: System) -> None:
        super().__init__()
        self._system = system
        self._prefix = f"{next(EXAMPLES)}-"
        self._world = World([self._prefix + user for user in USERS], ANSWERS_SECONDS)
        self._look = Look(system, self._world)
        self._calls = Calls(system, self._world, self._look, self._prefix)
        self._streams = Streams(system, self._world, self._look)
        self._restarts = 0
        self._sound = True
        system.hub.most_pending = (0, 0)

    @initialize(sent=st.integers(0, 3), at_once=st.booleans())
    def begin(self, sent: int, at_once: bool) -> None:
        """Two channels are there, perhaps some messages, and a subscriber."""
        for name in CHANNELS[:2]:
            self._do(self._calls.create(self._prefix + name))
        for _ in range(sent):
            send = self._new(CHANNELS[0], USERS[:3], True)
            self._do(self._calls.send([send], in_batch=False))
        self._do(self._streams.open(self._prefix + USERS[0], None, 1_000, at_once=at_once))

    @rule(name=channels)
    def create_channel(self, name: str) -> None:
        self._do(self._calls.create(self._prefix + name))

    @rule(send=sends)
    def send(self, send: Wanted) -> None:
        self._do(self._calls.send([self._new(*send)], in_batch=False))

    @rule(batch=st.lists(sends, min_size=1, max_size=8))
    def send_batch(self, batch: list[Wanted]) -> None:
        self._do(self._calls.send([self._new(*send) for send in batch], in_batch=True))

    @rule(user=users, name=channels)
    def send_much(self, user: str, name: str) -> None:
        """More than is on its way to a stream that is not read."""
        batch = [self._new(name, (user,), False, "x" * 10_000) for _ in range(9)]
        self._do(self._calls.send(batch, in_batch=True))

    @precondition(lambda self: self._calls.sends)
    @rule(chosen=places, other=st.booleans(), twice=st.booleans(), later=st.booleans())
    def repeat(self, chosen: int, other: bool, twice: bool, later: bool) -> None:
        """A send comes again, as it was or with another body under its request id."""
        self._system.clock.advance(ANSWERS_SECONDS / 2 if later else 0.0)
        send = self._calls.sends[-1 - chosen % min(6, len(self._calls.sends))]
        send = replace(send, title=send.title + "!") if other else send
        self._do(self._calls.send([send, send] if twice else [send], in_batch=twice))

    @rule(user=users, selection=selections, wish=wishes)
    def mark(
        self,
        user: str,
        selection: tuple[str | list[str], int | list[int]],
        wish: tuple[bool | None, bool | None],
    ) -> None:
        self._do(self._calls.mark(self._inbox(user), *selection, *wish))

    @rule(user=users, read=st.booleans())
    def mark_all(self, user: str, read: bool) -> None:
        self._do(self._calls.mark(self._inbox(user), "all", 0, read, None))

    @precondition(lambda self: self._calls.marks)
    @rule(chosen=places)
    def repeat_mark(self, chosen: int) -> None:
        self._do(self._calls.repeat_mark(*self._calls.marks[-1 - chosen % len(self._calls.marks)]))

    @precondition(lambda self: len(self._streams.open_now) < STREAMS)
    @rule(user=users, size=st.sampled_from([2, 5, 1_000]), at_once=st.booleans())
    def follow(self, user: str, size: int, at_once: bool) -> None:
        """A stream opens without a cursor; it is read at once, later, or never."""
        self._do(self._streams.open(self._prefix + user, None, size, at_once=at_once))

    @precondition(lambda self: len(self._streams.open_now) < STREAMS)
    @rule(chosen=places, size=st.sampled_from([2, 1_000]), at_once=st.booleans())
    def resume(self, chosen: int, size: int, at_once: bool) -> None:
        """A stream opens from any cursor that a client received."""
        point = self._resume_point(chosen)
        user_id = point.user_id if point else self._prefix + USERS[0]
        self._do(self._streams.open(user_id, point, size, at_once=at_once))

    @precondition(lambda self: len(self._streams.open_now) < STREAMS)
    @rule(user=users, chosen=places)
    def resume_from_a_foreign_cursor(self, user: str, chosen: int) -> None:
        point = self._resume_point(chosen)
        self._do(self._streams.open(self._prefix + user, point, 1_000, at_once=True))

    @precondition(lambda self: self._streams.open_now)
    @rule(chosen=places)
    def read(self, chosen: int) -> None:
        self._do(self._streams.read(self._stream(chosen)))

    @precondition(lambda self: self._streams.open_now)
    @rule(chosen=places)
    def read_one(self, chosen: int) -> None:
        """A stream is read a little, perhaps into the middle of a SNAPSHOT or REPLAY."""
        self._do(self._streams.read(self._stream(chosen), most=1))

    @precondition(lambda self: self._streams.open_now)
    @rule(chosen=places)
    def beat(self, chosen: int) -> None:
        self._do(self._streams.beat(self._stream(chosen)))

    @precondition(lambda self: self._streams.open_now)
    @rule(chosen=places)
    def drop(self, chosen: int) -> None:
        self._do(self._streams.drop(self._stream(chosen)))

    @rule(seconds=st.sampled_from([1.0, ANSWERS_SECONDS / 2, HISTORY_SECONDS / 2]))
    def advance(self, seconds: float) -> None:
        self._system.clock.advance(seconds)

    @rule(seconds=st.sampled_from([0.0, HISTORY_SECONDS + 1.0]))
    def prune(self, seconds: float) -> None:
        self._system.clock.advance(seconds)
        self._do(self._system.prune())

    @rule(name=channels, force=st.sampled_from([True, True, False]))
    def delete_channel(self, name: str, force: bool) -> None:
        self._do(self._calls.delete(self._prefix + name, force=force))

    @precondition(lambda self: self._world.leaving)
    @rule()
    def work(self) -> None:
        self._do(self._calls.work())

    @precondition(lambda self: self._restarts < RESTARTS)
    @rule()
    def restart(self) -> None:
        """The server stops, with its streams in any state, and starts again."""
        self._restarts += 1
        self._do(self._streams.restart())

    @precondition(lambda self: self._streams.open_now and self._world.channels)
    @precondition(lambda self: self._restarts < RESTARTS)
    @rule()
    def restart_with_something_pending(self) -> None:
        """A send is announced to streams that wait, and before they take it the server stops."""
        self._restarts += 1
        name = min(self._world.channels).removeprefix(self._prefix)
        self._do(self._streams.wait())
        self._system.hub.stops_with_next = True
        self._do(self._calls.send([self._new(name, USERS, False)], in_batch=False))
        self._do(self._streams.restart())

    @rule(
        user=users,
        which=st.sampled_from(NotificationFilter.values()),
        names=st.lists(channels, max_size=2, unique=True),
        size=st.integers(1, 4),
    )
    def list_notifications(
        self, user: str, which: NotificationFilter.ValueType, names: list[str], size: int
    ) -> None:
        self._do(
            self._look.page_by_page(
                self._inbox(user), which, [self._prefix + n for n in names], size
            )
        )

    @rule(user=users, unread_only=st.booleans(), size=st.integers(1, 3))
    def list_inbox_channels(self, user: str, unread_only: bool, size: int) -> None:
        self._do(self._look.channels_page_by_page(self._inbox(user), size, unread_only=unread_only))

    def teardown(self) -> None:
        """Ends the example: every stream is read to its end, and every inbox looked at."""
        try:
            if self._sound:
                while self._world.leaving:
                    self._do(self._calls.work())
                self._do(self._look.at(self._world.inboxes))
                self._do(self._streams.end())
        finally:
            for stream in self._streams.open_now:
                stream.call.cancel()
            if not self._sound:
                # Whatever a step that failed has left must not fail the next example.
                self._system.run(self._system.renew())
            while self._system.run(self._system.work()):
                pass

    def _do(self, step: Coroutine[Any, Any, object]) -> None:
        """Does a step, after which no stream may have too much pending."""
        self._sound = False
        try:
            self._system.run(step)
            a_slow_reader_harms_only_itself(self._system.hub.most_pending, MOST_PENDING)
        except Exception as failed:
            self._system.failed = self._system.failed or failed
            if isinstance(failed, Broken):
                self._system.broken = self._system.broken or failed
            raise
        self._sound = True

    def _new(self, name: str, users: Sequence[str], named: bool, content: str = "") -> Send:
        """A send to the users of this example."""
        recipients = [self._prefix + user for user in users]
        return self._calls.new(self._prefix + name, recipients, named=named, content=content)

    def _inbox(self, user: str) -> Inbox:
        return self._world.inboxes[self._prefix + user]

    def _resume_point(self, chosen: int) -> ResumePoint | None:
        """A cursor. How many there are is for the server's timing: no rule may depend on it."""
        points = self._streams.points
        return points[-1 - chosen % len(points)] if points else None

    def _stream(self, chosen: int) -> Stream:
        return self._streams.open_now[chosen % len(self._streams.open_now)]


def machine_on(system: System) -> type[Machine]:
    """Returns a machine that Hypothesis can make: all of them share a system."""

    class Bound(Machine):
        def __init__(self) -> None:
            super().__init__(system)

    return Bound
