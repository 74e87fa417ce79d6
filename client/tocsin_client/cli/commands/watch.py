"""`tocsin watch`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tocsin_client.cli.options import AsJson, InUtc, Target
from tocsin_client.cli.runner import perform

if TYPE_CHECKING:
    from tocsin_client import AsyncClient
    from tocsin_client.cli.output import Output


def watch(
    user_id: Annotated[
        str, typer.Argument(metavar="USER", help="Whose inbox.", show_default=False)
    ],
    *,
    snapshot_size: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            min=1,
            max=1000,
            help="How many of the latest notifications to show at the start, at most.",
        ),
    ] = 10,
    cursor: Annotated[
        str,
        typer.Option(
            metavar="CURSOR",
            help="Resume from this cursor, as --json prints it.",
            show_default=False,
        ),
    ] = "",
    target: Target = "",
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Follows an inbox live.

    Shows the latest notifications, the newest last, then each change at once: the time, the inbox's
    revision, the channel, the severity, the title, the URL; and the unread count. With --json, each line
    is a SubscribeResponse. It goes on after a restart of the server, until Ctrl-C.

    \b
    Examples:
      tocsin watch alice
      tocsin watch alice --json | jq '.changes[]?.upserted.message.title'
    """

    async def work(client: "AsyncClient", output: "Output") -> None:
        from tocsin_client.cli.live_feed import follow  # noqa: PLC0415  # help does without

        subscription = client.subscribe(user_id, cursor=cursor, snapshot_size=snapshot_size)
        await follow(subscription, output, target)

    perform(work, target=target, as_json=as_json, in_utc=in_utc)
