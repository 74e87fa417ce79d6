"""The write queue: tasks that wait to be committed, and the groups that executors commit.

A queue that gathers commits waiting tasks together, up to a number of rows that
bounds how long others wait. While one group is committed the next one gathers, so
groups grow with the load, and one fsync serves many callers. Callers often call
again after their answer. So the next group waits for them, about as long as it
takes to answer them and to read their next requests. A lone caller never waits.
(PostgreSQL's commit_delay and commit_siblings follow the same idea.) If a group
waits for another process's lock and there is a second executor, the next group
overtakes it. Only one group can overtake, because there is no third executor.

In a queue that does not gather, every task is a transaction of its own, and each
free executor runs one.
"""

from asyncio import Future, TimerHandle, get_running_loop
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from tocsin_server.domain.model.errors import ServerStopping, WritesOverloaded
from tocsin_server.domain.model.limits import WAITING_ROWS
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.engine.executors import Executor
from tocsin_server.store.writing.group_commit import Committed, GroupCommitter, Task

GROUP_ROWS = 1_500
"""About how many rows one transaction writes; a lone task may write more."""

LINGER_SECONDS_A_CALL = 0.0005
LINGER_SECONDS = 0.03
"""How long a group waits for each caller that was just answered, and for all of them at most."""

OVERTAKE_SECONDS = 0.1
"""How long a group runs before the next one starts on another executor."""


class WriteQueue:
    """Tasks in the order of their arrival, and the executors that run them in groups."""

    def __init__(
        self,
        executors: Sequence[Executor],
        committer: GroupCommitter,
        live: Live,
        refuses_waiting: Callable[[], bool],
        *,
        gathers: bool,
    ) -> None:
        """Takes idle executors, and a function that returns whether to refuse waiting tasks."""
        self._executors = executors
        self._free: list[Executor] = list(executors)
        self._committer = committer
        self._live = live
        self._refuses_waiting = refuses_waiting
        self._gathers = gathers
        self._waiting: deque[Task] = deque()
        self._rows_waiting = 0
        self._is_dispatching = False
        """Whether a dispatch is scheduled for this turn of the loop."""
        self._splits_call = False
        """Whether the running group has the first tasks of a call, and the rest still waits."""
        self._overtaking: TimerHandle | None = None
        """While this timer runs, the next group does not start on another executor."""
        self._calls_waiting = 0
        self._calls_expected = 0
        """How many calls the next group waits for."""
        self._lingering: TimerHandle | None = None
        self._closed = False
        self._loop = get_running_loop()
        self.done: Future[None] = self._loop.create_future()
        """Done when the queue was closed, no task waits and no group runs."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Adds the tasks of one call, which are committed in their order.

        Raises:
            ServerStopping: the queue was closed.
            WritesOverloaded: too many rows wait already.
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
        """Stops taking tasks; waiting ones are still committed or refused."""
        self._closed = True
        self._expect(0)

    def _expect(self, calls: int, seconds: float = 0.0) -> None:
        """Makes the next group wait for a number of calls, `seconds` at most."""
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        self._calls_expected = calls
        if calls > 1:
            self._lingering = self._loop.call_later(seconds, self._expect, 0)
        self._dispatch_when_ready()

    def _stop_overtaking_timer(self) -> None:
        """Lets the next group start on another executor when it is ready."""
        if self._overtaking is not None:
            self._overtaking.cancel()
            self._overtaking = None

    def _overtake(self) -> None:
        """Starts the next group, because the running one takes too long."""
        self._stop_overtaking_timer()
        self._dispatch_when_ready()

    def _dispatch_when_ready(self) -> None:
        if self._closed and not self._waiting and len(self._free) == len(self._executors):
            if not self.done.done():
                self.done.set_result(None)
            return
        ready = self._waiting and (
            self._closed
            or self._calls_waiting >= self._calls_expected
            or self._rows_waiting >= GROUP_ROWS
        )
        blocked = self._is_dispatching or self._splits_call or self._overtaking
        if ready and self._free and not blocked:
            # Tasks that arrive in this turn of the loop join the group.
            self._is_dispatching = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Submits the next group to an executor."""
        self._is_dispatching = False
        if self._refuses_waiting():
            self._refuse_waiting()
        group = self._next_group()
        if not group:
            self._dispatch_when_ready()
            return
        self._splits_call = bool(self._waiting) and not self._waiting[0].begins_call
        executor = self._free.pop()
        executor.submit(
            partial(self._committer.commit, group=group),
            partial(self._settle, executor, group, splits_call=self._splits_call),
        )
        self._stop_overtaking_timer()
        if self._gathers and self._free:
            self._overtaking = self._loop.call_later(OVERTAKE_SECONDS, self._overtake)
        self._dispatch_when_ready()

    def _next_group(self) -> Sequence[Task]:
        """Removes the next group from the queue."""
        group: list[Task] = []
        rows = 0
        while self._waiting:
            task = self._waiting[0]
            if group and (rows + task.rows > GROUP_ROWS or not self._gathers):
                break
            rows += task.rows
            group.append(self._waiting.popleft())
            self._calls_waiting -= task.begins_call
        self._rows_waiting -= rows
        return group

    def _refuse_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft().settle(ServerStopping())
        self._rows_waiting = 0
        self._calls_waiting = 0

    def _settle(
        self,
        executor: Executor,
        group: Sequence[Task],
        outcome: Committed | Exception,
        *,
        splits_call: bool,
    ) -> None:
        """Wakes the callers, prepares the next group, and announces the changes."""
        if isinstance(outcome, Exception):  # the group was never begun
            outcome = self._committer.failed(group, outcome)
        self._free.append(executor)
        if splits_call:
            self._splits_call = False
        answered = 0
        for task, task_outcome in outcome.outcomes:
            answered += task.begins_call
            task.settle(task_outcome)
        self._stop_overtaking_timer()
        if not self._gathers or (self._waiting and not self._waiting[0].begins_call):
            # The rest of a partly committed call does not wait for other calls.
            self._expect(0)
        else:
            expected = answered + self._calls_waiting
            self._expect(expected, min(expected * LINGER_SECONDS_A_CALL, LINGER_SECONDS))
        if outcome.changes:
            self._live.announce(outcome.changes)
