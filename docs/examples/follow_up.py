"""Three colleagues follow leads up: `follow_up.py HOST:PORT < leads.csv`.

Alice has her inbox open on a phone and on a laptop, Bob and Carol on one device each. Every lead
reaches all of them as it comes in; at the end Alice reads hers on the phone, and her laptop shows
it. The server may be stopped, killed and started again meanwhile: nobody needs to notice.
"""

import asyncio
import sys
from contextlib import AsyncExitStack, suppress

from tocsin_client import AlreadyExists, AsyncClient, AsyncLiveInbox, InvalidArgument

from leads import read_rows

CHANNEL = "marketing-clue"


def show(name: str, inbox: AsyncLiveInbox) -> None:
    inbox.on_change(
        lambda change: print(
            f"{name}: {inbox.unread_count} unread of {inbox.total_count}",
            *(f"| {notification.message.title}" for notification in change.arrived),
            flush=True,
        )
    )


def message_ids(inbox: AsyncLiveInbox) -> list[str]:
    return [notification.message.message_id for notification in inbox.notifications]


def unread(*inboxes: AsyncLiveInbox) -> list[int]:
    return [inbox.unread_count for inbox in inboxes]


async def main(target: str) -> None:
    async with AsyncClient(target) as client, AsyncExitStack() as devices:

        async def open_inbox(name: str, user_id: str) -> AsyncLiveInbox:
            inbox = await devices.enter_async_context(client.inbox(user_id, strict=True))
            show(name, inbox)
            return inbox

        phone = await open_inbox("Alice's phone", "alice")
        laptop = await open_inbox("Alice's laptop", "alice")
        colleagues = [await open_inbox("Bob", "bob"), await open_inbox("Carol", "carol")]

        with suppress(AlreadyExists):
            await client.create_channel(CHANNEL, title="Marketing clues")
        rows, last = read_rows(sys.stdin), ""
        while row := await asyncio.to_thread(next, rows, None):
            try:
                lead = row.lead()
                response = await client.send(
                    CHANNEL,
                    lead.title,
                    to=["alice", "bob", "carol"],
                    url=lead.link,
                    request_id=f"lead-{lead.id}",
                )
                last = response.message.message_id
            except (AlreadyExists, InvalidArgument, ValueError) as problem:
                print(f"line {row.line}: {problem}", file=sys.stderr)
        for inbox in (phone, laptop, *colleagues):
            await inbox.wait_for(lambda inbox=inbox: not last or last in message_ids(inbox))

        await phone.mark_read(all=True)
        await laptop.wait_for(lambda: laptop.unread_count == 0)
        read = sum(notification.HasField("read_time") for notification in laptop.notifications)
        print(f"Alice has read {read}, her laptop says; unread:", *unread(*colleagues))


asyncio.run(main(sys.argv[1]))
