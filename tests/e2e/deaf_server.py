"""The program, but for a hub that loses every hint: its streams live by the sweep alone."""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from tocsin_server.app import Parts, SystemClock, serving
from tocsin_server.domain.changes import Change
from tocsin_server.live.hub import Hub
from tocsin_server.settings import Settings


class DeafHub(Hub):
    """A hub that forgets every change it is told of."""

    def announce(self, changes: Sequence[Change]) -> None:
        """Tells nobody."""


async def serve(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    parts = Parts(SystemClock(), hub=DeafHub, sweep_seconds=0.05)
    async with serving(settings, parts) as address:
        print(f"tocsin ready grpc={address}", flush=True)  # noqa: T201  # the ready line
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--database-url", required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(Settings(database_url=arguments.database_url, listen=arguments.listen)))
