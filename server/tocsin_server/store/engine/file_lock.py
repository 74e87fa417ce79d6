"""The lock on a SQLite file that is served: one process at a time has it.

It is on the file itself (its inode), so it holds under every name of the file: relative
paths, symbolic links, hard links, bind mounts. It is flock(2)'s: the system releases
it when the process ends, however it ends.

SQLite has POSIX locks on the same file. A process that closes any descriptor of a file
loses all its POSIX locks on that file. So this lock is taken before SQLite opens the
file, and released after SQLite has closed it; and a file that this process has locked
is not opened a second time to find that out.

On Linux, flock and POSIX locks do not see each other on a local file. On BSD and
macOS they do, and SQLite would wait for this lock for ever: there, nothing is locked.
"""

import os
import sys
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from threading import Lock

from tocsin_server.store.engine.driver_errors import CannotOpen

SEES_NO_POSIX_LOCKS = sys.platform == "linux"
"""Whether flock and POSIX locks are independent of each other."""

_MODE = 0o644
"""The permissions of a new file, as SQLite creates it."""

_ATTEMPTS = 10
"""How often a file that is replaced meanwhile is opened again."""

_Inode = tuple[int, int]

_locked: set[_Inode] = set()
"""The device and inode of each file that this process has locked."""

_taking = Lock()
"""Held while a lock is taken or released: `_locked` and the locks change together."""


class Served(CannotOpen):
    """Another server serves the file, or `restore` replaces it."""

    def __init__(self) -> None:
        super().__init__(
            "another server serves this file, or `restore` replaces it;"
            " let that end first, or choose another file"
        )


class FileLock:
    """A lock that is held until it is closed, or until the process ends."""

    def __init__(self, descriptor: int, inode: _Inode) -> None:
        """Takes over the descriptor that holds the lock. Use `lock`."""
        self._descriptor = descriptor
        self._inode = inode

    def close(self) -> None:
        """Releases the lock. Close every connection of SQLite to the file first."""
        with _taking:
            _locked.remove(self._inode)
            # A child that was forked shares the descriptor, and would keep the lock.
            flock(self._descriptor, LOCK_UN)
            os.close(self._descriptor)


def lock(file: Path) -> FileLock | None:
    """Locks a file, which is created if it is missing; returns None where nothing is locked.

    Raises:
        Served: another process has locked the file, or this one has.
        OSError: the file cannot be opened to write, or its file system has no locks.
    """
    if not SEES_NO_POSIX_LOCKS:
        return None
    with _taking:
        for _ in range(_ATTEMPTS):
            if taken := _lock_once(file):
                return taken
    raise OSError("its file system gives a file more than one identity")


def is_locked(file: Path) -> bool:
    """Whether this process or another one has locked a file.

    A server that starts at this moment may be refused, because the check takes the lock.
    """
    if not SEES_NO_POSIX_LOCKS:
        return False
    with _taking:
        if _inode_at(file) in _locked:
            return True
        with ExitStack() as opened:
            descriptor = os.open(file, os.O_RDONLY)
            opened.callback(os.close, descriptor)
            try:
                flock(descriptor, LOCK_SH | LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _lock_once(file: Path) -> FileLock | None:
    """Locks a file; returns None if it was replaced before it was locked."""
    if _inode_at(file) in _locked:
        raise Served
    with ExitStack() as on_failure:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, _MODE)
        on_failure.callback(os.close, descriptor)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise Served from None
        inode = _inode_of(os.fstat(descriptor))
        if _inode_at(file) != inode:
            return None
        on_failure.pop_all()
    _locked.add(inode)
    return FileLock(descriptor, inode)


def _inode_at(file: Path) -> _Inode | None:
    """Returns the inode that a path leads to, None if there is no file."""
    try:
        return _inode_of(file.stat())
    except FileNotFoundError:
        return None


def _inode_of(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino
