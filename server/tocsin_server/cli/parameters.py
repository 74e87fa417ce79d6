"""Kinds of parameters, and those that several verbs take."""

import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import click

from tocsin_server.domain.model.limits import RETENTION_SECONDS_MAX, RETENTION_SECONDS_MIN
from tocsin_server.settings import Settings

FC = TypeVar("FC", bound=Callable[..., Any] | click.Command)


class Span(click.ParamType[float]):
    """A span of time: a number with a unit (s, m, h, d), such as 90s or 24h."""

    name = "span"
    units: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Returns the span in seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a span of time such as 90s, 30m, 24h or 7d.", param, ctx)
        seconds = float(match[1]) * self.units[match[2]]
        if not RETENTION_SECONDS_MIN <= seconds <= RETENTION_SECONDS_MAX:
            least, most = self.text(RETENTION_SECONDS_MIN), self.text(RETENTION_SECONDS_MAX)
            self.fail(f"{value!r} is not between {least} and {most}.", param, ctx)
        return seconds

    @classmethod
    def text(cls, seconds: float) -> str:
        """Returns a span as it is written, in the largest unit of which it has two or more."""
        for unit, length in reversed(cls.units.items()):
            if seconds >= 2 * length:
                return f"{seconds / length:g}{unit}"
        return f"{seconds:g}s"


class Count(click.IntRange):
    """A number of ASCII digits: `int` also takes the digits of other scripts, and underscores."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Returns the number."""
        text = str(value)
        if not re.fullmatch("[+-]?[0-9]{1,18}", text):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(int(text), param, ctx)


class Address(click.ParamType[str]):
    """HOST:PORT, or unix:PATH."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Returns the address."""
        text = str(value)
        if not text.isprintable():
            self.fail(f"{value!r} holds what is no text.", param, ctx)
        if re.fullmatch(r"unix:.+", text):
            return text
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})", text)
        if match is None or int(match[2]) > 65_535:
            self.fail(f"{value!r} is not HOST:PORT, nor unix:PATH.", param, ctx)
        return text


database_url_option = click.option(
    "--database-url",
    envvar="TOCSIN_DATABASE_URL",
    default=Settings().database_url,
    show_default=True,
    show_envvar=True,
    help="Where everything is stored: sqlite+aiosqlite:///FILE,"
    " or postgresql+asyncpg://USER@HOST/DATABASE.",
)


def flag(verb: str, name: str, meaning: str) -> Callable[[FC], FC]:
    """Returns a flag of a verb, with its variable."""
    variable = f"TOCSIN_{verb}_{name.removeprefix('--').replace('-', '_')}".upper()
    return click.option(name, is_flag=True, envvar=variable, show_envvar=True, help=meaning)
