"""Announcing: what a verb has to say, on stdout."""

import click


class CannotAnnounce(Exception):
    """Nobody can be told what there is to say; the text says why, in one line."""


def announce(line: str) -> None:
    """Writes a line, whatever is in it.

    Raises:
        CannotAnnounce: nobody takes it.
    """
    try:
        click.echo("".join(c if c.isprintable() else " " for c in line))
    except OSError as error:
        raise CannotAnnounce(f"cannot write to stdout: {error.strerror}") from None
