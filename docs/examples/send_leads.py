"""Sends each lead to three colleagues, none twice: `send_leads.py HOST:PORT < leads.csv`.

Reports a row that is wrong or refused, and goes on: exit code 1. Refuses a file without the columns: 2.
"""

import asyncio
import sys
from contextlib import suppress

from tocsin_client import AlreadyExists, AsyncClient, InvalidArgument

from leads import read_rows


async def main(target: str, *team: str) -> int:
    try:
        rows = read_rows(sys.stdin)
    except ValueError as problem:
        print(f"line 1: {problem}", file=sys.stderr)
        return 2
    sent = refused = 0
    async with AsyncClient(target) as client:
        with suppress(AlreadyExists):
            await client.create_channel("marketing-clue", title="Marketing clues")
        for row in rows:
            try:
                lead = row.lead()
                key = f"lead-{lead.id}"
                await client.send(
                    "marketing-clue", lead.title, to=team, url=lead.link, request_id=key
                )
                sent += 1
            except (AlreadyExists, InvalidArgument, ValueError) as problem:
                print(f"line {row.line}: {problem}", file=sys.stderr)
                refused += 1
    print(f"{sent} leads sent, {refused} rows refused")
    return 1 if refused else 0


sys.exit(asyncio.run(main(sys.argv[1], "alice", "bob", "carol")))
