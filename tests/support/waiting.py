"""Waiting for a condition, with a deadline."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

DEADLINE_SECONDS = 20.0


async def until(condition: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Returns once the condition holds.

    Raises:
        TimeoutError: it did not hold in time.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # nobody signals what is looked at
            await asyncio.sleep(0.005)


class ProcessorWaits:
    """How long a process was ready to run and got no processor, from now on.

    It is the sum over its threads, and so at least the time by which a busy machine
    delays the process. It is 0 where the system does not count it.
    """

    def __init__(self, pid: int) -> None:
        self._threads = Path(f"/proc/{pid}/task")
        self._before = self._read()
        self._last = dict(self._before)

    def seconds(self) -> float:
        """Returns the sum; a thread that has ended counts as when it was last seen."""
        self._last.update(self._read())
        waited = sum(self._last.values()) - sum(self._before.values())
        return waited / 1e9

    def _read(self) -> Mapping[str, int]:
        """Returns the nanoseconds that each thread has waited since it began."""
        waits: dict[str, int] = {}
        for statistics in self._threads.glob("*/schedstat"):
            with suppress(OSError):  # the thread has ended
                waits[statistics.parent.name] = int(statistics.read_text().split()[1])
        return waits
