"""Runs of a state machine in rounds of ten examples, each round from a seed of its own.

From its eleventh example on, Hypothesis makes five of six by repeating a part of the one before.
What a machine of calls is to find is found by walks that differ: every mutation in fewer than 10
examples in the mean, but one in 20; from one seed it took up to five times as many.
"""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES_A_ROUND = 10
"""The first of them is the smallest."""


def run_rounds(
    machine: type[RuleBasedStateMachine],
    number: int,
    *,
    rounds: int,
    steps: int,
    search_only: bool = False,
) -> None:
    """Runs a machine from the seeds `number`, `number + 1` and so on.

    `search_only` does not shrink what it finds.

    Raises:
        Exception: what the machine found.
    """
    chosen = settings(
        max_examples=EXAMPLES_A_ROUND,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        phases=[Phase.generate] if search_only else [Phase.generate, Phase.shrink],
        report_multiple_bugs=not search_only,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for at in range(number, number + rounds):
        try:
            run_state_machine_as_test(seed(at)(machine), settings=chosen)
        except BaseException as error:
            error.add_note(f"repeat with --hypothesis-seed={at}")
            raise
