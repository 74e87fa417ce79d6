"""`tocsin channels`."""

from typing import TYPE_CHECKING, Annotated

import typer

import tocsin_client
from tocsin_client.cli import rendering
from tocsin_client.cli.channel_update import LabelChanges
from tocsin_client.cli.options import (
    DEFAULT_TIMEOUT,
    AsJson,
    ChannelId,
    InUtc,
    Labels,
    RequestId,
    Target,
    Timeout,
    pairs,
)
from tocsin_client.cli.runner import perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output

commands = typer.Typer(rich_markup_mode=None)


@commands.callback(invoke_without_command=True)
def _channels(context: typer.Context) -> None:
    """Creates, shows, updates and deletes channels.

    A channel is a named kind of message.

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
    channel_id: ChannelId,
    *,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="The title that people see.", show_default=False)
    ],
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="What the channel is for.", show_default=False)
    ] = "",
    label: Labels = None,
    request_id: RequestId = "",
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
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
            output.lines([rendering.done("created", channel.channel_id)])

    perform(work, target=target, timeout=timeout, as_json=as_json)


@commands.command("list")
def list_(
    *, target: Target = "", timeout: Timeout = DEFAULT_TIMEOUT, as_json: AsJson = False
) -> None:
    """Lists all channels, by id.

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

    perform(work, target=target, timeout=timeout, as_json=as_json)


@commands.command()
def get(
    channel_id: ChannelId,
    *,
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
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
            output.lines(rendering.channel_shown(channel, output.zone))

    perform(work, target=target, timeout=timeout, as_json=as_json, in_utc=in_utc)


@commands.command()
def update(
    channel_id: ChannelId,
    *,
    title: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The title that people see.", show_default=False),
    ] = None,
    description: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="What the channel is for; may be empty.", show_default=False
        ),
    ] = None,
    label: Labels = None,
    remove_label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A label to remove; may be repeated."),
    ] = None,
    clear_labels: Annotated[
        bool, typer.Option("--clear-labels", help="Remove all labels except those of --label.")
    ] = False,
    etag: Annotated[
        str,
        typer.Option(
            metavar="ETAG", help="Update only if the channel has this etag.", show_default=False
        ),
    ] = "",
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Updates a channel. What has no option here stays as it is.

    \b
    Examples:
      tocsin channels update billing --title "Bills" --description ""
      tocsin channels update billing --label team=finance --remove-label area
      tocsin channels update billing --clear-labels --label team=finance
    """
    label_changes = LabelChanges(pairs(label), frozenset(remove_label or ()), clears=clear_labels)
    if title is None and description is None and not label_changes:
        raise typer.BadParameter(
            "nothing to change; give --title, --description, --label, --remove-label or"
            " --clear-labels.",
            param_hint="'CHANNEL'",
        )

    async def work(client: "AsyncClient", output: "Output") -> None:
        channel = await label_changes.update(
            client, channel_id, title=title, description=description, etag=etag
        )
        if output.as_json:
            output.messages([channel])
        else:
            output.lines([rendering.done("updated", channel_id)])

    perform(work, target=target, timeout=timeout, as_json=as_json)


@commands.command()
def delete(
    channel_id: ChannelId,
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Delete it with its messages, which leave every inbox for good."
        ),
    ] = False,
    request_id: RequestId = "",
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Deletes a channel.

    A channel that has messages is not deleted without --force. The command does not ask for
    confirmation.

    \b
    Examples:
      tocsin channels delete billing
      tocsin channels delete marketing-clue --force
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        from tocsin.v1.channel_service_pb2 import DeleteChannelResponse  # noqa: PLC0415  # help does without

        try:
            await client.delete_channel(channel_id, force=force, request_id=request_id)
        except tocsin_client.FailedPrecondition as refusal:
            if refusal.reason != "CHANNEL_NOT_EMPTY":
                raise
            raise typer.TyperException(
                f"channel {channel_id} has messages; --force deletes them with it"
            ) from None
        if output.as_json:
            output.messages([DeleteChannelResponse()])
        else:
            output.lines([rendering.done("deleted", channel_id)])

    perform(work, target=target, timeout=timeout, as_json=as_json)
