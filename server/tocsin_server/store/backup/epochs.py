"""Epochs: the history of the store that a cursor belongs to.

When a copy of an earlier state replaces a store, its cursors no longer match its
history. So the store begins a new epoch, and every cursor of the old one gets a
SNAPSHOT. A server reads the epoch when it starts, so none may run meanwhile.
"""

from secrets import randbits

from sqlalchemy import Connection, delete, insert, text

from tocsin_server.store.engine.databases import SERVER
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.schema.migration import hold_epoch
from tocsin_server.store.schema.tables import store_facts

_SERVERS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = :server"
)


def begin_epoch(connection: Connection) -> None:
    """Begins a new epoch, inside the caller's transaction.

    A server that starts meanwhile waits for the transaction's end. A server whose
    connections are cut at the moment is not detected here; it detects the new epoch
    when it connects again.

    Raises:
        CannotOpen: a server is connected to the PostgreSQL database.
    """
    if connection.dialect.name == "postgresql":
        hold_epoch(connection)
        if connection.scalar(_SERVERS, {"server": SERVER}):
            raise CannotOpen("a server uses it")
    connection.execute(delete(store_facts).where(store_facts.c.name == "epoch"))
    connection.execute(insert(store_facts).values(name="epoch", value=str(randbits(63))))
