"""Copying a SQLite store into a new file: whole, of one moment, checked, and synced.

The copy is read in one transaction: in WAL mode that holds up nobody who
writes, and nothing written meanwhile starts it over. Only the log cannot begin
anew until the copy is read, and grows by what is written. The copy is made
under a name of its own, and gets its last one when nothing can fail any more.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from sqlite3 import Error as SqliteError
from sqlite3 import connect

from sqlalchemy import URL

from tocsin_server.store.engine.databases import database_url
from tocsin_server.store.offline import BUSY_SECONDS, visiting

BESIDE = ("-wal", "-shm", "-journal")
"""What the names of the files end with that SQLite keeps beside a database."""

_STEP_PAGES = 1_000
"""How much is copied between two looks at whether to stop: 4 MB."""


class CannotCopy(Exception):
    """A store cannot be copied or replaced; the text says why, in one line."""


def back_up(url: str, file: Path) -> int:
    """Copies a store, which a server may be using, to a new file; returns its bytes.

    Raises:
        CannotOpen: there is no store that this program knows.
        CannotCopy: the file is there already, or cannot be written.
    """
    source = sqlite_file(url)
    if os.path.lexists(file):
        raise CannotCopy(f"{file} is there already: a backup overwrites nothing")
    with partial(file, _mode(source)) as made:
        copy(source, made)
        sync(made)
        size = made.stat().st_size
        put(made, file)
        return size


def sqlite_file(url: str) -> Path:
    """Returns the file of the database that a URL names, whether it is there or not.

    Raises:
        CannotOpen: it is not the URL of a database.
        CannotCopy: it is a database in other hands.
    """
    if url.startswith("postgresql"):
        raise CannotCopy(
            "a PostgreSQL database is copied by pg_dump and put back by pg_restore;"
            " then `tocsin-server restore --new-epoch`"
        )
    return Path(str(database_url(url).database)).resolve()


def url_of(file: Path) -> URL:
    """Returns the URL of the database in a file."""
    return URL.create("sqlite+aiosqlite", database=str(file))


@contextmanager
def partial(file: Path, mode: int | None) -> Iterator[Path]:
    """Gives an empty file beside another; nothing is left of it in the end.

    It may be used as `mode` says, or else as new files may.

    Raises:
        CannotCopy: it cannot be made, or is not readable or writable meanwhile.
    """
    made = file.with_name(f"{file.name}.partial-{token_hex(4)}")
    try:
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        if mode is not None:
            made.chmod(mode)
        yield made
    except OSError as error:
        raise CannotCopy(f"cannot write {file}: {error.strerror}") from None
    finally:
        for name in (made, *beside(made)):
            with suppress(OSError):
                name.unlink()


def copy(source: Path, made: Path) -> None:
    """Copies a store to an empty file, as one file that needs none beside it, and checks it.

    Raises:
        CannotOpen: the source is no store that this program knows.
        CannotCopy: it cannot be copied, or the copy is not sound.
    """
    with visiting(url_of(source)):
        pass
    try:
        address = f"{source.as_uri()}?mode=rw"
        with closing(connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as old:
            old.execute("PRAGMA query_only = ON")
            old.execute("BEGIN")
            with closing(connect(made, isolation_level=None)) as new:
                # Whatever interrupts this, the file goes.
                new.execute("PRAGMA journal_mode = OFF")
                new.execute("PRAGMA synchronous = OFF")
                old.execute("SELECT count(*) FROM sqlite_master").fetchone()
                old.backup(new, pages=_STEP_PAGES, progress=_go_on, sleep=0.0)
        with closing(connect(made, isolation_level=None)) as new:
            new.execute("PRAGMA journal_mode = DELETE")
            ((verdict, *_), *_) = new.execute("PRAGMA integrity_check(1)").fetchall()
    except SqliteError as error:
        raise CannotCopy(f"cannot copy {source}: {error}") from None
    if verdict != "ok":
        raise CannotCopy(f"cannot copy {source}: it is damaged: {verdict}")
    with visiting(url_of(made)):
        pass


def put(made: Path, file: Path) -> None:
    """Gives a file its last name, which nothing has yet, and syncs that.

    Raises:
        CannotCopy: something has the name.
    """
    try:
        os.link(made, file)
    except FileExistsError:
        raise CannotCopy(f"{file} is there already: nothing was overwritten") from None
    made.unlink()
    sync(file.parent)


def sync(path: Path) -> None:
    """Returns when a file's content, or a folder's names, are on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def beside(file: Path) -> list[Path]:
    """Returns the files that SQLite may keep beside a database."""
    return [file.with_name(file.name + end) for end in BESIDE]


def _mode(file: Path) -> int | None:
    """Returns who may do what with a file, or None where there is none."""
    return file.stat().st_mode & 0o777 if file.exists() else None


def _go_on(_status: int, _left: int, _pages: int) -> None:
    """Gives Python a turn, in which an interrupt is heard."""
