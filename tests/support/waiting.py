"""Waiting for a condition, with a deadline."""

import asyncio
import os
from collections.abc import Callable

DEADLINE_SECONDS = 20.0
MOST_STRETCH = 2.0


async def until(condition: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Returns once the condition holds.

    Raises:
        TimeoutError: it did not hold in time.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # nobody signals what is looked at
            await asyncio.sleep(0.005)


def stretched(seconds: float) -> float:
    """Returns how long an idle machine's `seconds` may last on this one.

    That is longer when more processes want to run than there are processors, but at most twice
    as long: with a longer time a promise could not fail on a busy machine.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * min(max(1.0, load), MOST_STRETCH)
