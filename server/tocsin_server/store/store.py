"""The store: opens a database, and holds the classes that implement its ports."""

from typing import Self

from sqlalchemy import Connection

from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.live import Live
from tocsin_server.store.channels import SqlChannelStore
from tocsin_server.store.disk_probe import SqlDisk
from tocsin_server.store.engine.databases import Database, database
from tocsin_server.store.engine.driver_errors import CannotOpen, cause_of, is_database_error
from tocsin_server.store.engine.executors import run
from tocsin_server.store.idempotency import Idempotency
from tocsin_server.store.inboxes import SqlInboxStore
from tocsin_server.store.job_kinds import KINDS
from tocsin_server.store.jobs import SqlJobStore
from tocsin_server.store.messages import SqlMessageStore
from tocsin_server.store.pruning import SqlPruningStore
from tocsin_server.store.reader import Reader
from tocsin_server.store.schema.migration import migrate, read_epoch
from tocsin_server.store.sending import SendBatch
from tocsin_server.store.writing.writer import Writer


class SqlStore:
    """An open store.

    Attributes:
        channels: keeps channels.
        messages: keeps messages and sends them.
        inboxes: keeps inboxes and their history.
        jobs: keeps jobs and runs their steps.
        pruning: deletes rows past their retention.
        disk: knows whether the disk is full.
    """

    def __init__(
        self, database: Database, epoch: int, live: Live, clock: Clock, retention: Retention
    ) -> None:
        self._database = database
        self._writer = writer = Writer(database.executors, live, mixes=database.mixes)
        self._reader = reader = Reader(database.readers, database.interrupt)
        idempotency = Idempotency(clock, retention)
        self.channels = SqlChannelStore(writer, reader, idempotency)
        self.messages = SqlMessageStore(writer, reader, SendBatch(idempotency))
        self.inboxes = SqlInboxStore(writer, reader, idempotency, live, epoch)
        self.jobs = SqlJobStore(writer, reader, KINDS)
        self.pruning = SqlPruningStore(writer, retention)
        self.disk = SqlDisk(writer)
        self._closed = False

    @classmethod
    async def open(cls, url: str, live: Live, clock: Clock, retention: Retention) -> Self:
        """Opens a database; creates it or migrates it to this program's schema if needed.

        Raises:
            CannotOpen: the database cannot be used or written, or it is a file that
                another server serves.
        """
        opened = database(url)
        store: Self | None = None
        try:
            opened.reserve()
            epoch = await run(opened.executors[0], _prepare)
            opened.guard(epoch)
            store = cls(opened, epoch, live, clock, retention)
            await store._reader.connect()
        except Exception as error:
            await (opened if store is None else store).close()
            if not (isinstance(error, CannotOpen) or is_database_error(error)):
                raise
            raise CannotOpen(f"cannot use the database {opened.name}: {cause_of(error)}") from None
        return store

    async def close(self) -> None:
        """Commits the waiting writes, and closes every connection; may be called again."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await self._reader.close()
        await self._database.close()


def _prepare(connection: Connection) -> int:
    """Migrates the database in one transaction, and returns its epoch."""
    with connection.begin():
        migrate(connection)
        return read_epoch(connection)
