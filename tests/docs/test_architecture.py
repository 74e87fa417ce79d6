"""docs/architecture.md and CONTRIBUTING.md name files, names and tests that there are."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.pages import ROOT, blocks, read, section

ARCHITECTURE = read("docs/architecture.md")
SERVER = ROOT / "server" / "tocsin_server"
LAYERS = ("tocsin_server", "tocsin_server.domain", "tocsin_server.api", "tocsin_server.store")

_RULE = re.compile(
    r"^\| (?P<rule>[^|]+) \| `(?P<file>[^`]+)` \| `(?P<name>\w+)` \| `(?P<test>[^`]+)` \|$",
    re.MULTILINE,
)
_PATH = re.compile(r"`((?:[\w.]+/)*\w+\.(?:py|proto|lock|toml|binpb|yaml|md))(?:::(\w+))?`")


class Rule(NamedTuple):
    """A row of the table of rules; paths are as they are written there."""

    rule: str
    file: str
    name: str
    test: str


RULES = [Rule(*row) for row in _RULE.findall(section(ARCHITECTURE, "Where is the rule that …"))]


@cache
def _names(path: Path) -> frozenset[str]:
    """The functions, classes and variables that a module defines, also inside its classes."""
    return frozenset(_defined(ast.parse(path.read_text(encoding="utf-8"))))


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _resolved(path: str) -> Iterator[Path]:
    """The files that a path in a document can mean."""
    for folder in (ROOT, SERVER, ROOT / "tests"):
        if (folder / path).is_file():
            yield folder / path
    if "/" not in path:  # the text around it names the folder
        yield from SERVER.glob(f"**/{path}")
        yield from ROOT.glob(f"docs/**/{path}")
        yield from ROOT.glob(f"protos/**/{path}")


def test_every_row_of_the_table_is_read() -> None:
    rows = section(ARCHITECTURE, "Where is the rule that …").count("\n| ") - 1

    assert len(RULES) == rows
    assert len({rule.rule for rule in RULES}) == rows > 40


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule)
def test_a_rule_names_where_it_is_and_the_test_that_fails_without_it(rule: Rule) -> None:
    test_file, test = rule.test.split("::")

    assert rule.name in _names(SERVER / rule.file)
    assert test in _names(ROOT / "tests" / test_file)


def test_the_map_names_every_folder_of_the_server() -> None:
    named = set(
        re.findall(r"^\| `(server/[^`]+)` \|", section(ARCHITECTURE, "The map"), re.MULTILINE)
    )

    assert named == {
        str(path.parent.relative_to(ROOT))
        for path in SERVER.glob("**/*.py")
        if "__pycache__" not in path.parts
    }


def test_the_arrows_are_those_that_are_checked() -> None:
    config = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]
    checked = {
        contract["containers"][0]: contract["layers"]
        for contract in config["contracts"]
        if contract["type"] == "layers"
    }

    drawn = [block.text.splitlines() for block in blocks(section(ARCHITECTURE, "The map"))]

    assert drawn == [checked[container] for container in LAYERS]
    assert set(checked) == set(LAYERS)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_and_test_that_is_named_is_there(page: str) -> None:
    named = _PATH.findall(read(page))

    missing = [
        path if not test else f"{path}::{test}"
        for path, test in named
        if not any(not test or test in _names(file) for file in _resolved(path))
    ]

    assert named
    assert not missing


def test_every_target_of_make_is_described() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE)
    described = re.findall(
        r"^\| `make ([a-z-]+)", section(read("CONTRIBUTING.md"), "Commands"), re.MULTILINE
    )

    assert described == targets


def test_a_source_distribution_has_every_page() -> None:
    built = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["sdist"]

    # The build adds README.md itself.
    assert {path.name for path in ROOT.glob("*.md")} - {"README.md"} <= {*built["only-include"]}
