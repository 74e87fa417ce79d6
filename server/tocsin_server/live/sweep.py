"""The sweep: compares watches with the store, so that a lost change is noticed within seconds."""

from asyncio import sleep
from itertools import islice
from logging import getLogger

from tocsin_server.domain.ports.history import InboxHistory
from tocsin_server.live.hub import Hub

SWEEP_SECONDS = 15.0
_INBOXES_A_READ = 500

logger = getLogger(__name__)


async def sweep_forever(hub: Hub, store: InboxHistory, seconds: float = SWEEP_SECONDS) -> None:
    """Sweeps every `seconds`, until cancelled."""
    while True:
        await sleep(seconds)
        try:
            await sweep(hub, store)
        except Exception:  # the next sweep must run, and may succeed
            logger.exception("a sweep failed")


async def sweep(hub: Hub, store: InboxHistory) -> None:
    """Passes the current revision of every watched inbox from the store to its watches."""
    keys = iter(hub.keys)
    while page := list(islice(keys, _INBOXES_A_READ)):
        hub.hear_of(await store.read_revisions(page))
