"""A client that follows an inbox: `following_reader.py TARGET USER STREAMS REVISION`.

It says "following" once all its streams have caught up, and once they have reached the revision,
what they hold: a line of JSON each, with the titles in the order of arrival.
"""

import asyncio
import json
import sys

from tocsin_client import AsyncClient, AsyncSubscription


async def hold(subscription: AsyncSubscription, titles: list[str], revision: int) -> None:
    """Reads until the inbox has reached a revision, or a later one."""
    async for update in subscription:
        if update.starts_over:
            titles.clear()
        titles += [change.upserted.message.title for change in update.changes]
        if (update.caught_up or update.inbox is not None) and update.revision >= revision:
            return


def say(line: str) -> None:
    """Says it at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(target: str, user_id: str, streams: int, revision: int) -> None:
    """Follows the inbox."""
    async with AsyncClient(target) as client:
        subscriptions = [
            client.subscribe(user_id, heartbeat_interval=1, strict=True) for _ in range(streams)
        ]
        held: list[list[str]] = [[] for _ in subscriptions]
        for goal in (0, revision):
            async with asyncio.TaskGroup() as group:
                for subscription, titles in zip(subscriptions, held, strict=True):
                    group.create_task(hold(subscription, titles, goal))
            if not goal:
                say("following")
        for titles in held:
            say(json.dumps(titles))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
