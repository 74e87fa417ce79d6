"""Pruning: rows past their retention are deleted, a few at a time, behind the writes of callers."""

from asyncio import sleep
from logging import getLogger

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.pruning import PruningStore

PRUNE_SECONDS = 60.0

logger = getLogger(__name__)


async def prune_forever(store: PruningStore, clock: Clock, seconds: float = PRUNE_SECONDS) -> None:
    """Prunes, again and again, until nothing is left that is due."""
    while True:
        await sleep(seconds)
        try:
            await prune(store, clock)
        except TocsinError as error:
            logger.warning("pruning has to wait: %s", error)
        except Exception:  # the next turn may succeed, and must come
            logger.exception("pruning failed")


async def prune(store: PruningStore, clock: Clock) -> None:
    """Prunes until nothing is left that is due.

    Each step is a transaction of its own, and waits for its turn among the
    writes: others come in between.
    """
    pruned = 0
    while rows := await store.prune(clock.settled()):
        pruned += rows
    if pruned:
        logger.info("pruned", extra={"rows": pruned})
