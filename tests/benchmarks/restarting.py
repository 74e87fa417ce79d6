"""How soon the streams of the client library are back when a server has started again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from tocsin_client import AsyncClient

from tests.benchmarks.samples import CHANNEL_ID, users
from tests.benchmarks.servers import Program, living, placed
from tests.benchmarks.sizes import Round, Sizes
from tests.e2e.ports import lasting_port

SENDERS = 8


@asynccontextmanager
async def streams_back(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
    """A server under sends stops and starts again: from its ready line to the last stream, s."""
    user_ids = users(sizes.restarted_streams)

    async def one_round() -> dict[str, float]:
        target = f"127.0.0.1:{lasting_port()}"
        with placed(program) as place:
            async with AsyncClient(target) as client, asyncio.TaskGroup() as group:
                streams = _Streams(client, user_ids)
                async with living(program, place, target):
                    if place.url is not None:
                        await client.create_channel(CHANNEL_ID, title="Marketing clues")
                    tasks = [group.create_task(streams.follow(user_id)) for user_id in user_ids]
                    tasks += [group.create_task(streams.send()) for _ in range(SENDERS)]
                    await streams.until_all()
                streams.expect_again()
                async with living(program, place, target) as server:
                    last = await streams.until_all()
                    for task in tasks:
                        task.cancel()
        return {"back": last - server.ready}

    yield one_round


class _Streams:
    """Follows and sends by the client library, and says when every stream has given something."""

    def __init__(self, client: AsyncClient, user_ids: list[str]) -> None:
        self._client = client
        self._user_ids = user_ids
        self._numbers = count()
        self.expect_again()

    def expect_again(self) -> None:
        self._missing = set(self._user_ids)
        self._all = asyncio.get_running_loop().create_future()

    async def until_all(self) -> float:
        last: float = await self._all
        return last

    async def follow(self, user_id: str) -> None:
        async for _ in self._client.subscribe(user_id):
            self._missing.discard(user_id)
            if not self._missing and not self._all.done():
                self._all.set_result(time.perf_counter())

    async def send(self) -> None:
        while True:
            number = next(self._numbers)
            user_id = self._user_ids[number % len(self._user_ids)]
            await self._client.send(CHANNEL_ID, f"New lead {number}", to=user_id)
