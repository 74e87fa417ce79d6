"""Runs what a command does: with a client, with an output, and to an end that is told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import TYPE_CHECKING

import typer

import tocsin_client

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

# Longer than a server's restart, and not too long to wait for the word that there is none.
_TIMEOUT = 10.0

Work = Callable[["AsyncClient", "Output"], Awaitable[None]]


def perform(work: Work, *, target: str, as_json: bool, in_utc: bool = False) -> None:
    """Does a command's work.

    Raises:
        typer.BadParameter: `target` is none.
        typer.TyperException: Nothing answered, or nothing could be asked; or stdout takes nothing.
        typer.Exit: Whoever read stdout is gone.
        tocsin_client.TocsinError: The server answered with an error.
    """
    try:
        asyncio.run(_perform(work, target, as_json=as_json, in_utc=in_utc))
    except (BrokenPipeError, asyncio.CancelledError):
        raise typer.Exit from None
    except (tocsin_client.DeadlineExceeded, tocsin_client.Unavailable) as silence:
        raise typer.TyperException(f"{target}: {silence}") from None
    except OSError as failure:
        raise typer.TyperException(
            f"{failure.filename or target}: {failure.strerror or failure}"
        ) from None


async def _perform(work: Work, target: str, *, as_json: bool, in_utc: bool) -> None:
    from tocsin_client.cli.output import Output  # noqa: PLC0415  # help does without

    try:
        client = tocsin_client.AsyncClient(target, timeout=_TIMEOUT)
    except ValueError as problem:
        raise typer.BadParameter(
            f"{problem}.", param_hint="'--target' (or TOCSIN_TARGET)"
        ) from None
    async with client:
        await work(client, Output(as_json=as_json, zone=UTC if in_utc else None))
