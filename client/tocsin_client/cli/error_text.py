"""Errors as text for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin_client import CallError


def sentence(problem: object) -> str:
    """Returns the text with one full stop at its end, or with the question mark that it has."""
    text = clause(problem)
    return text if text.endswith("?") else f"{text}."


def clause(problem: object) -> str:
    """Returns the text without a full stop at its end."""
    return str(problem).rstrip(". \n")


def described(failure: "CallError") -> str:
    """Returns what failed, and after how long a repeat may succeed, if the server said so."""
    advice = "Try again in"
    if not failure.retry_delay or advice in failure.message:
        return str(failure)
    return f"{failure} {advice} {failure.retry_delay:.3g} s."
