"""docs/grpc.md shows what happens."""

from pathlib import Path

from tests.docs.pages import ROOT, blocks, read
from tests.docs.terminals import Terminals

SERVER = "terminal-1"


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    page = blocks(read("docs/grpc.md"))
    async with Terminals(tmp_path) as terminals:
        for block in page:
            await terminals.follow(block)
        for name in {block.terminal for block in page} - {SERVER}:
            await terminals[name].finish()
        await terminals[SERVER].press_ctrl_c()

    assert len([block for block in page if block.language == "sh"]) > 5
