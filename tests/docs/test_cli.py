"""docs/cli.md shows what happens, of every command."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import blocks, read
from tests.docs.terminals import Terminals
from tests.e2e.words import COMMANDS, Words

PAGE = read("docs/cli.md")
SERVER = "terminal-1"


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    async with Terminals(tmp_path) as terminals:
        for block in blocks(PAGE):
            await terminals.follow(block)
        await terminals["terminal-2"].finish()
        await terminals[SERVER].press_ctrl_c()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_shown(command: Words) -> None:
    entered = "".join(block.text for block in blocks(PAGE) if block.language == "sh")

    assert re.search(rf"\btocsin {' '.join(command)}\s", entered)
