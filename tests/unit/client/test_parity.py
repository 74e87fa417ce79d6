"""Both clients are one: what one has, says and takes, the other does."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest
import tocsin_client
from tocsin_client import (
    AsyncClient,
    AsyncLiveInbox,
    AsyncSubscription,
    Client,
    LiveInbox,
    LiveMarkOptions,
    MarkOptions,
    Subscription,
)

# What closes the asyncio client has another name, as in all of asyncio.
_NAMES = {"aclose": "close"}

# How they differ in words.
_WORDS = {
    "AsyncClient": "Client",
    "AsyncLiveInbox": "LiveInbox",
    "AsyncSubscription": "Subscription",
    "AsyncIterator": "Iterator",
}


def public(kind: type) -> dict[str, Callable[..., object]]:
    """The public methods of a class, by name."""
    return {
        _NAMES.get(name, name): method
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def as_blocking(text: str) -> str:
    """What the asyncio client says, in the blocking one's words."""
    for word, other in _WORDS.items():
        text = text.replace(word, other)
    return text


def parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    return [
        parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if not name.startswith("_")
    ]


NAMES = sorted(public(Client))
MARKS = ("mark_read", "mark_unread", "mark_seen")


def of_both(name: str) -> tuple[Callable[..., object], Callable[..., object]]:
    """The blocking client's method, and the asyncio client's."""
    if name == "__init__":
        return Client.__init__, AsyncClient.__init__
    return public(Client)[name], public(AsyncClient)[name]


def test_both_have_the_same_methods() -> None:
    assert sorted(public(AsyncClient)) == NAMES
    assert {"send", "update_channel", "mark_read", "subscribe", "close"} <= set(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "__init__"])
def test_a_method_takes_and_says_the_same_in_both(name: str) -> None:
    blocking, awaited = of_both(name)

    assert parameters(blocking) == parameters(awaited)
    assert blocking.__doc__ == as_blocking(awaited.__doc__ or "")


@pytest.mark.parametrize("name", NAMES)
def test_a_method_gives_the_same_in_both(name: str) -> None:
    blocking, awaited = of_both(name)

    returned = inspect.signature(blocking).return_annotation
    expected = inspect.signature(awaited).return_annotation
    assert as_blocking(inspect.formatannotation(returned)) == as_blocking(
        inspect.formatannotation(expected)
    ).replace("_async_", "_")
    assert not inspect.iscoroutinefunction(blocking)
    assert not inspect.isasyncgenfunction(blocking)


def test_both_subscriptions_say_the_same_of_themselves() -> None:
    for name in ("cursor", "violations", "interruption"):
        assert getattr(Subscription, name).__doc__ == getattr(AsyncSubscription, name).__doc__
    assert set(public(Subscription)) == {"close", "next"}
    assert set(public(AsyncSubscription)) == {"close"}


def test_both_live_inboxes_have_take_and_say_the_same() -> None:
    blocking, awaited = public(LiveInbox), public(AsyncLiveInbox)

    assert blocking.keys() == awaited.keys()
    for name in blocking:
        # Each module has type variables of its own.
        assert str(parameters(blocking[name])) == str(parameters(awaited[name]))
    for name in MARKS:
        assert blocking[name].__doc__ == as_blocking(awaited[name].__doc__ or "")


def test_marks_take_the_arguments_of_update_notifications_but_the_states() -> None:
    states = {"read", "seen"}
    hints = get_type_hints(Client.update_notifications)
    expected = {key: hints[key] for key in hints.keys() - states - {"user_id", "return"}}

    assert get_type_hints(MarkOptions) == expected
    del expected["up_to_revision"]
    assert get_type_hints(LiveMarkOptions) == expected


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("state", ["read", "seen"])
def test_a_mark_takes_no_state(name: str, state: str) -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(TypeError, match=state):
        getattr(client, name)("alice", all=True, **{state: True})


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("argument", ["read", "seen", "up_to_revision"])
def test_a_live_inbox_decides_what_it_shows(name: str, argument: str) -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(TypeError, match=argument):
        getattr(client.inbox("alice"), name)(ids="n1", **{argument: True})


def test_the_public_names_are_sorted_and_there() -> None:
    assert tocsin_client.__all__ == sorted(tocsin_client.__all__)
    assert all(hasattr(tocsin_client, name) for name in tocsin_client.__all__)
    assert set(tocsin_client.__all__) <= set(dir(tocsin_client))


def test_what_a_type_checker_sees_is_what_is_exported() -> None:
    tree = ast.parse(Path(tocsin_client.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
        if node.module.startswith(("tocsin.", "tocsin_client."))
    }

    assert sorted(imported) == tocsin_client.__all__
    assert imported == tocsin_client._MODULES


def test_a_name_that_there_is_not_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        tocsin_client.nothing  # noqa: B018  (what fails)
