"""`tocsin messages`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_client.cli import entry_lines, rendering
from tocsin_client.cli.options import (
    DEFAULT_TIMEOUT,
    AsJson,
    ChannelId,
    InUtc,
    Limit,
    Target,
    Timeout,
)
from tocsin_client.cli.pagination import first, page_size
from tocsin_client.cli.runner import perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

commands = typer.Typer(rich_markup_mode=None)


@commands.callback(invoke_without_command=True)
def _messages(context: typer.Context) -> None:
    """Lists and shows messages that were sent.

    \b
    Examples:
      tocsin messages list marketing-clue --limit 10
      tocsin messages get 01a20462-0e9a-7859-ae6a-566256a4ea43
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@commands.command("list")
def list_(
    channel_id: ChannelId,
    *,
    limit: Limit = None,
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Lists a channel's messages, the newest first.

    Each line has the time, the severity, the title and the id.

    \b
    Examples:
      tocsin messages list marketing-clue
      tocsin messages list marketing-clue --limit 10 --json
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        found = False
        listed = client.list_messages(channel_id, page_size=page_size(limit))
        async for message in first(listed, limit):
            found = True
            if output.as_json:
                output.messages([message])
            else:
                output.entries([entry_lines.sent(message, output.zone)])
        if not found:
            # The server lists nothing for a channel that does not exist: this raises NotFound.
            await client.get_channel(channel_id)

    perform(work, target=target, timeout=timeout, as_json=as_json, in_utc=in_utc)


@commands.command()
def get(
    message_id: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="The message's id.", show_default=False)
    ],
    *,
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Shows one message.

    \b
    Examples:
      tocsin messages get 01a20462-0e9a-7859-ae6a-566256a4ea43
      tocsin messages get 01a20462-0e9a-7859-ae6a-566256a4ea43 --json
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        message = await client.get_message(message_id)
        if output.as_json:
            output.messages([message])
        else:
            output.lines(rendering.message_shown(message, output.zone))

    perform(work, target=target, timeout=timeout, as_json=as_json, in_utc=in_utc)
