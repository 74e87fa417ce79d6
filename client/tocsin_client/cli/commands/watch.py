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
            help="How many of the latest notifications to begin with, at most.",
        ),
    ] = 10,
    cursor: Annotated[
        str,
        typer.Option(metavar="CURSOR", help="Go on after this, from --json.", show_default=False),
    ] = "",
    target: Target = "",
    as_json: AsJson = False,
    in_utc: InUtc = False,
) -> None:
    """Follows an inbox live.

    It shows the latest notifications, the newest last, then each change as it comes: when, its
    revision of the inbox, the channel, the severity, the title, the URL; and how many are unread.
    With --json each line is a SubscribeResponse. It survives restarts of the server, and ends
    with Ctrl-C.

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
