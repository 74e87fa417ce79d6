"""docs/grpc.md shows what happens."""

from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

from tests.docs.pages import ROOT, blocks, read
from tests.docs.terminals import Terminal, furnish, shown
from tests.e2e.ports import lasting_port

SERVER = "terminal-1"


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    target = f"127.0.0.1:{lasting_port()}"
    entered = 0
    async with AsyncExitStack() as stack:

        def open_terminal() -> Terminal:
            terminal = Terminal(tmp_path, target)
            stack.push_async_callback(terminal.close)
            return terminal

        terminals: dict[str, Terminal] = defaultdict(open_terminal)
        for block in blocks(read("docs/grpc.md")):
            assert block.terminal, f"entered or shown nowhere: {block.text}"
            terminal = terminals[block.terminal]
            if block.language == "sh":
                await terminal.enter(block)
                entered += 1
            else:
                assert await terminal.read(block) == shown(block)
        for name, terminal in terminals.items():
            if name != SERVER:
                await terminal.finish()
        await terminals[SERVER].press_ctrl_c()

    assert entered > 5
    assert "Traceback" not in (tmp_path / "stderr").read_text()
