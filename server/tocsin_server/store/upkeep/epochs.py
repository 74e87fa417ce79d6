"""Epochs: which life of the store a cursor belongs to.

A store whose past is another than the one its cursors were given in, because
a copy was put back, begins a new epoch: every cursor of the old one gets a
SNAPSHOT. A server reads the epoch when it starts; so it must not run meanwhile.
"""

from secrets import randbits

from sqlalchemy import Connection, delete, insert

from tocsin_server.store.tables import store_facts


def begin_epoch(connection: Connection) -> None:
    """Begins a new epoch, inside the caller's transaction."""
    connection.execute(delete(store_facts).where(store_facts.c.name == "epoch"))
    connection.execute(insert(store_facts).values(name="epoch", value=str(randbits(63))))
