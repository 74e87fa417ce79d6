"""A view shows what the server lists, after any calls and any ends of streams."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis.errors import Flaky
from tocsin.v1.inbox_pb2 import NotificationChange, NotificationSelector
from tocsin_client import AsyncClient
from tocsin_client._replica import Replica

from tests.contract.stores import opener
from tests.stateful.rounds import run_rounds
from tests.stateful.system import System, running
from tests.stateful.viewing import views_of
from tests.support.serving import database
from tests.support.waiting import DEADLINE_SECONDS

ROUNDS = 10
STEPS = 30

MUTATED_ROUNDS = 20


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    open_store = opener(database(tmp_path / "tocsin.db"))
    with running(open_store, tmp_path, DEADLINE_SECONDS) as system:
        yield system


@pytest.fixture
def client(system: System) -> Iterator[AsyncClient]:
    client = AsyncClient(system.target)
    yield client
    system.run(client.aclose())


def test_a_view_shows_what_the_server_lists_after_any_calls(
    system: System,
    client: AsyncClient,
    number: int,
) -> None:
    run_rounds(views_of(system, client), number, rounds=ROUNDS, steps=STEPS)


Mutation = AbstractContextManager[None]


@contextmanager
def marks_reach_all() -> Iterator[None]:
    """`up_to_revision` is not looked at."""
    selected = Replica._selected

    def all_selected(replica: Replica, selector: NotificationSelector) -> object:
        wider = NotificationSelector()
        wider.CopyFrom(selector)
        wider.up_to_revision = 2**62
        return selected(replica, wider)

    with patch.object(Replica, "_selected", all_selected):
        yield


@contextmanager
def snapshots_add() -> Iterator[None]:
    """A SNAPSHOT clears nothing."""
    with patch.object(Replica, "clear", lambda _: None):
        yield


@contextmanager
def nothing_is_below_the_floor() -> Iterator[None]:
    """What arrived below the floor is taken in."""
    apply = Replica.apply

    def apply_all(replica: Replica, changes: Sequence[NotificationChange], floor: int) -> None:
        apply(replica, changes, 0)

    with patch.object(Replica, "apply", apply_all):
        yield


@contextmanager
def marks_change_returned_notifications() -> Iterator[None]:
    """What is held is marked itself, not a copy."""
    with patch("tocsin_client._replica._copy", lambda notification: notification):
        yield


@pytest.mark.parametrize(
    "mutation",
    [
        marks_reach_all,
        snapshots_add,
        nothing_is_below_the_floor,
        marks_change_returned_notifications,
    ],
)
def test_a_view_that_errs_is_found(
    mutation: Callable[[], Mutation], system: System, client: AsyncClient
) -> None:
    # A mutation need not show each time: Hypothesis then reports a flaky test.
    with mutation(), pytest.raises((AssertionError, Flaky)):
        run_rounds(
            views_of(system, client), 0, rounds=MUTATED_ROUNDS, steps=STEPS, search_only=True
        )
