"""Errors as text for people."""


def sentence(problem: object) -> str:
    """Returns the text with one full stop at its end, or with the question mark that it has."""
    text = clause(problem)
    return text if text.endswith("?") else f"{text}."


def clause(problem: object) -> str:
    """Returns the text without a full stop at its end."""
    return str(problem).rstrip(". \n")
