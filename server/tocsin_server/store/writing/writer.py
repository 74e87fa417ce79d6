"""The writer: units of work and sends, each durable once it has its outcome.

Where one transaction may do different things in any order, all that is to be
written waits in one line. Elsewhere sends have a line of their own, in which
they gather, and lanes of their own, which nothing else can hold up.

Changes are announced and callers woken after the commit. A caller that is gone
by then has no influence on what is written.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar

from tocsin_server.domain.model.errors import StorageFull, TocsinError
from tocsin_server.domain.model.messages import Send, Sent
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.disk_probe import put_in, take_out
from tocsin_server.store.engine.executors import Lane
from tocsin_server.store.writing.group_commit import Committer, Task
from tocsin_server.store.writing.unit_of_work import Unit
from tocsin_server.store.writing.write_queue import Line

T = TypeVar("T")

SEND_LANES = 2
"""How many lanes sends have of their own, where they have some."""

END_SECONDS = 0.5
"""How long a writer that was closed goes on with what waits."""


class Writer:
    """Runs units of work, each in a transaction that is durable when they return."""

    def __init__(
        self, lanes: Sequence[Lane], live: Live, horizon: Callable[[], int], *, mixes: bool
    ) -> None:
        """Takes the lanes of a database, which are free, and whether its transactions mix.

        `horizon` tells since when answers to requests count.
        """
        self._closed_at: float | None = None
        self._committer = Committer(live, horizon, self._is_at_its_end)
        if mixes:
            self._units = self._sends = self._line(lanes, live, gathers=True)
        else:
            self._sends = self._line(lanes[:SEND_LANES], live, gathers=True)
            self._units = self._line(lanes[SEND_LANES:], live, gathers=False)
        self._loop = get_running_loop()

    @property
    def full(self) -> bool:
        """Whether the last that was heard of the disk is that it is full."""
        return self._committer.full

    async def run(self, unit: Unit[T]) -> T:
        """Commits a unit of work and returns what it returns, or raises what it raises."""
        future: Future[T] = self._loop.create_future()

        def settle(outcome: T | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._units.submit([Task(1, 1, unit, settle)])
        return await future

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits sends in their order, each on its own, and returns their outcomes."""
        if not sends:
            return ()
        future: Future[None] = self._loop.create_future()
        outcomes: list[Sent | TocsinError] = []

        def settle(outcome: Sent | TocsinError) -> None:
            outcomes.append(outcome)
            if len(outcomes) == len(sends) and not future.done():
                future.set_result(None)

        self._sends.submit(
            [Task(send.rows, int(n == 0), send, settle) for n, send in enumerate(sends)]
        )
        await future
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, TocsinError):
                raise outcome
        return outcomes

    async def try_the_disk(self) -> bool:
        """Writes and deletes a megabyte, and returns whether there is room again."""
        try:
            await self.run(put_in)
            await self.run(take_out)
        except StorageFull:
            return False
        self._committer.full = False
        return True

    async def close(self) -> None:
        """Takes no more work, and returns when what waits is committed, or refused.

        It was promised to nobody; so what half a second is too short for is
        refused, and is safe to ask for again.
        """
        if self._closed_at is None:
            self._closed_at = monotonic()
        for line in (self._sends, self._units):
            line.close()
        for line in (self._sends, self._units):
            await line.done

    def _line(self, lanes: Sequence[Lane], live: Live, *, gathers: bool) -> Line:
        return Line(lanes, self._committer, live, self._is_at_its_end, gathers=gathers)

    def _is_at_its_end(self) -> bool:
        """Whether what still waits is not to be waited for."""
        return self._closed_at is not None and monotonic() - self._closed_at > END_SECONDS
