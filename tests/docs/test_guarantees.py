"""docs/guarantees.md names tests and code that there are."""

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, read, section

GUARANTEES = read("docs/guarantees.md")
PROMISES = re.findall(r"^## (\d\. .+)$", GUARANTEES, re.MULTILINE)

_TEST = re.compile(r"`(tests/[^`]+\.py)::(\w+)`")
_CODE = re.compile(r"`((?:server|client)/[^`]+\.py)`")


@cache
def _functions(path: str) -> frozenset[str]:
    tree = ast.parse(read(path))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_there_are_eight_promises() -> None:
    assert [promise[0] for promise in PROMISES] == list("12345678")


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_names_the_tests_that_fail_if_it_breaks(promise: str) -> None:
    named = _TEST.findall(section(GUARANTEES, promise))

    assert named
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file() or test not in _functions(path)
    ]
    assert not missing


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_names_the_code_that_keeps_it(promise: str) -> None:
    named = _CODE.findall(section(GUARANTEES, promise))

    assert named
    assert not [path for path in named if not (ROOT / path).is_file()]
