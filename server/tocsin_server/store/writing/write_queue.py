"""Lines: tasks that wait to be committed, and when which of them go to a lane.

In a line that gathers, whatever waits is committed together, up to a number of
rows that bounds how long the others wait. While one group is committed the next
one gathers, so groups are as large as the load, and one fsync serves many
callers. Callers who have been answered tend to come back: the next group waits
for them, about as long as it takes to answer them and to read what they send
next; a lone caller never waits. (This is the thought behind PostgreSQL's
commit_delay and commit_siblings.) Where there is a second lane, a group that is
held up, by somebody else's lock, is overtaken by the next: one, for there is no
third.

In a line that does not gather, every task is a transaction of its own, and each
free lane takes one.
"""

from asyncio import Future, TimerHandle, get_running_loop
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from tocsin_server.domain.model.errors import ServerStopping, WritesOverloaded
from tocsin_server.domain.model.limits import WAITING_ROWS
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.engine.executors import Lane
from tocsin_server.store.writing.group_commit import Committed, Committer, Task

GROUP_ROWS = 1_500
"""About how many rows one transaction writes; a lone send may have its 1,000 copies."""

LINGER_SECONDS_A_CALL = 0.0005
LINGER_SECONDS = 0.03
"""How long a group waits for each of those who were answered before it, and at most."""

HELD_SECONDS = 0.1
"""How long a group may be on its way until the next one takes another lane."""


class Line:
    """Tasks in the order of their coming, and the lanes that take them."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        committer: Committer,
        live: Live,
        is_at_its_end: Callable[[], bool],
        *,
        gathers: bool,
    ) -> None:
        """Takes lanes that are free, and what tells whether what still waits is refused."""
        self._lanes = lanes
        self._free: list[Lane] = list(lanes)
        self._committer = committer
        self._live = live
        self._is_at_its_end = is_at_its_end
        self._gathers = gathers
        self._waiting: deque[Task] = deque()
        self._rows_waiting = 0
        self._going = False
        """Whether a group is about to go to a lane."""
        self._parted = False
        """Whether a group is on its way that has the beginning of the call that is next."""
        self._held: TimerHandle | None = None
        """Runs while the next group does not take another lane."""
        self._calls_waiting = 0
        self._calls_expected = 0
        """How many calls the next group waits for."""
        self._patience: TimerHandle | None = None
        self._closed = False
        self._loop = get_running_loop()
        self.done: Future[None] = self._loop.create_future()
        """Is done when the line was closed and nothing waits, nor is on its way."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Takes the tasks of one call, which are committed in their order.

        Raises:
            ServerStopping: the line was closed.
            WritesOverloaded: too much waits already.
        """
        if self._closed:
            raise ServerStopping
        if self._rows_waiting > WAITING_ROWS:
            raise WritesOverloaded(limit=str(WAITING_ROWS))
        self._waiting.extend(tasks)
        self._rows_waiting += sum(task.rows for task in tasks)
        self._calls_waiting += 1
        self._dispatch_when_ready()

    def close(self) -> None:
        """Takes no more; what waits is still committed, or refused."""
        self._closed = True
        self._expect(0)

    def _expect(self, calls: int, seconds: float = 0.0) -> None:
        """Makes the next group wait for so many calls, but no longer than that."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._calls_expected = calls
        if calls > 1:
            self._patience = self._loop.call_later(seconds, self._expect, 0)
        self._dispatch_when_ready()

    def _release(self) -> None:
        """Lets the next group take another lane, when it is ready."""
        if self._held is not None:
            self._held.cancel()
            self._held = None

    def _overtake(self) -> None:
        """The group on its way is held up: the next one goes."""
        self._release()
        self._dispatch_when_ready()

    def _dispatch_when_ready(self) -> None:
        if self._closed and not self._waiting and len(self._free) == len(self._lanes):
            if not self.done.done():
                self.done.set_result(None)
            return
        ready = self._waiting and (
            self._closed
            or self._calls_waiting >= self._calls_expected
            or self._rows_waiting >= GROUP_ROWS
        )
        if ready and self._free and not (self._going or self._parted or self._held):
            # What else comes in this turn of the loop goes along.
            self._going = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Hands the next group to a lane."""
        self._going = False
        if self._is_at_its_end():
            while self._waiting:
                self._waiting.popleft().settle(ServerStopping())
        group: list[Task] = []
        rows = 0
        while self._waiting:
            task = self._waiting[0]
            rows += task.rows
            if group and (rows > GROUP_ROWS or not self._gathers):
                break
            group.append(self._waiting.popleft())
            self._calls_waiting -= task.calls
        if not group:
            self._dispatch_when_ready()
            return
        self._parted = bool(self._waiting) and not self._waiting[0].calls
        lane = self._free.pop()
        lane.submit(
            partial(self._committer.commit, group=group),
            partial(self._settle, lane, group, parted=self._parted),
        )
        self._release()
        if self._gathers and self._free:
            self._held = self._loop.call_later(HELD_SECONDS, self._overtake)
        self._dispatch_when_ready()

    def _settle(
        self, lane: Lane, group: Sequence[Task], outcome: Committed | Exception, *, parted: bool
    ) -> None:
        """Wakes the callers, prepares for the next group, and announces the changes."""
        if isinstance(outcome, Exception):  # it was never begun
            outcome = self._committer.failed(group, outcome)
        self._free.append(lane)
        if parted:
            self._parted = False
        answered = 0
        for task, of_task in outcome.outcomes:
            self._rows_waiting -= task.rows
            answered += task.calls
            task.settle(of_task)
        self._release()
        if not self._gathers or (self._waiting and not self._waiting[0].calls):
            # Nobody is waited for, nor is the rest of a call under way made to wait.
            self._expect(0)
        else:
            expected = answered + self._calls_waiting
            self._expect(expected, min(expected * LINGER_SECONDS_A_CALL, LINGER_SECONDS))
        if outcome.changes:
            self._live.announce(outcome.changes)
