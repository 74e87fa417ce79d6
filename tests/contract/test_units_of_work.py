"""A unit of work that refuses leaves nothing behind, on each database."""

import asyncio

import pytest
from sqlalchemy import Connection, insert, select
from tocsin_server.domain.model.errors import ChannelNotFound
from tocsin_server.store.engine.prepared import run
from tocsin_server.store.schema.tables import store_facts
from tocsin_server.store.store import SqlStore

from tests.contract.conftest import Shelf


def write_and_refuse(connection: Connection) -> None:
    """A unit of work that refuses after it has written."""
    run(connection, "INSERT INTO store_facts (name, value) VALUES ('half', 'done')")
    raise ChannelNotFound(channel_id="unit")


def refuse(connection: Connection) -> None:
    """A unit of work that refuses before it writes."""
    raise ChannelNotFound(channel_id="unit")


def write(connection: Connection) -> None:
    """A unit of work that writes."""
    connection.execute(insert(store_facts).values(name="whole", value="done"))


@pytest.fixture
async def store(shelf: Shelf) -> SqlStore:
    store = await shelf.reopen()
    assert isinstance(store, SqlStore)
    return store


async def facts(store: SqlStore) -> set[str]:
    names = await store._reader.run(lambda c: c.execute(select(store_facts.c.name)).scalars().all())
    return set(names) - {"epoch"}


@pytest.mark.parametrize("unit", [refuse, write_and_refuse])
async def test_what_it_wrote_is_not_committed_and_its_error_is_its_callers(
    store: SqlStore, unit: object
) -> None:
    with pytest.raises(ChannelNotFound, match="unit"):
        await store._writer.run(unit, rows=1)  # type: ignore[arg-type]  # a unit of work

    assert await facts(store) == set()


async def test_the_units_that_share_its_transaction_are_committed(store: SqlStore) -> None:
    outcomes = await asyncio.gather(
        *(store._writer.run(unit, rows=1) for unit in (write, write_and_refuse, refuse)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), ChannelNotFound, ChannelNotFound]
    assert await facts(store) == {"whole"}
