import asyncio
import logging

import pytest
from tocsin_server.background.open_files import can_open, watch_forever

from tests.support.waiting import until


async def test_the_limit_is_logged_once_and_the_room_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    script = [True, False, False, True, True]
    rooms = iter(script)
    looks = 0

    def has_room() -> bool:
        nonlocal looks
        looks += 1
        return next(rooms, True)

    watching = asyncio.create_task(watch_forever(has_room, 0.001))
    await until(lambda: looks > len(script))
    watching.cancel()
    await asyncio.wait({watching})

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "the limit of open files is reached"),
        ("INFO", "there is room for open files again"),
    ]


def test_a_process_that_has_room_can_open_a_file() -> None:
    assert can_open()
