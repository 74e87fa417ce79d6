"""Backup: copies a snapshot of a SQLite store to a new file, checks it and syncs it.

The copy is read in one transaction. In WAL mode this blocks no writer, and writes
do not make the copy start over. SQLite cannot restart its log (WAL) until the copy
is read, so the log grows by what is written meanwhile. The copy is written to a
temporary file, which is linked to its final name when nothing can fail any more.
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
from tocsin_server.store.offline import BUSY_SECONDS, open_offline

COMPANION_SUFFIXES = ("-wal", "-shm", "-journal")
"""The suffixes of the files that SQLite keeps beside a database."""

_STEP_PAGES = 1_000
"""How many pages are copied before an interrupt is noticed: 4 MB."""


class CannotCopy(Exception):
    """A store cannot be copied or replaced. The text says why, in one line."""


def back_up(url: str, file: Path) -> int:
    """Copies a store, which a server may be using, to a new file; returns the file's size in bytes.

    Raises:
        CannotOpen: there is no store that this program can use.
        CannotCopy: the file exists already, or cannot be written.
    """
    source = sqlite_file(url)
    if os.path.lexists(file):
        raise CannotCopy(f"{file} is there already: a backup overwrites nothing")
    with temporary_file(file, _mode(source)) as temporary:
        copy(source, temporary)
        sync(temporary)
        size = temporary.stat().st_size
        publish(temporary, file)
        return size


def sqlite_file(url: str) -> Path:
    """Returns the file of a SQLite database's URL; the file need not exist.

    Raises:
        CannotOpen: the URL is not the URL of a database.
        CannotCopy: the URL is that of a PostgreSQL database.
    """
    if url.startswith("postgresql"):
        raise CannotCopy(
            "a PostgreSQL database is copied by pg_dump and put back by pg_restore;"
            " then `tocsin-server restore --new-epoch`"
        )
    return Path(str(database_url(url).database)).resolve()


def url_of(file: Path) -> URL:
    """Returns the URL of a SQLite file."""
    return URL.create("sqlite+aiosqlite", database=str(file))


@contextmanager
def temporary_file(file: Path, mode: int | None) -> Iterator[Path]:
    """Creates an empty temporary file beside `file`, and deletes it when the context ends.

    The file has the permissions `mode`; None stands for those of any new file.

    Raises:
        CannotCopy: the file cannot be created, or an operation on it fails meanwhile.
    """
    temporary = file.with_name(f"{file.name}.partial-{token_hex(4)}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        if mode is not None:
            temporary.chmod(mode)
        yield temporary
    except OSError as error:
        raise CannotCopy(f"cannot write {file}: {error.strerror}") from None
    finally:
        for name in (temporary, *companions(temporary)):
            with suppress(OSError):
                name.unlink()


def copy(source: Path, target: Path) -> None:
    """Copies a store to an empty file, without a log beside it, and checks the copy.

    Raises:
        CannotOpen: the source is no store that this program can use.
        CannotCopy: the store cannot be copied, or the copy is damaged.
    """
    with open_offline(url_of(source)):
        pass
    try:
        address = f"{source.as_uri()}?mode=rw"
        with closing(connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as old:
            old.execute("PRAGMA query_only = ON")
            old.execute("BEGIN")
            with closing(connect(target, isolation_level=None)) as new:
                # An interrupted copy is deleted, so it need not be durable.
                new.execute("PRAGMA journal_mode = OFF")
                new.execute("PRAGMA synchronous = OFF")
                old.execute("SELECT count(*) FROM sqlite_master").fetchone()
                old.backup(new, pages=_STEP_PAGES, progress=_notice_interrupts, sleep=0.0)
        with closing(connect(target, isolation_level=None)) as new:
            new.execute("PRAGMA journal_mode = DELETE")
            ((verdict, *_), *_) = new.execute("PRAGMA integrity_check(1)").fetchall()
    except SqliteError as error:
        raise CannotCopy(f"cannot copy {source}: {error}") from None
    if verdict != "ok":
        raise CannotCopy(f"cannot copy {source}: it is damaged: {verdict}")
    with open_offline(url_of(target)):
        pass


def publish(temporary: Path, file: Path) -> None:
    """Renames a temporary file to its final name, and syncs the folder.

    Raises:
        CannotCopy: a file with that name exists; it is not overwritten.
    """
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise CannotCopy(f"{file} is there already: nothing was overwritten") from None
    temporary.unlink()
    sync(file.parent)


def sync(path: Path) -> None:
    """Syncs the content of a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def companions(file: Path) -> list[Path]:
    """Returns the paths of the files that SQLite may keep beside a database."""
    return [file.with_name(file.name + suffix) for suffix in COMPANION_SUFFIXES]


def _mode(file: Path) -> int | None:
    """Returns the permissions of a file, or None if it does not exist."""
    return file.stat().st_mode & 0o777 if file.exists() else None


def _notice_interrupts(_status: int, _left: int, _pages: int) -> None:
    """Returns to Python between steps of the copy, so that it handles an interrupt."""
