"""Doctor and restore on PostgreSQL: the doctor finds and repairs the same faults as in a file."""

import asyncio
from collections.abc import Iterator

import pytest
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.backup import copy, restore
from tocsin_server.store.doctor.findings import Kind
from tocsin_server.store.engine.driver_errors import CannotOpen
from tocsin_server.store.store import SqlStore

from tests.support.aging import age_store, examined_store
from tests.support.clocks import SetClock
from tests.support.postgres import Postgres
from tests.unit.server.store.doctor.test_examine import NOT_REPAIRED, REPAIRED


@pytest.fixture(scope="module")
def aged(postgres: Postgres) -> Iterator[str]:
    """A store with a history, and no fault."""
    url = postgres.create()
    asyncio.run(age_store(url))
    yield url
    postgres.drop(url)


@pytest.fixture
def url(postgres: Postgres, aged: str) -> Iterator[str]:
    """A copy of that store, for one test."""
    url = postgres.create(like=aged)
    yield url
    postgres.drop(url)


async def open_store(url: str) -> SqlStore:
    return await SqlStore.open(url, Hub(1), SetClock(), Retention())


def test_a_store_with_a_history_has_no_fault(aged: str) -> None:
    assert examined_store(aged) == []


@pytest.mark.parametrize(
    ("kind", "where", "fault"),
    [each[1:] for each in REPAIRED],
    ids=[each[0] for each in REPAIRED],
)
def test_a_fault_is_found_and_named_and_repaired(
    postgres: Postgres, url: str, kind: Kind, where: str, fault: str
) -> None:
    postgres.change(fault, url)

    findings = examined_store(url)

    assert [f for f in findings if f.kind is kind and f.where.startswith(where)], findings
    assert all(finding.repaired for finding in examined_store(url, repair=True))
    assert examined_store(url) == []


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for _, kind, _, fault in NOT_REPAIRED if kind is not Kind.DATABASE],
    ids=[name for name, kind, *_ in NOT_REPAIRED if kind is not Kind.DATABASE],
)
def test_a_fault_that_cannot_be_repaired_is_reported(
    postgres: Postgres, url: str, kind: Kind, fault: str
) -> None:
    postgres.change(fault, url)

    findings = examined_store(url, repair=True)

    assert [finding for finding in findings if finding.kind is kind and not finding.repaired]


def test_a_backup_of_postgresql_is_refused(url: str, tmp_path: object) -> None:
    with pytest.raises(copy.CannotCopy, match="pg_dump"):
        copy.sqlite_file(url)


async def test_a_new_epoch_begins_when_no_server_is_connected(url: str) -> None:
    store = await open_store(url)
    with pytest.raises(CannotOpen, match="a server uses it"):
        await asyncio.to_thread(restore.begin_new_epoch, url)
    await store.close()

    await asyncio.to_thread(restore.begin_new_epoch, url)

    again = await open_store(url)
    await again.close()
    assert again.inboxes.epoch != store.inboxes.epoch


def test_a_database_that_no_server_has_used_is_refused(postgres: Postgres) -> None:
    url = postgres.create_empty()

    with pytest.raises(CannotOpen, match="no server has used it yet"):
        examined_store(url)

    postgres.drop(url)
