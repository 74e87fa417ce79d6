import asyncio

from tocsin_server.background.pruning import prune, prune_forever
from tocsin_server.domain.model.errors import StoreUnavailable

from tests.support.clocks import START, SetClock
from tests.support.waiting import until


class Scripted:
    """Prunes what a script says, step by step; None fails."""

    def __init__(self, *steps: int | None) -> None:
        self.left = list(steps)
        self.times: list[int] = []

    async def prune(self, now: int) -> int:
        self.times.append(now)
        rows = self.left.pop(0) if self.left else 0
        if rows is None:
            raise StoreUnavailable
        return rows


async def test_it_prunes_until_nothing_is_due() -> None:
    store = Scripted(500, 500, 3)

    await prune(store, SetClock())

    assert store.times == [START] * 4


async def test_it_goes_on_after_the_store_failed() -> None:
    store = Scripted(500, None, 500, 2)

    pruning = asyncio.create_task(prune_forever(store, SetClock(), 0.001))
    await until(lambda: not store.left)
    pruning.cancel()
    await asyncio.wait({pruning})

    assert pruning.cancelled()
