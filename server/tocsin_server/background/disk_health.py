"""The health of the disk: reported when writes begin to fail, and when there is room again.

The server goes on to try writes and to serve reads. It probes the disk itself,
so that it notices room also when no caller writes.
"""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from logging import getLogger

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.ports.disk import Disk

WATCH_SECONDS = 1.0

logger = getLogger(__name__)


async def watch_forever(
    disk: Disk, report: Callable[[bool], Awaitable[None]], seconds: float = WATCH_SECONDS
) -> None:
    """Reports True when the disk has become full, False when it has room again, for ever.

    `disk` counts as full until a probe finds room.
    """
    reported = False
    while True:
        await sleep(seconds)
        try:
            if disk.full and not reported:
                logger.error("the disk is full")
                await report(True)  # noqa: FBT003  # it is full
                reported = True
            elif reported and await disk.probe():
                logger.info("the disk has room again")
                await report(False)  # noqa: FBT003  # it is not full
                reported = False
        except TocsinError as error:
            logger.warning("the disk cannot be probed: %s", error)
        except Exception:  # the next turn may succeed, and must come
            logger.exception("watching the disk failed")
