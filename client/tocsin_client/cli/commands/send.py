"""`tocsin send`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tocsin_client.cli import rendering
from tocsin_client.cli.options import AsJson, Labels, RequestId, Target, pairs
from tocsin_client.cli.runner import Work, perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

# The server's limit; a character has up to four bytes, and stdin may not end.
CONTENT_CHARACTERS = 10_000
_STDIN_BYTES = 1 << 20
_BESIDE_STDIN = {"channel_id", "target", "as_json"}


def send(
    context: typer.Context,
    channel_id: Annotated[
        str,
        typer.Argument(
            metavar="CHANNEL",
            help="The channel's id; - reads messages from stdin.",
            show_default=False,
        ),
    ],
    title: Annotated[
        str | None, typer.Argument(metavar="TITLE", help="The headline.", show_default=False)
    ] = None,
    *,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="USER", help="Who receives it; repeat it for more.", show_default=False
        ),
    ] = None,
    content: Annotated[
        str, typer.Option(metavar="TEXT", help="The text; - reads stdin.", show_default=False)
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="The text is Markdown.")] = False,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where a click leads.", show_default=False)
    ] = "",
    mobile_url: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Where a tap in a mobile application leads.", show_default=False
        ),
    ] = "",
    severity: Annotated[
        Literal["low", "normal", "high", "critical"], typer.Option(help="How much it matters.")
    ] = "normal",
    sender: Annotated[
        str, typer.Option(metavar="TEXT", help="Who or what sends it.", show_default=False)
    ] = "",
    label: Labels = None,
    data: Annotated[
        str,
        typer.Option(metavar="JSON", help="An object of your own data.", show_default=False),
    ] = "",
    request_id: RequestId = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Sends a message.

    Once it returns, every recipient's inbox has it, on disk.

    `tocsin send -` sends what stdin brings: on each line a SendMessageRequest as JSON. A line that
    is refused is told, and the rest goes on; with --json each line gives a BatchSendResult.

    \b
    Examples:
      tocsin send marketing-clue "A new lead" --to alice --to bob --url /leads/42
      tocsin send builds "Build 7 failed" --to carol --severity high --request-id build-7
      git log -1 | tocsin send builds "Deployed" --to carol --content -
      tocsin send - < messages.jsonl
    """
    if channel_id == "-":
        _refuse_beside_stdin(context)
        perform(_send_lines(target), target=target, as_json=as_json)
        return
    if title is None:
        raise typer.BadParameter("it is missing.", param_hint="'TITLE'")
    if not to:
        raise typer.BadParameter("it is missing.", param_hint="'--to'")
    labels = pairs(label)
    own_data = _object(data) if data else None
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
            # Half a surrogate pair, and nesting without end: the rest was checked before.
            raise _no_data(problem) from None
        if output.as_json:
            output.messages([response])
        else:
            output.lines([rendering.sent(response)])

    perform(work, target=target, as_json=as_json)


def _send_lines(target: str) -> Work:
    async def work(client: "AsyncClient", output: "Output") -> None:
        from tocsin_client.cli.send_lines import send_lines  # noqa: PLC0415  # help does without

        if not await send_lines(client, output, target):
            raise typer.Exit(1)

    return work


def _refuse_beside_stdin(context: typer.Context) -> None:
    """What says something about one message has no place beside many."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        given = source is not None and source.name == "COMMANDLINE"
        if given and name not in _BESIDE_STDIN:
            hint = name.upper() if name == "title" else parameter.opts[0]
            raise typer.BadParameter(
                "it has no place beside -: each line of stdin says everything.",
                param_hint=f"'{hint}'",
            )


def _object(data: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise _no_data(problem) from None
    if not isinstance(value, dict):
        raise _no_data(f"it is a {type(value).__name__}")
    return value


def _no_data(problem: object) -> typer.BadParameter:
    return typer.BadParameter(f"No JSON object: {problem}.", param_hint="'--data'")


def _read_stdin() -> str:
    try:
        read = sys.stdin.buffer.read(_STDIN_BYTES + 1)
        if len(read) > _STDIN_BYTES:
            problem = f"stdin has more than {CONTENT_CHARACTERS:,} characters, which is the limit."
        else:
            # Some programs begin with a byte order mark. One that writes a line ends it; the text
            # does without.
            return read.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        problem = "stdin is not UTF-8."
    except (AttributeError, OSError):  # there is none, or it is a directory
        problem = "stdin cannot be read."
    raise typer.BadParameter(problem, param_hint="'--content'")
