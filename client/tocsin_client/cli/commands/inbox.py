"""`tocsin inbox`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tocsin_client.cli import rendering
from tocsin_client.cli.options import AsJson, InUtc, Limit, Target
from tocsin_client.cli.runner import perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output


def inbox(
    user_id: Annotated[
        str, typer.Argument(metavar="USER", help="Whose inbox.", show_default=False)
    ],
    *,
    channel: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANNEL", help="Only this channel's; may be repeated."),
    ] = None,
    unread: Annotated[bool, typer.Option("--unread", help="List only what is unread.")] = False,
    limit: Limit = None,
    mark: Annotated[
        Literal["read", "unread", "seen", "unseen"] | None,
        typer.Option(help="Mark what is selected, instead of listing it.", show_default=False),
    ] = None,
    notification_id: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="NOTIFICATION", help="Mark only this one; may be repeated."),
    ] = None,
    target: Target = "",
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Lists a user's inbox, or marks what is in it.

    The notifications stand under their channels, what came last first: whether each is unread,
    when it came, the severity, the title, the URL. With --channel each of these is there, with its
    own numbers, whatever it has. With --json each line is a Notification, over all channels the
    latest first.

    With --mark, the notifications of --id, of --channel, or else all, as far as they have arrived
    by now, are marked; it says how many changed. With --json it prints an
    UpdateNotificationsResponse.

    \b
    Examples:
      tocsin inbox alice --unread --limit 20
      tocsin inbox alice --channel marketing-clue --json
      tocsin inbox alice --mark seen
      tocsin inbox alice --mark read --channel marketing-clue
    """
    if mark is not None:
        _refuse("--mark", {"--unread": unread, "--limit": limit})
        if notification_id:
            _refuse("--id", {"--channel": channel})
    elif notification_id:
        raise typer.BadParameter("it is for --mark.", param_hint="'--id'")

    async def listing(client: "AsyncClient", output: "Output") -> None:
        from tocsin_client.cli.inbox_listing import list_by_channel  # noqa: PLC0415  # help does without
        from tocsin_client.cli.selection import Selection, list_latest  # noqa: PLC0415

        selection = Selection(user_id, frozenset(channel or ()), limit, unread_only=unread)
        if output.as_json:
            async for notification in list_latest(client, selection):
                output.messages([notification])
        else:
            async for entry in list_by_channel(client, selection, output.zone):
                output.entries([entry])

    async def marking(client: "AsyncClient", output: "Output") -> None:
        from tocsin_client.cli.marks import mark_selected  # noqa: PLC0415  # help does without

        response = await mark_selected(
            client, user_id, str(mark), ids=notification_id, channel_ids=channel
        )
        if output.as_json:
            output.messages([response])
        else:
            output.lines(rendering.marked(response, str(mark)))

    perform(marking if mark else listing, target=target, as_json=as_json, in_utc=in_utc)


def _refuse(option: str, others: dict[str, object]) -> None:
    for other, value in others.items():
        if value:
            raise typer.BadParameter(f"it does not go with {other}.", param_hint=f"'{option}'")
