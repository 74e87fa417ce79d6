"""Checkpoints: what SQLite's log has gathered goes to the file, beside the writer.

Left to itself SQLite does that in the commit that makes the log long enough,
and whoever writes next waits for thousands of pages. Another connection may do
it meanwhile, and once more for what was written while it did. The little that
is left at last is for the writer. Once the file has everything, the log begins
anew.
"""

from contextlib import suppress
from sqlite3 import DatabaseError
from threading import Event, Thread

from sqlalchemy import Connection, Engine

from tocsin_server.store.prepared import run

INTERVAL_SECONDS = 1.0
"""How long the log gathers: a page that many commits change goes to the file once."""

PASSES = 3
"""How often in a row what was written meanwhile goes there, too: ever less."""


class Checkpoints:
    """A thread that brings to the file what was written, and leaves the writer the rest."""

    def __init__(self, engine: Engine) -> None:
        """Takes an engine of a connection of its own."""
        self._engine = engine
        self._written = Event()
        self._rest = Event()
        self._closed = Event()
        self._thread = Thread(target=self._serve, name="tocsin-checkpoints", daemon=True)
        self._thread.start()

    def after_work(self, connection: Connection) -> None:
        """Takes note, from the writer, of what it may have written, and does what is left."""
        self._written.set()
        if self._rest.is_set():
            self._rest.clear()
            _checkpoint(connection)

    def close(self) -> None:
        """Returns when the thread has ended and the connection is closed."""
        self._closed.set()
        self._written.set()
        self._thread.join()
        self._engine.dispose()

    def _serve(self) -> None:
        while True:
            self._written.wait()
            if self._closed.wait(INTERVAL_SECONDS):
                return
            self._written.clear()
            with self._engine.connect() as connection:
                for _ in range(PASSES):
                    _checkpoint(connection)
            self._rest.set()


def _checkpoint(connection: Connection) -> None:
    """Brings to the file what the log has so far, and nobody needs there."""
    # A full disk, say, is of no account: the log has everything, and there is a next time.
    with suppress(DatabaseError):
        run(connection, "PRAGMA wal_checkpoint(PASSIVE)")
