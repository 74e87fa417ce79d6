"""docs/quickstart.md: what is entered gives what is shown, and its test passes."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import Block, blocks, read
from tests.docs.terminals import Terminals

PAGE = blocks(read("docs/quickstart.md"))


def is_test(block: Block) -> bool:
    return "def test_" in block.text


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    async with Terminals(tmp_path) as terminals:
        for block in PAGE:
            if not is_test(block):
                await terminals.follow(block)
        await terminals["terminal-2"].finish()
        await terminals["terminal-3"].finish()
        await terminals["terminal-1"].press_ctrl_c()


def test_the_test_that_is_shown_passes(tmp_path: Path) -> None:
    (shown,) = filter(is_test, PAGE)
    (tmp_path / "test_billing.py").write_text(shown.text)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout
