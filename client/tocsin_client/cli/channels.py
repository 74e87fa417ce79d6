"""`tocsin channels`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_client.cli import rendering
from tocsin_client.cli.options import AsJson, Labels, RequestId, Target, pairs
from tocsin_client.cli.running import perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

commands = typer.Typer(rich_markup_mode=None)

_ChannelId = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="The channel's id.", show_default=False)
]


@commands.callback(invoke_without_command=True)
def _channels(context: typer.Context) -> None:
    """Creates and shows channels, the named kinds of messages.

    \b
    Examples:
      tocsin channels create marketing-clue --title "Marketing clues"
      tocsin channels list
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@commands.command()
def create(
    channel_id: _ChannelId,
    *,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="What people call it.", show_default=False)
    ],
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for.", show_default=False)
    ] = "",
    label: Labels = None,
    request_id: RequestId = "",
    target: Target = "",
    as_json: AsJson = False,
) -> None:
    """Creates a channel.

    \b
    Examples:
      tocsin channels create marketing-clue --title "Marketing clues"
      tocsin channels create billing --title Billing --label team=finance
    """
    labels = pairs(label)

    async def work(client: "AsyncClient", output: "Output") -> None:
        channel = await client.create_channel(
            channel_id,
            title=title,
            description=description,
            labels=labels,
            request_id=request_id,
        )
        if output.as_json:
            output.messages([channel])
        else:
            output.lines([rendering.created(channel)])

    perform(work, target=target, as_json=as_json)


@commands.command("list")
def list_(*, target: Target = "", as_json: AsJson = False) -> None:
    """Lists every channel, by id.

    \b
    Examples:
      tocsin channels list
      tocsin channels list --json | jq -r .channelId
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        channels = [channel async for channel in client.list_channels()]
        if output.as_json:
            output.messages(channels)
        else:
            output.lines(rendering.channels_listed(channels))

    perform(work, target=target, as_json=as_json)


@commands.command()
def get(channel_id: _ChannelId, *, target: Target = "", as_json: AsJson = False) -> None:
    """Shows one channel.

    \b
    Examples:
      tocsin channels get marketing-clue
      tocsin channels get marketing-clue --json
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        channel = await client.get_channel(channel_id)
        if output.as_json:
            output.messages([channel])
        else:
            output.lines(rendering.channel_shown(channel))

    perform(work, target=target, as_json=as_json)
