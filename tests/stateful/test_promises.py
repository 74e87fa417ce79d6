"""All eight promises, after any calls in any order."""

from collections.abc import Callable
from pathlib import Path
from traceback import format_exception

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.stores import opener
from tests.stateful.machine import machine_on
from tests.stateful.mutations import MUTATIONS, Mutation
from tests.stateful.promises import Broken, a_slow_reader_harms_only_itself
from tests.stateful.system import running
from tests.support.serving import database
from tests.support.waiting import DEADLINE_SECONDS

EXAMPLES = 300
STEPS = 40

MUTATED_EXAMPLES = 1_000
"""At most: one that finds the mutation is the last. That may be the fiftieth in the mean."""
MUTATED_SECONDS = 2.0
"""How long what a mutation keeps waiting is waited for."""


def test_whatever_is_called_the_promises_hold(
    database_url: str,
    tmp_path: Path,
    number: int,
) -> None:
    with running(opener(database_url), tmp_path, DEADLINE_SECONDS) as system:
        try:
            run_state_machine_as_test(
                seed(number)(machine_on(system)),
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    phases=[Phase.reuse, Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except Exception as error:
            # What does not fail again is, to Hypothesis, only flaky.
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
        # What is broken need not be so each time, at which Hypothesis wonders.
        pytest.raises((Broken, Flaky)),
    ):
        run_state_machine_as_test(
            machine_on(system),
            settings=settings(
                max_examples=MUTATED_EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )

    assert isinstance(system.broken, Broken)
    assert system.broken.promise == promise.__name__
