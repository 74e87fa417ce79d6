"""Spans of time, in seconds, as callers give them."""

from math import isnan
from threading import TIMEOUT_MAX


def timeout(seconds: float) -> float:
    """How long a call may take.

    Raises:
        ValueError: It is not more than 0, or more than a thread can wait for (292 years).
        TypeError: It is no number.
    """
    check_number("timeout", seconds)
    if not 0 < seconds <= TIMEOUT_MAX:
        raise ValueError(
            f"timeout is {seconds}, and must be more than 0 and at most {TIMEOUT_MAX:.0f} seconds"
        )
    return seconds


def patience(name: str, seconds: float | None) -> float | None:
    """How long to wait for something; None is as long as it takes, and 0 not at all.

    Raises:
        ValueError: It is not a number.
        TypeError: It is no number at all.
    """
    if seconds is None:
        return None
    check_number(name, seconds)
    if isnan(seconds):
        raise ValueError(f"{name} is {seconds}, no span of time")
    # No thread can wait for longer, and nobody would notice.
    return min(max(0.0, seconds), TIMEOUT_MAX)


def check_number(name: str, seconds: object) -> None:
    """Raises TypeError, with its name, where an argument is no number of seconds."""
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(seconds).__name__}")
