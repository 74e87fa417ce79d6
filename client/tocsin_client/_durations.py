"""Durations in seconds, as callers pass them."""

from math import isnan
from threading import TIMEOUT_MAX


def timeout(seconds: float) -> float:
    """How long a call may take.

    Raises:
        ValueError: It is not more than 0, or more than a thread can wait for (292 years).
        TypeError: It is not a number.
    """
    check_number("timeout", seconds)
    if not 0 < seconds <= TIMEOUT_MAX:
        raise ValueError(
            f"timeout is {seconds}, and must be more than 0 and at most {TIMEOUT_MAX:.0f} seconds"
        )
    return seconds


def patience(name: str, seconds: float | None) -> float | None:
    """How long to wait for something; None waits without a limit, and 0 not at all.

    Raises:
        ValueError: It is NaN.
        TypeError: It is not a number.
    """
    if seconds is None:
        return None
    check_number(name, seconds)
    if isnan(seconds):
        raise ValueError(f"{name} is {seconds}, which is no duration")
    # No thread can wait for longer.
    return min(max(0.0, seconds), TIMEOUT_MAX)


def check_number(name: str, seconds: object) -> None:
    """Raises TypeError, with the argument's name, when it is not a number of seconds."""
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(seconds).__name__}")
