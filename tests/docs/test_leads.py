"""The example of leads: a real file, files as spreadsheets write them, three who watch."""

import asyncio
import csv
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tocsin.v1.inbox_pb2 import Notification
from tocsin_client import AsyncClient, AsyncSubscription

from tests.docs.pages import ROOT, Block, blocks, read
from tests.docs.terminals import SECONDS, Terminal, furnish
from tests.e2e.command_line import Ended, Running
from tests.e2e.program import Program, environment

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
    summary = f"{len(_leads())} leads sent, 0 rows refused"
    try:
        await terminal.enter(block)
        assert await terminal.read(Block("text", "", f"{summary}\n")) == [summary]
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


async def test_three_subscribers_see_every_lead_once_in_order(program: Program) -> None:
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


async def _send_file(program: Program, content: bytes) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLES / "send_leads.py", program.target),
        env=environment(),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    return await Running(process).end(content)


async def _titles(program: Program) -> list[str]:
    async with AsyncClient(program.target) as client:
        listed = [n.message.title async for n in client.list_notifications("alice")]
    return listed[::-1]


HEADER = b"id,name,company,link\n"
ADA = b"1,Ada,Bright,https://crm.example.com/1\n"
EVE = "2,Ève,Clair,https://crm.example.com/2\n".encode()
BOTH = ["A new lead: Ada, Bright", "A new lead: Ève, Clair"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEADER + ADA + EVE,
        (HEADER + ADA + EVE).replace(b",", b";"),
        b"\xef\xbb\xbf" + (HEADER + ADA + EVE).replace(b",", b";").replace(b"\n", b"\r\n"),
        HEADER + b"\n" + ADA + b",,,\n , , ,\n\n" + EVE + b",,,,,\n",
        HEADER + ADA.replace(b"\n", b",,\n") + EVE,
        HEADER + ADA.replace(b"Ada", b'" Ada\n"') + EVE.rstrip(b"\n"),
        b"link,note,company,name,id\nhttps://crm.example.com/1,,Bright,Ada,1\n"
        + "https://crm.example.com/2,x,Clair,Ève,2\n".encode(),
    ],
    ids=["a mark", "semicolons", "Excel's", "empty rows", "empty values", "a break", "columns"],
)
async def test_a_file_of_a_spreadsheet_is_read(program: Program, content: bytes) -> None:
    ended = await _send_file(program, content)

    assert ended == Ended(0, "2 leads sent, 0 rows refused\n", "")
    assert await _titles(program) == BOTH


async def test_a_bad_row_is_reported_and_the_rest_goes_on(program: Program) -> None:
    ended = await _send_file(
        program,
        HEADER
        + ADA
        + b"3,No Company,,https://crm.example.com/3\n"
        + b"4,Too,Many,https://crm.example.com/4,x\n"
        + b"5,M\xfcller,Latin-1,https://crm.example.com/5\n"
        + b"6,Bad,Link,javascript:x\n"
        + b"1,Other,Lead,https://crm.example.com/1\n"
        + b'7,"Quo"ted,Twice,https://crm.example.com/7\n'
        + b"8\n"
        + EVE
        + b'9,"Open,Quote,https://crm.example.com/9\n',
    )

    assert (ended.code, ended.output) == (1, "2 leads sent, 8 rows refused\n")
    assert [line.split(":")[0] for line in ended.errors.splitlines()] == [
        f"line {number}" for number in (3, 4, 5, 6, 7, 8, 9, 11)
    ]
    reported = zip(
        ended.errors.splitlines(),
        ["company", "more", "UTF-8", "url", "REUSED", "expected", "name, company, link", "end"],
        strict=True,
    )
    assert all(part in line for line, part in reported), ended.errors
    assert await _titles(program) == BOTH


async def test_a_file_without_the_columns_is_refused(program: Program) -> None:
    ended = await _send_file(program, ADA + EVE)

    assert ended == Ended(2, "", "line 1: the first row names no column id, name, company, link\n")


def test_the_leads_are_many_and_invented() -> None:
    leads = _leads()

    assert len(leads) >= 30
    assert len({lead["id"] for lead in leads}) == len(leads)
    assert all(lead["email"].endswith(".example.com") for lead in leads)
    assert all(lead["link"].startswith("https://crm.example.com/") for lead in leads)
    assert all(all(lead.values()) for lead in leads)


@pytest.mark.parametrize(("script", "lines"), [("send_leads.py", 40), ("watch.py", 20)])
def test_a_script_is_short(script: str, lines: int) -> None:
    assert len((EXAMPLES / script).read_text(encoding="utf-8").splitlines()) <= lines
