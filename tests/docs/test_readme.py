"""README.md shows real output, and names what exists."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tocsin_server.settings import Settings

from tests.docs.pages import ROOT, Block, blocks, links, read, section
from tests.docs.terminals import SHOWN_ADDRESS, Terminal, Terminals, furnish
from tests.e2e.ports import lasting_port
from tests.e2e.program import environment
from tests.support.postgres import Postgres

README = read("README.md")
SHOWN = ("A 60-second tour", "From a shell", "From any language", "From Python")
SERVERS = "terminal-1"

_OPTION = re.compile(
    r"(?P<flag>--\S+) [A-Z]+(?: RANGE)? (?P<meaning>.*)"
    r" \[env var: (?P<variable>\w+); default: (?P<default>[^;\]]+)(?:; [^\]]+)?\]"
)


def test_two_commands_stand_at_the_top() -> None:
    first, second = blocks(README)[0].text.splitlines()

    assert first.split("#")[0].split() == ["make", "run"]
    assert second.split("#")[0].split() == ["make", "test"]
    assert README.index("```sh\nmake run") < 100


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    async with Terminals(tmp_path) as terminals:
        for title in SHOWN:
            for block in blocks(section(README, title)):
                await terminals.follow(block)
            await terminals["terminal-3"].finish()
            if terminals["terminal-2"].running:
                await terminals["terminal-2"].press_ctrl_c()
        await terminals[SERVERS].press_ctrl_c()


async def test_the_command_for_postgresql_serves_on_an_empty_database(
    tmp_path: Path, postgres: Postgres
) -> None:
    furnish(tmp_path)
    (shown_command,) = blocks(section(README, "Configuration"))
    (shown_url,) = re.findall(r"postgresql\+asyncpg://[^\s\"]+", shown_command.text)
    url = postgres.create_empty()
    command = replace(shown_command, text=shown_command.text.replace(shown_url, url))
    terminal = Terminal(tmp_path, f"127.0.0.1:{lasting_port()}")

    try:
        await terminal.enter(command)
        line = await terminal.read(Block("text", "", "tocsin ready\n"))
        tables = postgres.execute("SELECT FROM pg_tables WHERE tablename = 'inboxes'", url)
        await terminal.press_ctrl_c()
    finally:
        await terminal.close()

    assert line == [f"tocsin ready grpc={SHOWN_ADDRESS}"]
    assert len(tables) == 1
    postgres.drop(url)


def test_the_python_client_is_shown_in_fifteen_lines() -> None:
    programs = [b.text for b in blocks(section(README, "From Python")) if b.language == "python"]

    assert programs
    for program in programs:
        assert len([line for line in program.splitlines() if line.strip()]) <= 15


def test_the_configuration_is_that_of_the_program() -> None:
    helped = subprocess.run(
        [sys.executable, "-m", "tocsin_server", "serve", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    options = re.split(r"^  (?=--)", helped.stdout.partition("Options:\n")[2], flags=re.MULTILINE)
    flat = [" ".join(option.split()) for option in options if option.strip()]
    offered = [_OPTION.fullmatch(option) for option in flat if not option.startswith("--help")]

    table = [
        tuple(cell.strip().replace("`", "") for cell in row.strip("|").split("|"))
        for row in section(README, "Configuration").splitlines()
        if row.startswith("| `--")
    ]

    assert table == [o and o.group("flag", "variable", "default", "meaning") for o in offered]
    assert table


def test_every_retention_that_is_named_is_the_default() -> None:
    """Documents, comments of the protos, docstrings and help name no other time of hours or days."""
    default = Settings()
    hours, days = default.idempotency_retention / 3600, default.history_retention / 86400
    files = [
        ROOT / "README.md",
        *(path for path in ROOT.glob("docs/**/*.md") if "node_modules" not in path.parts),
        *ROOT.glob("protos/**/*.proto"),
        *ROOT.glob("client/**/*.py"),
    ]

    named = [
        (str(path.relative_to(ROOT)), span)
        for path in files
        if not {"adr", "benchmarks"} & {*path.parts}
        for span in re.findall(r"\d+ (?:hour|day)s?\b", path.read_text(encoding="utf-8"))
    ]

    assert {span for _, span in named} == {f"{hours:g} hours", f"{days:g} days"}, named


@pytest.mark.parametrize(
    "page",
    [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        *(
            str(path.relative_to(ROOT))
            for path in sorted(ROOT.glob("docs/**/*.md"))
            if "node_modules" not in path.parts
        ),
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    missing = [
        link for link in links(read(page)) if not (ROOT / page).parent.joinpath(link).exists()
    ]

    assert not missing
