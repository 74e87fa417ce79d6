"""docs/python.md runs as it stands, and prints what it shows."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tocsin_server.testing import LocalServer

from tests.docs.pages import blocks, read
from tests.docs.terminals import SHOWN_ADDRESS


def test_each_block_prints_what_is_shown_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = blocks(read("docs/python.md"))
    names: dict[str, Any] = {"__name__": "__main__"}
    expected: list[str] = []
    printed: list[str] = []

    with LocalServer() as server:
        for block in page:
            if block.language == "text":
                expected[-1] = block.text
                continue
            assert block.language == "python"
            expected.append("")
            output = StringIO()
            with redirect_stdout(output):
                exec(block.text.replace(SHOWN_ADDRESS, server.target), names)  # noqa: S102  # the page's
            printed.append(output.getvalue())

    assert printed == expected
    assert any(expected)
