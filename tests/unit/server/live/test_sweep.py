import asyncio
from collections.abc import Sequence

from tocsin_server.domain.model.errors import StoreUnavailable
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.live.hub import Hub
from tocsin_server.live.sweep import sweep, sweep_forever

from tests.support.building import ALICE, BOB
from tests.support.inboxes import MemoryInboxes
from tests.support.waiting import until


async def test_a_sweep_wakes_the_watches_that_lack_something_and_no_other() -> None:
    hub = Hub(max_streams=10)
    inboxes = MemoryInboxes(hub)
    inboxes.commit(ALICE, 3)
    bobs = inboxes.commit(BOB, 3)[-1]
    lacking, complete, unborn = hub.watch(ALICE), hub.watch(BOB), hub.watch(InboxKey("x", "carol"))
    lacking.synced_to(1, 2)
    complete.synced_to(bobs.incarnation, bobs.revision)
    unborn.synced_to(0, 0)

    await sweep(hub, inboxes)

    assert [watch.behind for watch in (lacking, complete, unborn)] == [True, False, False]


async def test_a_sweep_reaches_every_inbox_however_many_are_watched() -> None:
    hub = Hub(max_streams=2_000)
    inboxes = MemoryInboxes(hub)
    watches = []
    for number in range(1_201):
        key = InboxKey("default", f"user-{number}")
        inboxes.commit(key, announced=False)
        watch = hub.watch(key)
        watch.synced_to(0, 0)
        watches.append(watch)

    await sweep(hub, inboxes)

    assert all(watch.behind for watch in watches)
    assert len(inboxes.reads) > 1


async def test_a_sweep_without_watches_reads_nothing() -> None:
    hub = Hub(max_streams=1)
    inboxes = MemoryInboxes(hub)

    await sweep(hub, inboxes)

    assert inboxes.reads == []


async def test_sweeping_goes_on_after_the_store_failed() -> None:
    class Recovering(MemoryInboxes):
        failures = 2

        async def read_revisions(
            self, keys: Sequence[InboxKey]
        ) -> Sequence[tuple[InboxKey, int, int]]:
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable
            return await super().read_revisions(keys)

    hub = Hub(max_streams=1)
    inboxes = Recovering(hub)
    inboxes.commit(ALICE)
    watch = hub.watch(ALICE)
    watch.synced_to(0, 0)

    sweeping = asyncio.create_task(sweep_forever(hub, inboxes, 0.001))
    await until(lambda: watch.behind)
    sweeping.cancel()
    await asyncio.wait({sweeping})

    assert inboxes.failures == 0
    assert sweeping.cancelled()
