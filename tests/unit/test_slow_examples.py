"""Hypothesis judges what a test does, not how long that takes: the machine may be busy."""

from hypothesis import HealthCheck, settings


def test_no_example_is_too_slow() -> None:
    chosen = settings()

    assert chosen.deadline is None
    assert HealthCheck.too_slow in chosen.suppress_health_check
