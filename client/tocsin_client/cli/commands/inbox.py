"""`tocsin inbox`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tocsin_client.cli import rendering
from tocsin_client.cli.options import DEFAULT_TIMEOUT, AsJson, InUtc, Limit, Target, Timeout
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
        typer.Option(metavar="CHANNEL", help="Select this channel; may be repeated."),
    ] = None,
    unread: Annotated[
        bool, typer.Option("--unread", help="List only unread notifications.")
    ] = False,
    limit: Limit = None,
    mark: Annotated[
        Literal["read", "unread", "seen", "unseen"] | None,
        typer.Option(
            help="Mark the selected notifications instead of listing them.", show_default=False
        ),
    ] = None,
    notification_id: Annotated[
        list[str] | None,
        typer.Option(
            "--id", metavar="NOTIFICATION", help="Mark only this notification; may be repeated."
        ),
    ] = None,
    target: Target = "",
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Lists a user's inbox, or marks its notifications.

    Lists the notifications by channel, the latest first: unread or not, the time, the severity, the
    title, the URL. With --channel, every selected channel is listed with its own counters, also if it is
    empty. With --json, each line is a Notification, the latest of all channels first.

    With --mark, marks the notifications of --id, those of --channel, or all that have arrived so far,
    and prints how many changed. With --json, prints an UpdateNotificationsResponse. An --id that is not
    in the inbox is an error; the others are marked all the same.

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
        raise typer.BadParameter("it needs --mark.", param_hint="'--id'")

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
        await _mark(client, output, user_id, str(mark), notification_id or [], channel or [])

    perform(
        marking if mark else listing, target=target, timeout=timeout, as_json=as_json, in_utc=in_utc
    )


def _refuse(option: str, others: dict[str, object]) -> None:
    for other, value in others.items():
        if value:
            raise typer.BadParameter(f"it cannot be used with {other}.", param_hint=f"'{option}'")


async def _mark(
    client: "AsyncClient",
    output: "Output",
    user_id: str,
    state: str,
    ids: Sequence[str],
    channel_ids: Sequence[str],
) -> None:
    from tocsin_client.cli.marks import find_missing, mark_selected  # noqa: PLC0415  # help does without

    response = await mark_selected(client, user_id, state, ids=ids, channel_ids=channel_ids)
    missing: Sequence[str] = ()
    # The server ignores ids that it does not know, and counts only what it changes.
    if response.updated_count < len(set(ids)):
        missing = await find_missing(client, user_id, ids)
    if not ids or len(missing) < len(set(ids)):
        if output.as_json:
            output.messages([response])
        else:
            output.lines(rendering.marked(response, state))
    if missing:
        noun = "notification" if len(missing) == 1 else "notifications"
        raise typer.TyperException(f"{user_id} has no {noun} {', '.join(missing)}")
