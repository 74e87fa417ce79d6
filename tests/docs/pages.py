"""Documents as they are written: their sections, and the blocks of code in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(
    r"^```(?P<language>\w*)(?: (?P<terminal>terminal-\d))?\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; `terminal` says where it is entered or shown, if that matters."""

    language: str
    terminal: str
    text: str


def read(path: str) -> str:
    """The text of a document, by its path in the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level, up to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title!r}"
    return found[1]


def blocks(text: str) -> list[Block]:
    """The blocks of code, in order."""
    found = [
        Block(match["language"], match["terminal"] or "", match["text"])
        for match in _BLOCK.finditer(text)
    ]
    assert text.count("```") == 2 * len(found), "a block of another form"
    return found


def lead_ins(text: str) -> list[tuple[str, Block]]:
    """The blocks of code, each with what stands between it and the one before, in one line."""
    texts = [" ".join(between.split()) for between in _BLOCK.sub("\0", text).split("\0")]
    return list(zip(texts, blocks(text), strict=False))


def links(text: str) -> list[str]:
    """The links to other files of the repository."""
    return _LINK.findall(_BLOCK.sub("", text))
