"""What a flag takes for a number, an address, or a span of time."""

from collections.abc import Iterator

import click
import pytest
from tocsin_server.cli import program
from tocsin_server.cli.parameters import Address, Count, Span

ODD_DIGITS = ["٣", "\uff13", "१", "²", "1_0", "1٣"]
"""Texts that `int` or `str.isdigit` take for numbers."""


def parameters(command: click.Command) -> Iterator[click.Parameter]:
    """The parameters of a command and of its verbs."""
    yield from command.params
    if isinstance(command, click.Group):
        for verb in command.commands.values():
            yield from parameters(verb)


@pytest.mark.parametrize("digits", ODD_DIGITS)
def test_only_ascii_digits_are_a_number(digits: str) -> None:
    for kind, text in ((Count(min=1), digits), (Address(), f"h:{digits}"), (Span(), f"{digits}s")):
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(click.BadParameter):
        Count(min=1).convert("9" * 5_000, None, None)


def test_no_flag_takes_numbers_by_another_rule() -> None:
    kinds = {type(parameter.type) for parameter in parameters(program)}

    numbers = (click.types.IntParamType, click.types.FloatParamType)
    assert {kind for kind in kinds if issubclass(kind, numbers)} == {Count}


def test_numbers_addresses_and_spans_are_what_they_say() -> None:
    assert Count(min=1).convert("20", None, None) == 20
    assert Address().convert("[::1]:0", None, None) == "[::1]:0"
    assert Span().convert("1.5m", None, None) == 90
