"""Each mutation changes something in the server, and leaves it as it was."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from tocsin_server.api import page_tokens
from tocsin_server.domain import following
from tocsin_server.domain.model import cursors, retention
from tocsin_server.live import hub
from tocsin_server.store import fan_out, history, idempotency, marking, pruning, sending
from tocsin_server.store.writing import group_commit

from tests.stateful.mutations import MUTATIONS, Mutation

MODULES = (
    *(cursors, fan_out, following, group_commit, history, hub, idempotency, marking),
    *(page_tokens, pruning, retention, sending),
)


def _values(module: ModuleType) -> Iterator[tuple[str, object]]:
    """The values of a module, of its dictionaries, and of the classes that it defines."""
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        yield f"{module.__name__}.{name}", value
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from ((f"{module.__name__}.{name}.{key}", of) for key, of in vars(value).items())
        elif isinstance(value, dict):
            yield from ((f"{module.__name__}.{name}[{key}]", of) for key, of in value.items())


def _server() -> dict[str, Any]:
    return {name: value for module in MODULES for name, value in _values(module)}


def _changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {
        name for name in before.keys() | after.keys() if before.get(name) is not after.get(name)
    }


@pytest.mark.parametrize("mutation", [mutation for _, mutation in MUTATIONS])
def test_a_mutation_changes_the_server_and_leaves_it_as_it_was(
    mutation: Callable[[], Mutation],
) -> None:
    before = _server()

    with mutation():
        during = _server()

    assert _changed(before, during)
    assert not _changed(before, _server())


def test_no_module_of_the_store_keeps_answers_when_they_are_forgotten() -> None:
    """A module that imports `keep` by name is patched, too."""
    (forgotten,) = [each for _, each in MUTATIONS if each.__name__ == "answers_are_forgotten"]
    keep = idempotency.keep

    with forgotten():
        left = {name for name, value in _server().items() if value is keep}

    assert not left
