"""A reader who sees no labels of blocks knows into which terminal each is entered."""

import pytest

from tests.docs.pages import lead_ins, read

TERMINALS = {"terminal-1": "first", "terminal-2": "second", "terminal-3": "third"}


@pytest.mark.parametrize("page", ["docs/cli.md", "docs/grpc.md", "docs/quickstart.md"])
def test_the_text_before_a_block_names_its_terminal_where_it_is_another(page: str) -> None:
    shown = [(text, block) for text, block in lead_ins(read(page)) if block.terminal]
    terminals = ["", *(block.terminal for _, block in shown)]

    unnamed = [
        block.text
        for (text, block), before in zip(shown, terminals, strict=False)
        if block.terminal != before and f"{TERMINALS[block.terminal]} terminal" not in text
    ]

    assert shown
    assert not unnamed
