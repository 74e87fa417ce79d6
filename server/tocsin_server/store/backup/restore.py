"""Replacing a SQLite store by a copy of an earlier one, which begins a new epoch.

At every moment the store's name stands for the old store or for the new one,
and either is whole. The old one's log is folded into it first, so that it is
one file, too, and no log of it is left to be applied to the new one. That also
tells whether anybody uses it: SQLite refuses while there is one more connection.
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
    beside,
    copy,
    partial,
    put,
    sqlite_file,
    sync,
    url_of,
)
from tocsin_server.store.backup.epochs import begin_epoch
from tocsin_server.store.engine.databases import database_url
from tocsin_server.store.engine.driver_errors import is_busy
from tocsin_server.store.offline import visiting

_LOCK_BYTES = (512, 0x40000000)
"""Where SQLite locks a file (https://www.sqlite.org/fileformat2.html#the_lock_byte_page).

Whoever has a database in WAL mode open holds some of it.
"""


def restore(url: str, backup: Path, *, force: bool) -> Path | None:
    """Puts a copy of a store in the place of a store; returns where the old one is kept, if any.

    Raises:
        CannotOpen: the backup is no store that this program knows.
        CannotCopy: a store is there and it is not to be forced, or it is in use, or the
            disk does not let it.
    """
    file = sqlite_file(url)
    old = [path for path in (file, *beside(file)) if os.path.lexists(path)]
    if old and not force:
        raise CannotCopy(f"{old[0]} is there already: --force replaces it and keeps it beside")
    if file.exists() and backup.exists() and file.samefile(backup):
        raise CannotCopy(f"{backup} is the database itself")
    with _alone(file):
        like = file.stat() if file.exists() else None
    with partial(file, like and like.st_mode & 0o777) as made:
        copy(backup.resolve(), made)
        with visiting(url_of(made)) as visit:
            visit.write(begin_epoch)
        if like is not None and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(made, like.st_uid, like.st_gid)
        sync(made)
        with _alone(file):
            return _swap(made, file)


def begin_new_epoch(url: str) -> None:
    """Begins a new epoch in the store as it is, which must not be in use.

    Raises:
        CannotOpen: there is no store that this program knows, or somebody uses it.
    """
    with visiting(database_url(url), alone=True) as visit:
        visit.write(begin_epoch)


def _swap(made: Path, file: Path) -> Path | None:
    """Gives the name of a store to another file; returns the name that the old one keeps.

    For a moment the old one has two names: its last one comes first.
    """
    left = [path for path in beside(file) if path.exists()]
    if not file.exists() and not left:
        put(made, file)
        return None
    kept = _free_name(file)
    if file.exists() and not kept.exists():
        os.link(file, kept)
    for path in left:  # of a database that is damaged or gone: nothing could fold them in
        if path.name.endswith("-shm"):  # SQLite makes it anew from the log
            path.unlink()
        else:
            path.rename(kept.with_name(kept.name + path.name.removeprefix(file.name)))
    sync(file.parent)
    made.replace(file)
    sync(file.parent)
    return kept


def _free_name(file: Path) -> Path:
    """Returns a name beside a file that nothing has, or the file itself since it was cut off."""
    for number in count(1):
        kept = file.with_name(f"{file.name}.old-{number}")
        if not any(map(os.path.lexists, (kept, *beside(kept)))):
            return kept
        if kept.exists() and file.exists() and kept.samefile(file):
            return kept
    raise AssertionError  # there is always one more number


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Makes a database one file, without a log beside it, and lets nobody open it meanwhile.

    Raises:
        CannotCopy: somebody has it open.
    """
    if not file.exists():
        yield
        return
    in_use = CannotCopy(f"{file} is in use: stop the server first")
    try:
        address = f"{file.as_uri()}?mode=rw"
        with closing(connect(address, uri=True, timeout=0.0, isolation_level=None)) as old:
            old.execute("PRAGMA journal_mode = DELETE")
    except DatabaseError as error:
        if is_busy(error):
            raise in_use from None
        if error.sqlite_errorcode & 0xFF not in {SQLITE_CORRUPT, SQLITE_NOTADB}:
            raise CannotCopy(f"cannot use {file}: {error}") from None
    try:
        with file.open("r+b") as held:
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB, *_LOCK_BYTES)
            except BlockingIOError:
                raise in_use from None
            yield
    except PermissionError as error:
        raise CannotCopy(f"cannot use {file}: {error.strerror}") from None
