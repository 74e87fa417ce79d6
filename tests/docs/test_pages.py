"""A reader who sees no labels of blocks knows into which terminal each is entered."""

import pytest

from tests.docs.pages import ROOT, lead_ins, links, read

TERMINALS = {"terminal-1": "first", "terminal-2": "second", "terminal-3": "third"}


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md", "docs/grpc.md", "docs/quickstart.md"])
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


def test_the_index_of_decisions_has_each_page_in_order() -> None:
    pages = sorted(path.name for path in ROOT.glob("docs/adr/0*.md"))

    assert [link for link in links(read("docs/adr/README.md")) if link.startswith("0")] == pages
    assert [f"# {int(page[:4])}. " in read(f"docs/adr/{page}") for page in pages] == [True] * len(
        pages
    )
