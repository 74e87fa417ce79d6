"""The command line of `tocsin-server`: flags and variables, as settings."""

import asyncio
import gc
import logging
import re
import signal
from collections.abc import Sequence
from typing import ClassVar

import click
from pythonjsonlogger.json import JsonFormatter

from tocsin_server.app import CannotListen, CannotOpen, serving
from tocsin_server.settings import Settings

_DEFAULT = Settings()


class CannotAnnounce(Exception):
    """Nobody can be told that the server is ready; the text says why, in one line."""


class Span(click.ParamType[float]):
    """A span of time: a number with a unit (s, m, h, d), such as 90s or 24h."""

    name = "span"
    units: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    least: ClassVar = 1
    most: ClassVar = 3650 * 86400

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Returns the span in seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a span of time such as 90s, 30m, 24h or 7d.", param, ctx)
        seconds = float(match[1]) * self.units[match[2]]
        if not self.least <= seconds <= self.most:
            self.fail(f"{value!r} is not between 1s and 3650d.", param, ctx)
        return seconds


class Address(click.ParamType[str]):
    """HOST:PORT, or unix:PATH."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Returns the address."""
        text = str(value)
        if not text.isprintable():
            self.fail(f"{value!r} holds what is no text.", param, ctx)
        if re.fullmatch(r"unix:.+", text):
            return text
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})", text)
        if match is None or int(match[2]) > 65_535:
            self.fail(f"{value!r} is not HOST:PORT, nor unix:PATH.", param, ctx)
        return text


@click.group()
@click.version_option(package_name="tocsin", prog_name="tocsin-server")
def program() -> None:
    """Runs and looks after a Tocsin server: inboxes, live, over gRPC."""


@program.command()
@click.option(
    "--database-url",
    envvar="TOCSIN_DATABASE_URL",
    default=_DEFAULT.database_url,
    show_default=True,
    show_envvar=True,
    help="Where everything is stored: sqlite+aiosqlite:///FILE,"
    " or postgresql+asyncpg://USER@HOST/DATABASE.",
)
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
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    async with serving(settings) as address:
        _spare_the_collector()
        try:
            click.echo(f"tocsin ready grpc={address}")
        except OSError as error:
            raise CannotAnnounce(f"cannot write to stdout: {error.strerror}") from None
        await stop.wait()


def _spare_the_collector() -> None:
    """Takes what was loaded at start out of the garbage collector's rounds.

    It lives as long as the process, and is most of what a full round looks at.
    Calls leave few cycles behind, so rounds are rarer, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def run(arguments: Sequence[str]) -> int:
    """Runs the program; what an operator got wrong is one line on stderr, and 2."""
    _log_as_json()
    try:
        program.main(list(arguments), prog_name="tocsin-server", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_text:
        click.echo(help_text.format_message())
        return 2
    except click.ClickException as mistake:
        problem = " ".join(mistake.format_message().split())
    except (CannotAnnounce, CannotListen, CannotOpen) as failure:
        problem = " ".join(str(failure).split())
    except click.Abort:
        return 130
    else:
        return 0
    click.echo(f"tocsin-server: {problem}", err=True)
    return 2


def _log_as_json() -> None:
    """Writes the log to stderr, an object a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
