"""`serve`: the server itself."""

import asyncio
import gc
import signal
from logging import getLogger

import click
from click.core import ParameterSource

from tocsin_server.app import serving
from tocsin_server.cli.announcing import announce
from tocsin_server.cli.open_files import RESERVED, raise_open_files
from tocsin_server.cli.parameters import Address, Count, Span, database_url_option
from tocsin_server.settings import Settings

_DEFAULT = Settings()

logger = getLogger(__name__)


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
    default=Span.text(_DEFAULT.idempotency_retention),
    show_default=True,
    show_envvar=True,
    help="How long the answer to a request id is kept, such as 90s, 30m, 24h or 7d.",
)
@click.option(
    "--history-retention",
    type=Span(),
    envvar="TOCSIN_HISTORY_RETENTION",
    default=Span.text(_DEFAULT.history_retention),
    show_default=True,
    show_envvar=True,
    help="How long at least a stream can resume from a cursor, such as 90s, 30m, 24h or 7d.",
)
@click.option(
    "--max-streams",
    type=Count(min=1),
    envvar="TOCSIN_MAX_STREAMS",
    default=_DEFAULT.max_streams,
    show_default=True,
    show_envvar=True,
    help="How many streams may be open at once. Each may take an open file: by default there are fewer"
    " if the limit of open files is lower.",
)
def serve(
    database_url: str,
    listen: str,
    idempotency_retention: float,
    history_retention: float,
    max_streams: int,
) -> None:
    """Serves until SIGINT or SIGTERM."""
    fit = _that_fit(max_streams)
    settings = Settings(database_url, listen, idempotency_retention, history_retention, fit)
    asyncio.run(_serve(settings, fewer_streams=fit < max_streams))


def _that_fit(max_streams: int) -> int:
    """Returns how many streams to serve: as many as requested, or by default as open files allow.

    Raises:
        BadParameter: more streams are requested than files can be open.
    """
    limit = raise_open_files()
    if max_streams + RESERVED <= limit:
        return max_streams
    source = click.get_current_context().get_parameter_source("max_streams")
    if source is not ParameterSource.DEFAULT or limit <= RESERVED:
        raise click.BadParameter(
            f"{max_streams:,} streams need {max_streams + RESERVED:,} open files;"
            f" the limit is {limit:,} (ulimit -Hn)",
            param_hint="--max-streams",
        )
    return limit - RESERVED


async def _serve(settings: Settings, *, fewer_streams: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(settings) as address:
        # Until here an interrupt interrupts, whatever is waited for.
        loop.add_signal_handler(signal.SIGINT, stop.set)
        _spare_the_collector()
        announce(f"tocsin ready grpc={address}")
        if fewer_streams:
            logger.info(
                "the limit of open files allows fewer streams",
                extra={"max_streams": settings.max_streams},
            )
        await stop.wait()


def _spare_the_collector() -> None:
    """Takes what was loaded at start out of the garbage collector's rounds.

    It lives as long as the process, and is most of what a full round looks at.
    Calls leave few cycles behind, so rounds are rarer, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
