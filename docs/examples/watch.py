"""Follows a user's inbox live, until Ctrl-C: `watch.py HOST:PORT USER`."""

import asyncio
import sys
from contextlib import suppress

from tocsin_client import AsyncClient


async def main(target: str, user_id: str) -> None:
    async with AsyncClient(target) as client, client.subscribe(user_id) as subscription:
        async for update in subscription:
            for change in update.changes:
                print(f"{change.revision:>5}  {change.upserted.message.title or '…'}", flush=True)
            if update.inbox:
                print(f"{user_id} has {update.inbox.unread_count} unread", flush=True)


with suppress(KeyboardInterrupt):
    asyncio.run(main(*sys.argv[1:]))
