"""Waiting for conditions, with deadlines."""

import asyncio
from collections.abc import Callable


class Milestones:
    """Wakes the tasks whose condition holds."""

    def __init__(self) -> None:
        self._awaited: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def moved(self) -> None:
        """Says that something changed."""
        for reached, future in self._awaited:
            if not future.done() and reached():
                future.set_result(None)

    async def reach(self, reached: Callable[[], bool], seconds: float) -> None:
        """Returns as soon as the condition holds.

        Raises:
            TimeoutError: it does not, after so many seconds.
        """
        if reached():
            return
        awaited = (reached, asyncio.get_running_loop().create_future())
        self._awaited.append(awaited)
        try:
            async with asyncio.timeout(seconds):
                await awaited[1]
        finally:
            self._awaited.remove(awaited)
