"""docs/operations.md shows real output, and its lists are complete."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tocsin_server.store.doctor.findings import Kind

from tests.docs.pages import ROOT, blocks, read, section
from tests.docs.terminals import Terminals

OPERATIONS = read("docs/operations.md")
ENTERED = ("Backup and restore", "The doctor")
SERVER = "terminal-1"

LEVELS = {
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
}


def table(title: str) -> list[list[str]]:
    """The rows of the table in a section, without its head."""
    rows = [row for row in section(OPERATIONS, title).splitlines() if row.startswith("|")]
    return [
        [cell.strip() for cell in row.removeprefix("|").removesuffix("|").split("|")]
        for row in rows[2:]
    ]


def logged() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Level, message and extra fields of every line that the server's code can log."""
    for path in sorted(ROOT.glob("server/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger"), attr=level),
                    args=[ast.Constant(value=str(message)), *_],
                    keywords=keywords,
                ):
                    besides = [
                        key.value
                        for keyword in keywords
                        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
                        for key in keyword.value.keys
                        if isinstance(key, ast.Constant)
                    ]
                    yield LEVELS[level], message.replace("%s", "…"), frozenset(map(str, besides))


def test_every_line_of_the_log_is_documented_and_no_other() -> None:
    documented = [
        (level, message.strip("`"), frozenset(re.findall(r"`(\w+)`", besides)))
        for level, message, besides, _ in table("The log")
    ]

    assert sorted(documented, key=str) == sorted(set(logged()), key=str)
    assert len(documented) > 10


def test_every_call_of_a_logger_is_seen() -> None:
    calls = sum(
        len(re.findall(r"\blogger\.\w+\(", path.read_text(encoding="utf-8")))
        for path in ROOT.glob("server/**/*.py")
    )

    assert len(list(logged())) == calls


def test_every_kind_of_finding_is_documented_and_no_other() -> None:
    assert [row[0].strip("`") for row in table("The doctor")] == [str(kind) for kind in Kind]


def test_the_exit_codes_are_those_of_the_program() -> None:
    returned = set[int]()
    for path in [ROOT / "server/tocsin_server/__main__.py", *ROOT.glob("server/**/cli/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Return(value=value) if value is not None:
                    returned |= _numbers(value)
                case ast.Assign(targets=[ast.Name(id="code")], value=value):
                    returned |= _numbers(value)

    assert {int(row[0]) for row in table("Exit codes")} == returned


def _numbers(value: ast.expr) -> set[int]:
    """The whole numbers that an expression may give by being written in it."""
    match value:
        case ast.Constant(value=int(number)):
            return {number}
        case ast.IfExp(body=body, orelse=orelse):
            return _numbers(body) | _numbers(orelse)
        case _:
            return set()


async def test_what_is_entered_gives_what_is_shown(tmp_path: Path) -> None:
    entered = [block for title in ENTERED for block in blocks(section(OPERATIONS, title))]
    async with Terminals(tmp_path) as terminals:
        for block in entered:
            if not block.terminal:
                assert block.language == "text", f"entered nowhere: {block.text}"
                continue
            await terminals.follow(block)
            # What a command shows is all of it; a server's ready line is not.
            if block.language != "sh" and block.terminal != SERVER:
                await terminals[block.terminal].finish()

    assert len(entered) > 10


def test_a_finding_looks_like_the_one_shown() -> None:
    (line,) = [b.text for b in blocks(section(OPERATIONS, "The doctor")) if not b.terminal]

    assert re.fullmatch(r"counters: inbox \S+: found \d.*, expected \d.*\n", line)
