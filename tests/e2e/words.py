"""The names of all commands of the command line, by introspection."""

from collections.abc import Iterator

import typer
from tocsin_client.cli.program import program

Words = tuple[str, ...]


def _all() -> Iterator[tuple[Words, bool]]:
    """Every command and group of commands, and whether it is a group."""
    waiting: list[tuple[Words, object]] = [((), typer.main.get_command(program))]
    while waiting:
        words, command = waiting.pop()
        own: dict[str, object] = getattr(command, "commands", {})
        yield words, bool(own)
        waiting += [((*words, name), each) for name, each in own.items()]


ALL = sorted(words for words, _ in _all())
GROUPS = sorted(words for words, is_group in _all() if is_group)
COMMANDS = sorted(words for words, is_group in _all() if not is_group)
