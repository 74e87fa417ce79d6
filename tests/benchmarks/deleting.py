"""How long a job keeps the writer: the steps in which a channel's notifications go."""

import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from tocsin_server.app import SystemClock
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.store import SqlStore

from tests.benchmarks.load import require, timed
from tests.benchmarks.samples import sample_message, users
from tests.benchmarks.servers import Program, placed
from tests.benchmarks.sizes import Prepare, Round, Sizes
from tests.support.building import channel, request, send


def steps(messages: Callable[[Sizes], int]) -> Prepare:
    """A channel with so many messages to each of the users is deleted.

    Gives the longest and the median of its steps, ms, from when the writer is asked
    until it answers. The store is in this process: a step cannot be seen from outside.
    """

    @asynccontextmanager
    async def prepare(program: Program, sizes: Sizes) -> AsyncIterator[Round]:
        clock, numbers = SystemClock(), count()
        body = sample_message("New lead").SerializeToString()
        recipients = users(sizes.users)
        with placed(program) as place:
            assert place.url is not None
            store = await SqlStore.open(place.url, Hub(1), clock, Retention())

            async def one_round() -> dict[str, float]:
                channel_id = f"channel-{next(numbers)}"
                await store.channels.create_channel(request(), channel(channel_id))
                for _ in range(messages(sizes)):
                    await store.messages.send([send(*recipients, channel_id=channel_id, body=body)])
                await store.channels.delete_channel(request(), channel_id, clock.now(), force=True)
                taken = []
                with timed():
                    under_way = True
                    while under_way:
                        begin = time.perf_counter()
                        under_way = await store.jobs.work(clock.now())
                        taken.append((time.perf_counter() - begin) * 1e3)
                require(len(taken) > messages(sizes), "every message takes a step at least")
                return {"longest": max(taken), "median": statistics.median(taken)}

            try:
                yield one_round
            finally:
                await store.close()

    return prepare
