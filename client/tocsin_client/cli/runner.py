"""Runs a command's work with a client and an output, and reports how it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import TYPE_CHECKING

import typer

import tocsin_client
from tocsin_client.cli.error_text import clause, sentence
from tocsin_client.cli.options import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

Work = Callable[["AsyncClient", "Output"], Awaitable[None]]


def perform(
    work: Work,
    *,
    target: str,
    as_json: bool,
    in_utc: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
) -> None:
    """Runs a command's work to its end. Each of its calls may take `timeout` seconds.

    Raises:
        typer.BadParameter: `target` is not an address.
        typer.TyperException: The server does not answer, or the system refuses a file or a socket, or
            stdout cannot be written.
        typer.Exit: Nobody reads stdout any more.
        tocsin_client.TocsinError: The server answered with an error.
    """
    try:
        asyncio.run(_perform(work, target, timeout, as_json=as_json, in_utc=in_utc))
    except (BrokenPipeError, asyncio.CancelledError):
        raise typer.Exit from None
    except (tocsin_client.DeadlineExceeded, tocsin_client.Unavailable) as silence:
        raise typer.TyperException(f"{target}: {silence}") from None
    except OSError as failure:
        raise typer.TyperException(
            f"{failure.filename or target}: {failure.strerror or failure}"
        ) from None


async def _perform(work: Work, target: str, timeout: float, *, as_json: bool, in_utc: bool) -> None:
    from tocsin_client.cli.output import Output  # noqa: PLC0415  # help does without

    output = Output(as_json=as_json, zone=UTC if in_utc else None)

    def report_silence(cause: str) -> None:
        limit = f"up to {timeout:g} s (--timeout)"
        output.note(f"waiting {limit} for {target}: {clause(cause) or 'silence'}")

    try:
        client = tocsin_client.AsyncClient(target, timeout=timeout, _on_silence=report_silence)
    except ValueError as problem:
        raise typer.BadParameter(
            sentence(problem), param_hint="'--target' (or TOCSIN_TARGET)"
        ) from None
    async with client:
        await work(client, output)
