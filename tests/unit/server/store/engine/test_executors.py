from threading import Event

import pytest
from sqlalchemy import Connection, Engine
from tocsin_server.store.engine.executors import ThreadExecutor, run


async def test_a_result_does_not_wait_for_maintenance(engine: Engine) -> None:
    resume = Event()

    def wait(_: Connection) -> None:
        resume.wait()

    executor = ThreadExecutor(engine, maintain=wait)

    assert await run(executor, lambda _: 1) == 1

    resume.set()
    await executor.close()


async def test_maintenance_follows_each_work_on_its_connection(engine: Engine) -> None:
    followed: list[Connection] = []
    executor = ThreadExecutor(engine, maintain=followed.append)

    connections = [await run(executor, lambda connection: connection) for _ in range(2)]

    await executor.close()
    assert followed == connections


async def test_maintenance_that_fails_does_not_end_the_thread(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Connection) -> None:
        raise MemoryError

    executor = ThreadExecutor(engine, maintain=fail)

    assert [await run(executor, lambda _: 1), await run(executor, lambda _: 2)] == [1, 2]

    await executor.close()
    assert "the maintenance of the database failed" in caplog.text
