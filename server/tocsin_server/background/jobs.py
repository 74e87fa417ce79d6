"""Jobs: their steps are done one after the other, behind the writes of callers."""

from asyncio import sleep
from logging import getLogger

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.jobs import JobStore

WORK_SECONDS = 1.0

logger = getLogger(__name__)


async def work_forever(store: JobStore, clock: Clock, seconds: float = WORK_SECONDS) -> None:
    """Does what is due, and looks again after so many seconds."""
    while True:
        try:
            while await store.work(clock.now()):
                pass
        except TocsinError as error:
            logger.warning("jobs have to wait: %s", error)
        except Exception:  # the next turn may succeed, and must come
            logger.exception("working failed")
        await sleep(seconds)
