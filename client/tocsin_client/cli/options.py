"""Options that several commands take."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import typer

DEFAULT_TARGET = "127.0.0.1:50051"

_Value = TypeVar("_Value")


def _or_the_programs(
    context: typer.Context, parameter: typer.CallbackParam, value: _Value
) -> _Value:
    """Returns the command's value, or else the program's: `tocsin --json channels list`."""
    chosen: _Value = value or context.find_root().params.get(parameter.name or "", value)
    return chosen


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
