"""`serve`: the server itself."""

import asyncio
import gc
import signal

import click

from tocsin_server.app import serving
from tocsin_server.cli.announcing import announce
from tocsin_server.cli.parameters import Address, Span, database_url_option
from tocsin_server.settings import Settings

_DEFAULT = Settings()


@click.command()
@database_url_option
@click.option(
    "--listen",
    type=Address(),
    envvar="TOCSIN_LISTEN",
    default=_DEFAULT.listen,
    show_default=True,
    show_envvar=True,
    help="HOST:PORT to serve on; port 0 picks one. Or unix:PATH.",
)
@click.option(
    "--idempotency-retention",
    type=Span(),
    envvar="TOCSIN_IDEMPOTENCY_RETENTION",
    default="24h",
    show_default=True,
    show_envvar=True,
    help="How long the answer to a request id is kept: 90s, 30m, 24h, 7d.",
)
@click.option(
    "--history-retention",
    type=Span(),
    envvar="TOCSIN_HISTORY_RETENTION",
    default="7d",
    show_default=True,
    show_envvar=True,
    help="How long a cursor can be resumed from at least: 90s, 30m, 24h, 7d.",
)
@click.option(
    "--max-streams",
    type=click.IntRange(min=1),
    envvar="TOCSIN_MAX_STREAMS",
    default=_DEFAULT.max_streams,
    show_default=True,
    show_envvar=True,
    help="How many streams may be open at once.",
)
def serve(
    database_url: str,
    listen: str,
    idempotency_retention: float,
    history_retention: float,
    max_streams: int,
) -> None:
    """Serves until SIGINT or SIGTERM."""
    settings = Settings(database_url, listen, idempotency_retention, history_retention, max_streams)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(settings) as address:
        # Until here an interrupt interrupts, whatever is waited for.
        loop.add_signal_handler(signal.SIGINT, stop.set)
        _spare_the_collector()
        announce(f"tocsin ready grpc={address}")
        await stop.wait()


def _spare_the_collector() -> None:
    """Takes what was loaded at start out of the garbage collector's rounds.

    It lives as long as the process, and is most of what a full round looks at.
    Calls leave few cycles behind, so rounds are rarer, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
