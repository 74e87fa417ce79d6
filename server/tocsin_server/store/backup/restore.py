"""Restore: replaces a SQLite store by a copy of a backup, which begins a new epoch.

At every moment the store's path leads to the complete old store or to the complete
new one. The log of the old store is first merged into its file, so that SQLite
cannot apply it to the new one. SQLite refuses the merge while another connection is
open. A server that serves the old store is detected by its lock; and while `restore`
holds that lock, none starts on the old store.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from sqlite3 import SQLITE_CORRUPT, SQLITE_NOTADB, DatabaseError, connect

from tocsin_server.store.backup.copy import (
    CannotCopy,
    companions,
    copy,
    publish,
    sqlite_file,
    sync,
    temporary_file,
    url_of,
)
from tocsin_server.store.backup.epochs import begin_epoch
from tocsin_server.store.engine.databases import database_url
from tocsin_server.store.engine.driver_errors import is_busy
from tocsin_server.store.engine.file_lock import Served, lock
from tocsin_server.store.offline import open_offline

_LOCK_BYTES = (512, 0x40000000)
"""Offset and length of the bytes on which SQLite takes its file locks.

A process that has a database in WAL mode open holds a lock on some of them.
(https://www.sqlite.org/fileformat2.html#the_lock_byte_page)
"""


def restore(url: str, backup: Path, *, force: bool) -> Path | None:
    """Replaces a store by a copy of a backup; returns the path of the old store, if there was one.

    Raises:
        CannotOpen: the backup is no store that this program can use.
        CannotCopy: a store exists and `force` is not set, or the store is in use, or
            a file cannot be read or written.
    """
    file = sqlite_file(url)
    old = [path for path in (file, *companions(file)) if os.path.lexists(path)]
    if old and not force:
        raise CannotCopy(f"{old[0]} is there already: --force replaces it and keeps it beside")
    if file.exists() and backup.exists() and file.samefile(backup):
        raise CannotCopy(f"{backup} is the database itself")
    with _not_served(file):
        with _exclusive(file):
            status = file.stat() if file.exists() else None
        with temporary_file(file, status and status.st_mode & 0o777) as temporary:
            copy(backup.resolve(), temporary)
            with open_offline(url_of(temporary)) as store:
                store.write(begin_epoch)
            owner = status and (status.st_uid, status.st_gid)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.chown(temporary, *owner)
            sync(temporary)
            with _exclusive(file):
                return _swap(temporary, file)


def begin_new_epoch(url: str) -> None:
    """Begins a new epoch in a store, and changes nothing else in it.

    Raises:
        CannotOpen: there is no store that this program can use, or a server uses it.
    """
    with open_offline(database_url(url), exclusive=True) as store:
        store.write(begin_epoch)


def _swap(temporary: Path, file: Path) -> Path | None:
    """Replaces a store by a temporary file; returns the path of the old store, if there was one.

    The old store gets its new name before it loses the old one.
    """
    left = [path for path in companions(file) if path.exists()]
    if not file.exists() and not left:
        publish(temporary, file)
        return None
    kept = _free_name(file)
    if file.exists() and not kept.exists():
        os.link(file, kept)
    for path in left:  # the database is damaged or gone, so its log could not be merged
        if path.name.endswith("-shm"):  # SQLite rebuilds it from the log
            path.unlink()
        else:
            path.rename(kept.with_name(kept.name + path.name.removeprefix(file.name)))
    sync(file.parent)
    temporary.replace(file)
    sync(file.parent)
    return kept


def _free_name(file: Path) -> Path:
    """Returns an unused name for the old store, or the one that an interrupted restore gave it."""
    for number in count(1):
        kept = file.with_name(f"{file.name}.old-{number}")
        if not any(map(os.path.lexists, (kept, *companions(kept)))):
            return kept
        if kept.exists() and file.exists() and kept.samefile(file):
            return kept
    raise AssertionError  # the numbers have no end


@contextmanager
def _not_served(file: Path) -> Iterator[None]:
    """Keeps servers from serving a database; one that does not exist yet may be created.

    Raises:
        CannotCopy: a server serves the database, or its file cannot be written.
    """
    if not file.exists():
        yield
        return
    try:
        held = lock(file)
    except Served:
        raise _in_use(file) from None
    except OSError as error:
        raise CannotCopy(f"cannot use {file}: {error.strerror}") from None
    try:
        yield
    finally:
        if held is not None:
            held.close()


@contextmanager
def _exclusive(file: Path) -> Iterator[None]:
    """Merges the log of a database into its file, and keeps other processes out meanwhile.

    Raises:
        CannotCopy: another process has the database open, or the file cannot be used.
    """
    if not file.exists():
        yield
        return
    try:
        address = f"{file.as_uri()}?mode=rw"
        with closing(connect(address, uri=True, timeout=0.0, isolation_level=None)) as old:
            old.execute("PRAGMA journal_mode = DELETE")
    except DatabaseError as error:
        if is_busy(error):
            raise _in_use(file) from None
        if error.sqlite_errorcode & 0xFF not in {SQLITE_CORRUPT, SQLITE_NOTADB}:
            raise CannotCopy(f"cannot use {file}: {error}") from None
    try:
        with file.open("r+b") as locked:
            try:
                fcntl.lockf(locked, fcntl.LOCK_EX | fcntl.LOCK_NB, *_LOCK_BYTES)
            except BlockingIOError:
                raise _in_use(file) from None
            yield
    except PermissionError as error:
        raise CannotCopy(f"cannot use {file}: {error.strerror}") from None


def _in_use(file: Path) -> CannotCopy:
    return CannotCopy(f"{file} is in use: stop the server first")
