"""Announcing: writes the output of a verb to stdout."""

import click


class CannotAnnounce(Exception):
    """The output cannot be written. The text says why, in one line."""


def announce(line: str) -> None:
    """Writes a line to stdout; replaces unprintable characters by spaces.

    Raises:
        CannotAnnounce: stdout cannot be written to.
    """
    try:
        click.echo("".join(c if c.isprintable() else " " for c in line))
    except OSError as error:
        raise CannotAnnounce(f"cannot write to stdout: {error.strerror}") from None
