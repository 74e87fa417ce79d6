"""All eight promises, after any calls in any order."""

from collections.abc import Callable
from pathlib import Path
from traceback import format_exception

import pytest
from hypothesis.errors import Flaky

from tests.contract.stores import opener
from tests.stateful.machine import machine_on
from tests.stateful.mutations import MUTATIONS, Mutation
from tests.stateful.promises import Broken, a_slow_reader_harms_only_itself
from tests.stateful.rounds import run_rounds
from tests.stateful.system import running
from tests.support.serving import database
from tests.support.waiting import DEADLINE_SECONDS

ROUNDS = 10
STEPS = 40

MUTATED_ROUNDS = 20
"""The most: the round that finds the mutation is the last."""
MUTATED_SECONDS = 2.0
"""How long a call may take under a mutation that keeps calls waiting."""


def test_the_promises_hold_after_any_calls(
    database_url: str,
    tmp_path: Path,
    number: int,
) -> None:
    with running(opener(database_url), tmp_path, DEADLINE_SECONDS) as system:
        try:
            run_rounds(machine_on(system), number, rounds=ROUNDS, steps=STEPS)
        except Exception as error:
            # Hypothesis calls a failure that it cannot repeat only flaky.
            error.add_note("".join(["First of all:\n", *format_exception(system.failed)]))
            raise


@pytest.mark.parametrize(
    ("promise", "mutation"), MUTATIONS, ids=[mutation.__name__ for _, mutation in MUTATIONS]
)
def test_a_server_that_breaks_a_promise_is_found_by_that_promise(
    promise: Callable[..., None], mutation: Callable[[], Mutation], tmp_path: Path
) -> None:
    keeps_waiting = promise is a_slow_reader_harms_only_itself
    seconds = MUTATED_SECONDS if keeps_waiting else DEADLINE_SECONDS
    with (
        mutation(),
        running(opener(database(tmp_path / "tocsin.db")), tmp_path, seconds) as system,
        # A mutation need not show each time: Hypothesis then reports a flaky test.
        pytest.raises((Broken, Flaky)),
    ):
        run_rounds(machine_on(system), 0, rounds=MUTATED_ROUNDS, steps=STEPS, search_only=True)

    assert isinstance(system.broken, Broken)
    assert system.broken.promise == promise.__name__
