"""The disk probe: a write that is large enough to show whether a full disk has room again.

A small write would not show it: a failed write may have enlarged the log file, which
then has room for small writes.
"""

from sqlalchemy import Connection, bindparam, delete, insert

from tocsin_server.domain.model.errors import StorageFull
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.schema.tables import store_facts
from tocsin_server.store.writing.writer import Writer

PROBE_BYTES = 1024 * 1024

_NAME = "probe"

_DELETE = Prepared(delete(store_facts).where(store_facts.c.name == bindparam("name")))
_INSERT = Prepared(insert(store_facts).values(name=bindparam("name"), value=bindparam("padding")))


class SqlDisk:
    """Implements `tocsin_server.domain.ports.disk.Disk`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def full(self) -> bool:
        """Whether the last write that reached the disk found it full."""
        return self._writer.full

    async def probe(self) -> bool:
        """Writes and deletes a megabyte, and returns whether there is room again."""
        try:
            await self._writer.run(_write, rows=2)
            await self._writer.run(_delete, rows=1)
        except StorageFull:
            return False
        self._writer.note_room()
        return True


def _write(connection: Connection) -> None:
    _delete(connection)
    _INSERT(connection, {"name": _NAME, "padding": "." * PROBE_BYTES})


def _delete(connection: Connection) -> None:
    _DELETE(connection, {"name": _NAME})
