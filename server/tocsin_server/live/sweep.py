"""The sweep: what bounds the harm of a lost hint to seconds."""

from asyncio import sleep
from itertools import islice
from logging import getLogger

from tocsin_server.domain.ports.history import InboxHistory
from tocsin_server.live.hub import Hub

SWEEP_SECONDS = 15.0
_INBOXES_A_READ = 500

logger = getLogger(__name__)


async def sweep_forever(hub: Hub, store: InboxHistory, seconds: float = SWEEP_SECONDS) -> None:
    """Compares the watches with the store, for ever, every so many seconds."""
    while True:
        await sleep(seconds)
        try:
            await sweep(hub, store)
        except Exception:  # the next sweep may succeed, and must come
            logger.exception("a sweep failed")


async def sweep(hub: Hub, store: InboxHistory) -> None:
    """Tells every watch how far its inbox has come, by the store."""
    keys = iter(hub.keys)
    while some := list(islice(keys, _INBOXES_A_READ)):
        hub.hear_of(await store.read_revisions(some))
