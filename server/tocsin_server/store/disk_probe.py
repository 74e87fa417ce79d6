"""Probing: a write that is large enough to tell whether the disk has room again.

A write that failed leaves a log that has grown, and room in it for small ones.
"""

from sqlalchemy import Connection, bindparam, delete, insert

from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.schema.tables import store_facts

PROBE_BYTES = 1024 * 1024

_NAME = "probe"

_TAKE_OUT = Prepared(delete(store_facts).where(store_facts.c.name == bindparam("name")))
_PUT_IN = Prepared(insert(store_facts).values(name=bindparam("name"), value=bindparam("padding")))


def put_in(connection: Connection) -> None:
    """Writes a large fact that says nothing."""
    take_out(connection)
    _PUT_IN(connection, {"name": _NAME, "padding": "." * PROBE_BYTES})


def take_out(connection: Connection) -> None:
    """Takes it out again."""
    _TAKE_OUT(connection, {"name": _NAME})
