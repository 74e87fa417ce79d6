"""The limit of open files: the log says when it is reached, and when there is room again.

At the limit the server cannot take new connections. gRPC tries again by itself,
so that they are taken as soon as others leave; nothing else tells an operator
why they wait.
"""

import errno
import os
from asyncio import sleep
from collections.abc import Callable
from logging import getLogger

WATCH_SECONDS = 1.0

logger = getLogger(__name__)


def can_open() -> bool:
    """Tells whether this process can open another file."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in (errno.EMFILE, errno.ENFILE)
    return True


async def watch_forever(
    has_room: Callable[[], bool] = can_open, seconds: float = WATCH_SECONDS
) -> None:
    """Logs, for ever, when no file can be opened any more, and when one can again."""
    reached = False
    while True:
        await sleep(seconds)
        if has_room() == reached:
            reached = not reached
            if reached:
                logger.error("the limit of open files is reached")
            else:
                logger.info("there is room for open files again")
