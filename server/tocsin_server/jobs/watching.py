"""Watching the disk: who asks for the server's health is told while writes fail.

Writes go on being tried, and reads being served; nobody has to write for the
server to notice that there is room again.
"""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from logging import getLogger

from tocsin_server.domain.ports import Disk

WATCH_SECONDS = 1.0

logger = getLogger(__name__)


async def watch_forever(
    disk: Disk, tell: Callable[[bool], Awaitable[None]], seconds: float = WATCH_SECONDS
) -> None:
    """Tells, again and again, when the disk has become full, and when it has room again."""
    told = False
    while True:
        await sleep(seconds)
        try:
            full = disk.full and not await disk.try_the_disk()
        except Exception:  # the next time may do better, and must come
            logger.exception("watching the disk failed")
            continue
        if full != told:
            if full:
                logger.error("the disk is full")
            else:
                logger.info("the disk has room again")
            await tell(full)
            told = full
