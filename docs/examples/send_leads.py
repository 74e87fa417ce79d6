"""Sends each lead to three colleagues, none twice: `send_leads.py HOST:PORT < leads.csv`."""

import asyncio
import csv
import sys
from contextlib import suppress

from tocsin_client import AlreadyExists, AsyncClient


async def main(target: str, *team: str) -> None:
    async with AsyncClient(target) as client:
        with suppress(AlreadyExists):
            await client.create_channel("marketing-clue", title="Marketing clues")
        for lead in csv.DictReader(sys.stdin):
            title, key = f"A new lead: {lead['name']}, {lead['company']}", f"lead-{lead['id']}"
            await client.send("marketing-clue", title, to=team, url=lead["link"], request_id=key)


asyncio.run(main(sys.argv[1], "alice", "bob", "carol"))
