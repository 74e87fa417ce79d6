"""`tocsin send`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tocsin_client.cli import rendering
from tocsin_client.cli.error_text import sentence
from tocsin_client.cli.options import (
    DEFAULT_TIMEOUT,
    AsJson,
    Labels,
    RequestId,
    Target,
    Timeout,
    pairs,
)
from tocsin_client.cli.runner import Work, perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

# The server's limit. A character has up to four bytes, and stdin may be endless.
CONTENT_CHARACTERS = 10_000
_STDIN_BYTES = 1 << 20
_BESIDE_STDIN = {"channel_id", "target", "timeout", "as_json"}


def send(
    context: typer.Context,
    channel_id: Annotated[
        str,
        typer.Argument(
            metavar="CHANNEL",
            help="The channel's id; - sends messages from stdin.",
            show_default=False,
        ),
    ],
    title: Annotated[
        str | None, typer.Argument(metavar="TITLE", help="The headline.", show_default=False)
    ] = None,
    *,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="USER", help="A recipient; may be repeated.", show_default=False),
    ] = None,
    content: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The text; - reads it from stdin.", show_default=False),
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="The text is Markdown.")] = False,
    url: Annotated[
        str, typer.Option(metavar="URL", help="The link that a click opens.", show_default=False)
    ] = "",
    mobile_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The link that a tap opens in a mobile application.",
            show_default=False,
        ),
    ] = "",
    severity: Annotated[
        Literal["low", "normal", "high", "critical"], typer.Option(help="How important it is.")
    ] = "normal",
    sender: Annotated[
        str, typer.Option(metavar="TEXT", help="Who or what sends it.", show_default=False)
    ] = "",
    label: Labels = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="JSON", help="A JSON object with data of your own.", show_default=False
        ),
    ] = "",
    request_id: RequestId = "",
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Sends a message.

    When it returns, the message is in every recipient's inbox, and on disk.

    `tocsin send -` reads stdin: each line is a SendMessageRequest as JSON. A line that is refused is
    reported, and the rest is sent; with --json, each line gives a BatchSendResult.

    \b
    Examples:
      tocsin send marketing-clue "A new lead" --to alice --to bob --url /leads/42
      tocsin send builds "Build 7 failed" --to carol --severity high --request-id build-7
      git log -1 | tocsin send builds "Deployed" --to carol --content -
      tocsin send - < messages.jsonl
    """
    if channel_id == "-":
        _refuse_beside_stdin(context)
        perform(_send_lines(target), target=target, timeout=timeout, as_json=as_json)
        return
    if title is None:
        raise typer.BadParameter("it is missing.", param_hint="'TITLE'")
    if not to:
        raise typer.BadParameter("it is missing.", param_hint="'--to'")
    labels = pairs(label)
    own_data = _parse_data(data) if data else None
    text = _read_stdin() if content == "-" else content

    async def work(client: "AsyncClient", output: "Output") -> None:
        from tocsin.v1.message_pb2 import ContentFormat, Severity  # noqa: PLC0415  # help does without

        try:
            response = await client.send(
                channel_id,
                title,
                to=to,
                content=text,
                content_format=(
                    ContentFormat.CONTENT_FORMAT_MARKDOWN
                    if markdown
                    else ContentFormat.CONTENT_FORMAT_PLAIN
                ),
                url=url,
                mobile_url=mobile_url,
                data=own_data,
                labels=labels,
                severity=Severity.Value(f"SEVERITY_{severity.upper()}"),
                sender=sender,
                request_id=request_id,
            )
        except ValueError as problem:
            # A lone surrogate, or too many levels; everything else was checked before.
            raise _data_error(problem) from None
        if output.as_json:
            output.messages([response])
        else:
            output.lines([rendering.sent(response)])

    perform(work, target=target, timeout=timeout, as_json=as_json)


def _send_lines(target: str) -> Work:
    async def work(client: "AsyncClient", output: "Output") -> None:
        from tocsin_client.cli.send_lines import send_lines  # noqa: PLC0415  # help does without

        if not await send_lines(client, output, target):
            raise typer.Exit(1)

    return work


def _refuse_beside_stdin(context: typer.Context) -> None:
    """Refuses options of a single message beside `-`."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        is_set = source is not None and source.name == "COMMANDLINE"
        if is_set and name not in _BESIDE_STDIN:
            hint = name.upper() if name == "title" else parameter.opts[0]
            raise typer.BadParameter(
                "it cannot be used with -: each line of stdin is a whole message.",
                param_hint=f"'{hint}'",
            )


def _parse_data(data: str) -> dict[str, Any]:
    from tocsin_client.cli import json_numbers  # noqa: PLC0415  # help does without

    try:
        value = json_numbers.parse(data)
        json_numbers.check(value)
    except ValueError as problem:
        raise _data_error(problem) from None
    if not isinstance(value, dict):
        raise _data_error(f"it is a JSON {type(value).__name__}, not an object")
    return value


def _data_error(problem: object) -> typer.BadParameter:
    return typer.BadParameter(sentence(problem), param_hint="'--data'")


def _read_stdin() -> str:
    try:
        read = sys.stdin.buffer.read(_STDIN_BYTES + 1)
        if len(read) > _STDIN_BYTES:
            problem = f"stdin has more than {CONTENT_CHARACTERS:,} characters, which is the limit."
        else:
            # Without the byte order mark and the last line break that programs write.
            return read.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        problem = "stdin is not UTF-8."
    except (AttributeError, OSError):  # no stdin, or a directory
        problem = "stdin cannot be read."
    raise typer.BadParameter(problem, param_hint="'--content'")
