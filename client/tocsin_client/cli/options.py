"""Options that several commands take."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import typer

from tocsin_client import _durations
from tocsin_client.cli.error_text import sentence

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_TIMEOUT = 10.0
"""Seconds for a call. A restart of the server takes less."""

_Value = TypeVar("_Value")


def _or_the_programs(
    context: typer.Context, parameter: typer.CallbackParam, value: _Value
) -> _Value:
    """Returns the command's value, or else the program's: `tocsin --json channels list`."""
    chosen: _Value = value or context.find_root().params.get(parameter.name or "", value)
    return chosen


def timeout_or_the_programs(
    context: typer.Context, parameter: typer.CallbackParam, value: float
) -> float:
    """Returns the command's timeout, or else the program's, in seconds."""
    source = context.get_parameter_source(parameter.name or "")
    if source is not None and source.name == "DEFAULT":
        seconds: float = context.find_root().params.get("timeout", value)
        return seconds
    try:
        return _durations.timeout(value)
    except ValueError as problem:
        raise typer.BadParameter(sentence(problem)) from None


ChannelId = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="The channel's id.", show_default=False)
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="COUNT", min=1, help="How many to list at most; all by default."
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="ADDRESS",
        help="The server: [tls://]HOST:PORT, [IPV6]:PORT or unix:PATH.",
        show_default=f"TOCSIN_TARGET, or {DEFAULT_TARGET}",
        callback=_or_the_programs,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="How long a call may take, repeats included.",
        show_default=f"TOCSIN_TIMEOUT, or {DEFAULT_TIMEOUT:g}",
        callback=timeout_or_the_programs,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, one object a line.", callback=_or_the_programs),
]
InUtc = Annotated[
    bool,
    typer.Option(
        "--utc", help="Show times in UTC, not in the local time zone.", callback=_or_the_programs
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=VALUE",
        help="A label of your own; may be repeated.",
    ),
]
RequestId = Annotated[
    str,
    typer.Option(
        metavar="ID",
        help="Makes it safe to repeat this command within 24 hours: it takes effect once.",
        show_default=False,
    ),
]


def pairs(labels: Sequence[str] | None) -> dict[str, str]:
    """Parses labels of the form NAME=VALUE."""
    parsed = {}
    for label in labels or ():
        name, separator, value = label.partition("=")
        if not separator:
            raise typer.BadParameter(f"{label!r} is not NAME=VALUE.", param_hint="'--label'")
        parsed[name] = value
    return parsed
