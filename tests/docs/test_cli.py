"""docs/cli.md shows what happens, of every command."""

import re
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.docs.pages import blocks, read
from tests.docs.terminals import CTRL_C, Terminal, furnish, shown
from tests.e2e.ports import lasting_port
from tests.e2e.words import COMMANDS, Words

PAGE = read("docs/cli.md")
SERVER = "terminal-1"


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    furnish(tmp_path)
    target = f"127.0.0.1:{lasting_port()}"
    async with AsyncExitStack() as stack:

        def open_terminal() -> Terminal:
            terminal = Terminal(tmp_path, target)
            stack.push_async_callback(terminal.close)
            return terminal

        terminals: dict[str, Terminal] = defaultdict(open_terminal)
        for block in blocks(PAGE):
            assert block.terminal, f"entered or shown nowhere: {block.text}"
            terminal = terminals[block.terminal]
            if block.language == "sh":
                await terminal.enter(block)
            elif block.text == CTRL_C:
                await terminal.press_ctrl_c()
            else:
                assert await terminal.read(block) == shown(block)
        await terminals["terminal-2"].finish()
        await terminals[SERVER].press_ctrl_c()

    assert "Traceback" not in (tmp_path / "stderr").read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_shown(command: Words) -> None:
    entered = "".join(block.text for block in blocks(PAGE) if block.language == "sh")

    assert re.search(rf"\btocsin {' '.join(command)}\s", entered)
