"""Cursors that outlive a program, so that a subscription resumes where the last one stopped."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class CursorStore(Protocol):
    """Keeps a cursor for each user; `subscribe(user_id, cursor_store=store)` resumes from it.

    Every update of a subscription is processed at least once, also when the program crashes:

    - Requesting the next update says that the ones before are finished. Their cursor is saved then,
      before the subscription waits. So the last update comes again, unless the next one was
      requested; closing a subscription saves nothing.
    - The stored cursor is cleared before an update with `starts_over` is returned, because the
      program drops from then on the state that the cursor stands for. An unfinished SNAPSHOT comes
      again, as a whole.
    - Updates that come again show the state of that moment: changes may be merged, or replaced by a
      SNAPSHOT.

    One subscription of a user at a time calls a store, in a thread. An exception of the store ends
    the subscription, which raises it.
    """

    def load(self, user_id: str) -> str:
        """The user's cursor; empty when there is none."""
        ...

    def save(self, user_id: str, cursor: str) -> None:
        """Keeps the user's cursor, safe from a crash once it returns; an empty one clears it."""
        ...


class MemoryCursorStore:
    """Keeps cursors in memory: across subscriptions, not across programs."""

    def __init__(self) -> None:
        self._cursors: dict[str, str] = {}

    def load(self, user_id: str) -> str:
        """The user's cursor; empty when there is none."""
        return self._cursors.get(user_id, "")

    def save(self, user_id: str, cursor: str) -> None:
        """Keeps the user's cursor; an empty one clears it."""
        self._cursors[user_id] = cursor


class FileCursorStore:
    """Keeps cursors in a JSON file, which survives a crash of the program or the machine.

    Threads and processes of one machine may share a file: each save changes one user's cursor and
    keeps the others. When two subscriptions follow the same user, the last save counts. Each save
    writes the file anew and waits for the disk, which suits thousands of users, not millions.
    Beside the file there is another, `.NAME.lock`, which is locked during a save.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Prepares a store; the first save makes the file, in a folder that exists."""
        self._path = Path(path).resolve()

    def load(self, user_id: str) -> str:
        """The user's cursor; empty when there is none.

        Raises:
            ValueError: The file holds something else.
            OSError: It cannot be read.
        """
        # Without a lock: a save replaces the file as a whole.
        return self._read().get(user_id, "")

    def save(self, user_id: str, cursor: str) -> None:
        """Keeps the user's cursor; an empty one clears it.

        Raises:
            ValueError: The file holds something else.
            OSError: It cannot be written: it is as it was, unless only its folder's sync failed.
        """
        with self._locked():
            cursors = self._read()
            if cursors.pop(user_id, "") == cursor:
                return
            if cursor:
                cursors[user_id] = cursor
            self._write(cursors)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the file's lock, against other processes and other threads alike."""
        # Not the file itself, which each save replaces. Each save opens the lock file, because
        # flock belongs to what was opened, not to the process.
        lock = os.open(
            self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            flock(lock, LOCK_EX)
            try:
                yield
            finally:
                # Closing it would not do: a process that was forked meanwhile has it open, too.
                flock(lock, LOCK_UN)
        finally:
            os.close(lock)

    def _read(self) -> dict[str, str]:
        try:
            cursors = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            cursors = None
        if not isinstance(cursors, dict) or not all(
            isinstance(cursor, str) for cursor in cursors.values()
        ):
            raise ValueError(f"{self._path} is no file of cursors")
        return cursors

    def _write(self, cursors: dict[str, str]) -> None:
        # Its name is always the same: the next save removes what a killed one left behind.
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)
            # O_EXCL: it is made here, or this fails.
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as writer:
                with suppress(FileNotFoundError):
                    os.fchmod(file, stat.S_IMODE(self._path.stat().st_mode))
                json.dump(cursors, writer, indent=1, sort_keys=True)
                writer.flush()
                os.fsync(file)
            new.replace(self._path)
        except BaseException:
            with suppress(OSError):
                new.unlink()
            raise
        # The new name is on disk only once its folder is.
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# It would end an iteration, with no error.
_ENDED = "the cursor store raised StopIteration"


class Bookmark:
    """A subscription's cursor in its store, if it has a store."""

    def __init__(self, user_id: str, store: CursorStore | None) -> None:
        """Takes the user of the cursor.

        Raises:
            TypeError: `store` is not a cursor store.
        """
        if store is not None and not isinstance(store, CursorStore):
            raise TypeError(
                "cursor_store must have load and save, as FileCursorStore(path) has,"
                f" not be {type(store).__name__}"
            )
        self._user_id = user_id
        self._store = store
        self._saved: str | None = None

    @property
    def loaded(self) -> bool:
        """Whether the stored cursor was read; always true without a store."""
        return self._store is None or self._saved is not None

    def load(self) -> str:
        """The cursor to begin from."""
        if self._store is None:
            return ""
        try:
            cursor: object = self._store.load(self._user_id)
        except StopIteration as end:
            raise RuntimeError(_ENDED) from end
        if not isinstance(cursor, str):
            raise TypeError(f"the cursor store returned {type(cursor).__name__}, not a string")
        self._saved = cursor
        return cursor

    def lacks(self, cursor: str) -> bool:
        """Whether another cursor is stored."""
        return self._store is not None and self._saved != cursor

    def save(self, cursor: str) -> None:
        if self._store is not None and self.lacks(cursor):
            try:
                self._store.save(self._user_id, cursor)
            except StopIteration as end:
                raise RuntimeError(_ENDED) from end
            self._saved = cursor
