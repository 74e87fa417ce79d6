"""Watching the disk: who asks for the server's health is told while writes fail.

Writes go on being tried, and reads being served; nobody has to write for the
server to notice that there is room again.
"""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from logging import getLogger

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.ports.disk import Disk

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
            if disk.full and not told:
                logger.error("the disk is full")
                await tell(True)  # noqa: FBT003  # it is full
                told = True
            elif told and (not disk.full or await disk.probe()):
                logger.info("the disk has room again")
                await tell(False)  # noqa: FBT003  # it is not full
                told = False
        except TocsinError as error:
            logger.warning("the disk cannot be tried: %s", error)
        except Exception:  # the next time may do better, and must come
            logger.exception("watching the disk failed")
