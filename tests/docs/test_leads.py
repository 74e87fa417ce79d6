"""The example of leads: a real file, a script of 20 lines, three who watch."""

import asyncio
import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tocsin.v1.inbox_pb2 import Notification
from tocsin_client import AsyncClient, AsyncSubscription

from tests.docs.pages import ROOT, blocks, read
from tests.docs.terminals import SECONDS, Terminal, furnish
from tests.e2e.program import Program

TEAM = ("alice", "bob", "carol")
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    program = Program(tmp_path)
    try:
        await program.start()
        yield program
    finally:
        await program.close()


def _leads() -> list[dict[str, str]]:
    with (EXAMPLES / "leads.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def _send_leads(program: Program) -> None:
    """Runs the script by the command that the examples' page gives."""
    (block,) = (b for b in blocks(read("docs/examples/README.md")) if "send_leads.py" in b.text)
    terminal = Terminal(program.directory, program.target)
    try:
        await terminal.enter(block)
        await terminal.finish()
    finally:
        await terminal.close()


async def _open(subscription: AsyncSubscription) -> None:
    async with asyncio.timeout(SECONDS):
        update = await anext(subscription)
    assert update.caught_up
    assert not update.changes


async def _see(subscription: AsyncSubscription, count: int) -> list[Notification]:
    seen: list[Notification] = []
    async with asyncio.timeout(SECONDS):
        while len(seen) < count:
            update = await anext(subscription)
            assert not update.starts_over
            seen += [change.upserted for change in update.changes]
    return seen


async def test_three_who_watch_see_every_lead_once_in_order(program: Program) -> None:
    furnish(program.directory)
    leads = _leads()
    async with AsyncClient(program.target) as client:
        watching = [client.subscribe(user_id, strict=True) for user_id in TEAM]
        await asyncio.gather(*map(_open, watching))

        seeing = [asyncio.create_task(_see(each, len(leads))) for each in watching]
        await _send_leads(program)
        inboxes = await asyncio.gather(*seeing)

        for user_id, seen in zip(TEAM, inboxes, strict=True):
            assert [n.message.url for n in seen] == [lead["link"] for lead in leads]
            assert [n.revision for n in seen] == list(range(1, len(leads) + 1))
            assert all(n.user_id == user_id for n in seen)
            assert all(lead["name"] in n.message.title for n, lead in zip(seen, leads, strict=True))


async def test_running_it_again_sends_nothing(program: Program) -> None:
    furnish(program.directory)
    await _send_leads(program)
    async with AsyncClient(program.target) as client:
        before = [await client.get_inbox(user_id) for user_id in TEAM]
        messages = [message async for message in client.list_messages("marketing-clue")]

        await _send_leads(program)

        assert [await client.get_inbox(user_id) for user_id in TEAM] == before
        assert [m async for m in client.list_messages("marketing-clue")] == messages
    assert [inbox.revision for inbox in before] == [len(_leads())] * len(TEAM)


def test_the_leads_are_many_and_nobodys() -> None:
    leads = _leads()

    assert len(leads) >= 30
    assert len({lead["id"] for lead in leads}) == len(leads)
    assert all(lead["email"].endswith(".example.com") for lead in leads)
    assert all(lead["link"].startswith("https://crm.example.com/") for lead in leads)
    assert all(all(lead.values()) for lead in leads)


@pytest.mark.parametrize("script", ["send_leads.py", "watch.py"])
def test_a_script_has_twenty_lines(script: str) -> None:
    assert len((EXAMPLES / script).read_text(encoding="utf-8").splitlines()) <= 20
