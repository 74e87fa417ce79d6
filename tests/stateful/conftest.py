"""What the stateful tests share."""

from random import SystemRandom

import pytest


@pytest.fixture
def number(pytestconfig: pytest.Config) -> int:
    """What the calls of this run are drawn from; a test that fails tells it."""
    chosen = pytestconfig.getoption("hypothesis_seed", default=None)
    number = SystemRandom().randrange(2**32) if chosen is None else int(chosen)
    print(f"repeat with --hypothesis-seed={number}")  # noqa: T201
    return number
