"""The program, altered in one part, for what would take too long otherwise, or never happen.

`deaf`: its hub loses every hint, so that its streams live by the sweep alone. `hasty`: it asks
a silent peer after a second whether it is there, and gives it another. `patient`: it waits a
minute for the write lock of SQLite.
"""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from tocsin_server.app import Parts, SystemClock, serving
from tocsin_server.domain.model.changes import Change
from tocsin_server.grpc_transport.server import OPTIONS
from tocsin_server.live.hub import Hub
from tocsin_server.settings import Settings
from tocsin_server.store.writing import group_commit


class DeafHub(Hub):
    """A hub that forgets every change."""

    def announce(self, changes: Sequence[Change]) -> None:
        """Does nothing."""


HASTY = {
    "grpc.keepalive_time_ms": 1_000,
    "grpc.keepalive_timeout_ms": 1_000,
    "grpc.http2.ping_timeout_ms": 1_000,
}

ALTERED = {
    "deaf": Parts(SystemClock(), hub=DeafHub, sweep_seconds=0.05),
    "patient": Parts(SystemClock()),
    "hasty": Parts(SystemClock(), options=tuple((dict(OPTIONS) | HASTY).items())),
}


async def serve(settings: Settings, parts: Parts) -> None:
    """Serves until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(settings, parts) as address:
        print(f"tocsin ready grpc={address}", flush=True)  # noqa: T201  # the ready line
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("alteration", choices=ALTERED)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--database-url", required=True)
    arguments = parser.parse_args()
    if arguments.alteration == "patient":
        group_commit.LOCKED_SECONDS = 60.0
    settings = Settings(database_url=arguments.database_url, listen=arguments.listen)
    asyncio.run(serve(settings, ALTERED[arguments.alteration]))
