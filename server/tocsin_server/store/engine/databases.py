"""Databases: what a store needs of one, whichever it is."""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.engine.executors import Executor

READERS = 4
"""How many transactions read at once."""

SERVER = "tocsin"
"""As what a server's connections are known to a database that keeps a list of them."""

_KNOWN = {
    "sqlite+aiosqlite": ("tocsin_server.store.engine.sqlite", "Sqlite", "server"),
    "postgresql+asyncpg": ("tocsin_server.store.engine.postgresql", "Postgresql", "postgres"),
}
"""By how a URL begins: a module, what is in it, and the extra that it needs."""


class Database(Protocol):
    """A database that is open.

    Attributes:
        name: what it is called in messages; it has no password in it.
        executors: where transactions write, each of them durable when it is committed.
        mixes: whether one transaction may do different things in any order, because
            no other can wait for its locks.
        readers: where transactions read, each at one moment of the database.
    """

    name: str
    executors: Sequence[Executor]
    mixes: bool
    readers: AsyncEngine

    def guard(self, epoch: int) -> None:
        """Sees to it that connections are made, from now on, to a store of this epoch alone."""

    async def close(self) -> None:
        """Closes every connection; what runs in the executors is waited for."""


def database_url(text: str) -> URL:
    """Returns the URL of a database that the server can use.

    Raises:
        CannotOpen: it is none.
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
    _kind(url).check(url)
    return url


def database(text: str) -> Database:
    """Returns the database of a URL; nothing is connected yet.

    Raises:
        CannotOpen: it is none that the server can use.
    """
    url = database_url(text)
    return _kind(url)(url)


class _Kind(Protocol):
    """A class of databases."""

    def __call__(self, url: URL) -> Database:
        """Takes a URL that was checked."""

    def check(self, url: URL) -> None:
        """Raises CannotOpen where a URL is not one of this kind of database."""


def _kind(url: URL) -> _Kind:
    module, name, extra = _KNOWN[url.drivername]
    try:
        kind: _Kind = getattr(import_module(module), name)
    except ModuleNotFoundError as missing:
        raise CannotOpen(
            f"{missing.name} is not installed: pip install 'tocsin[{extra}]'"
        ) from None
    return kind
