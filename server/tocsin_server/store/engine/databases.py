"""Databases: the interface that SQLite and PostgreSQL implement, and the choice by URL."""

import re
from asyncio import Task
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import parse_qsl

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.executors import Executor

READERS = 4
"""How many read transactions run at the same time."""

SERVER = "tocsin"
"""The application name of a server's connections, which PostgreSQL lists."""

_KNOWN = {
    "sqlite+aiosqlite": ("tocsin_server.store.engine.sqlite", "Sqlite", "server"),
    "postgresql+asyncpg": ("tocsin_server.store.engine.postgresql", "Postgresql", "postgres"),
}
"""By the URL's driver name: the module and class of the database, and the extra that it needs."""


_USER = re.compile(r"^[^:]*://[^:/]*(:[^@]*)?@")
"""The beginning of a URL up to its host; a password may hold a question mark."""


class Database(Protocol):
    """An open database.

    Attributes:
        name: its name in messages, without a password.
        executors: run the transactions that write; each is durable when it is committed.
        mixes: whether a transaction may mix units of work and batches in any order,
            because no other transaction can wait for its locks.
        readers: the engine for transactions that read, each on one snapshot.
    """

    name: str
    executors: Sequence[Executor]
    mixes: bool
    readers: AsyncEngine

    def reserve(self) -> None:
        """Keeps out every server that cannot share the database, until `close`.

        Call it before the first connection is opened.

        Raises:
            CannotOpen: such a server serves the database, or it cannot be written.
        """

    def guard(self, epoch: int) -> None:
        """Makes later connections fail if the store is no longer in this epoch."""

    async def interrupt(self, read: Task[Any], connection: Any) -> None:  # noqa: ANN401  # a driver's
        """Makes a read end soon, which runs in a transaction of this connection of the driver.

        The read may be between two statements, and go on with the next one.
        """

    async def close(self) -> None:
        """Waits for the work that executors run, and closes every connection."""


def database_url(text: str) -> URL:
    """Parses and checks the URL of a database.

    Raises:
        CannotOpen: the server cannot use a database with this URL.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise CannotOpen("the database URL is not a URL") from None
    if url.drivername not in _KNOWN:
        raise CannotOpen(
            f"the database URL begins with {url.drivername}://; known are"
            " sqlite+aiosqlite:///FILE and postgresql+asyncpg://USER@HOST/DATABASE"
        )
    if dropped := _parameters(text) - url.query.keys():
        raise CannotOpen(f"the database URL has the parameter {min(dropped)!r} without a value")
    # SQLAlchemy makes a number of it: also of the digits of other scripts, and of underscores.
    if not re.fullmatch("[0-9]*", _port(text)):
        raise CannotOpen("the database URL has a port that is not a number")
    _kind(url).check(url)
    return url


def _port(text: str) -> str:
    """Returns the port of a URL as it is written, empty without one."""
    _, _, after_scheme = _USER.sub("//", text, count=1).partition("//")
    authority = re.split("[/?]", after_scheme, maxsplit=1)[0]
    # The colons of an IPv6 address are in brackets.
    return authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority else ""


def _parameters(text: str) -> set[str]:
    """Returns the names of a URL's parameters, also of those that SQLAlchemy drops as empty."""
    without_user = _USER.sub("", text)
    return {name for name, _ in parse_qsl(without_user.partition("?")[2], keep_blank_values=True)}


def database(text: str) -> Database:
    """Returns the database of a URL, without connecting to it.

    Raises:
        CannotOpen: the server cannot use a database with this URL.
    """
    url = database_url(text)
    return _kind(url)(url)


class _Kind(Protocol):
    """A class that implements `Database`."""

    def __call__(self, url: URL) -> Database:
        """Returns the database of a URL, which was checked."""

    def check(self, url: URL) -> None:
        """Raises CannotOpen if the URL is not valid for this kind of database."""


def _kind(url: URL) -> _Kind:
    module, name, extra = _KNOWN[url.drivername]
    try:
        kind: _Kind = getattr(import_module(module), name)
    except ModuleNotFoundError as missing:
        raise CannotOpen(
            f"{missing.name} is not installed: pip install 'tocsin[{extra}]'"
        ) from None
    return kind
