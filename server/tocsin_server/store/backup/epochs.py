"""Epochs: which life of the store a cursor belongs to.

A store whose past is another than the one its cursors were given in, because
a copy was put back, begins a new epoch: every cursor of the old one gets a
SNAPSHOT. A server reads the epoch when it starts; so it must not run meanwhile.
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

    A server that starts meanwhile waits for its end. One whose connections are
    cut is not seen here; when it connects again it finds the store replaced.

    Raises:
        CannotOpen: a server uses the PostgreSQL database.
    """
    if connection.dialect.name == "postgresql":
        hold_epoch(connection)
        if connection.scalar(_SERVERS, {"server": SERVER}):
            raise CannotOpen("a server uses it")
    connection.execute(delete(store_facts).where(store_facts.c.name == "epoch"))
    connection.execute(insert(store_facts).values(name="epoch", value=str(randbits(63))))
