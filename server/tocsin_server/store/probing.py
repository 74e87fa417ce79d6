"""Probing: a write that is as small as can be, to see whether the disk takes one."""

from sqlalchemy import Connection, bindparam, delete, insert

from tocsin_server.store.prepared import Prepared
from tocsin_server.store.tables import store_facts

_NAME = "probe"

_TAKE_OUT = Prepared(delete(store_facts).where(store_facts.c.name == bindparam("name")))
_PUT_IN = Prepared(insert(store_facts).values(name=bindparam("name"), value=""))


def touch(connection: Connection) -> None:
    """Writes a fact that says nothing, in place of the last one."""
    _TAKE_OUT(connection, {"name": _NAME})
    _PUT_IN(connection, {"name": _NAME})
