import asyncio

from tocsin_server.background.disk_health import watch_forever
from tocsin_server.domain.model.errors import StoreUnavailable

from tests.support.waiting import until


class ScriptedDisk:
    """Is full while a script has steps: whether there is room again; None fails."""

    def __init__(self, *steps: bool | None) -> None:
        self.steps = list(steps)

    @property
    def full(self) -> bool:
        return bool(self.steps)

    async def probe(self) -> bool:
        room = self.steps.pop(0)
        if room is None:
            raise StoreUnavailable
        return room


async def test_a_full_disk_is_reported_once_and_its_room_once() -> None:
    disk = ScriptedDisk(False, False, None, False, True)  # is there room?
    reported: list[bool] = []

    async def report(full: bool) -> None:
        reported.append(full)

    watching = asyncio.create_task(watch_forever(disk, report, 0.001))
    await until(lambda: len(reported) == 2)
    watching.cancel()
    await asyncio.wait({watching})

    assert reported == [True, False]
    assert watching.cancelled()


async def test_nothing_is_reported_of_a_disk_that_has_room() -> None:
    reported: list[bool] = []
    turns = 0

    class Roomy(ScriptedDisk):
        @property
        def full(self) -> bool:
            nonlocal turns
            turns += 1
            return False

    async def report(full: bool) -> None:
        reported.append(full)

    watching = asyncio.create_task(watch_forever(Roomy(), report, 0.001))
    await until(lambda: turns > 5)
    watching.cancel()
    await asyncio.wait({watching})

    assert reported == []
