"""The query plans of every prepared statement use an index, at every size of an inbox."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection
from tocsin_server import store
from tocsin_server.domain.model.inboxes import NotificationFilter
from tocsin_server.domain.model.marking import Effect
from tocsin_server.store import marking, notifications
from tocsin_server.store.engine.prepared import Prepared, run

from tests.support.postgres import Postgres, Work, working

# SQLite

READS_ALL = re.compile(r"SCAN (?!\(subquery-|anon_|\w+ VIRTUAL TABLE)")
"""A table is read from its beginning to its end; not what a query made, nor a parameter's rows."""

SORTS = "USE TEMP B-TREE"

MAY_READ_ALL = {
    # In the order of the queue, up to the first job that may go on: mostly the first.
    "jobs._FIRST",
    "jobs._CLAIM_FIRST",
}

MAY_SORT = {
    # Some inboxes, by their users: as many as a step of a job touches.
    "inbox_rows._LOCK_SOME": "ORDER BY",
    # By channel, what a mark changes: it has to go through that anyway.
    "marking._COUNT": "GROUP BY",
    # Some notifications of each of some channels: as many as a page has.
    "notifications._SCAN_OF_EACH": "ORDER BY",
    # The channels of an inbox, by their latest arrival: some, where notifications are many.
    "inbox_channels._LISTINGS": "ORDER BY",
}


def prepared_statements() -> Iterator[tuple[str, Prepared]]:
    """Every prepared statement of every module, by name."""
    for module in pkgutil.iter_modules(store.__path__):
        if module.ispkg:
            continue
        for name, value in vars(importlib.import_module(f"{store.__name__}.{module.name}")).items():
            if isinstance(value, Prepared):
                yield f"{module.name}.{name}", value
            elif isinstance(value, dict):
                for key, item in value.items():
                    if isinstance(item, Prepared):
                        yield f"{module.name}.{name}[{key}]", item


STATEMENTS = dict(prepared_statements())


def plan(connection: Connection, statement: Prepared) -> list[str]:
    sql, order, _ = statement.compiled(connection.dialect)
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple("{}" for _ in order))
    return [detail for _, _, _, detail in rows]


def statement_of(connection: Connection, name: str) -> str:
    return STATEMENTS[name].compiled(connection.dialect)[0]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_a_table_whole_or_sorts_an_inbox(
    connection: Connection, name: str
) -> None:
    steps = plan(connection, STATEMENTS[name])

    assert steps or " VALUES " in statement_of(connection, name)  # a row is put where it belongs
    assert name in MAY_READ_ALL or not [s for s in steps if READS_ALL.search(s)], steps
    allowed = MAY_SORT.get(name.partition("[")[0])
    assert not [s for s in steps if SORTS in s and not (allowed and allowed in s)], steps


def lists_and_marks() -> Iterator[tuple[str, str]]:
    """The statements that list or mark by read state or channel, each with the index it needs."""
    for listed in notifications._ONE_SCAN:
        unread = NotificationFilter.UNREAD in listed
        yield f"notifications._ONE_SCAN[{listed}]", UNREAD if unread else KEY
    for each in notifications._SCAN_OF_EACH:
        yield f"notifications._SCAN_OF_EACH[{each}]", OF_CHANNEL
    for changed in marking._COUNT:
        effect, by = changed
        index = UNREAD if effect in (Effect.READ, Effect.SEEN) else KEY
        for table in ("_COUNT", "_CHANGE"):
            if by is not marking._Scan.MESSAGES:
                of_channel = by is marking._Scan.CHANNEL
                yield f"marking.{table}[{changed}]", OF_CHANNEL if of_channel else index


KEY, UNREAD, OF_CHANNEL = (
    "pk_notifications",
    "ix_notifications_unread",
    "ix_notifications_of_channel",
)
LISTS_AND_MARKS = dict(lists_and_marks())


@pytest.mark.parametrize("name", LISTS_AND_MARKS)
def test_a_list_or_mark_scans_the_index_that_it_needs(connection: Connection, name: str) -> None:
    steps = plan(connection, STATEMENTS[name])

    scans = [s for s in steps if s.startswith("SEARCH") and "arrive_revision<" in s]
    needed = LISTS_AND_MARKS[name]
    index = "PRIMARY KEY" if needed == KEY else f"INDEX {needed}"
    by = "inbox_id=? AND channel_id=?" if needed == OF_CHANNEL else "inbox_id=?"
    assert scans
    assert all(f" USING {index} ({by} AND arrive_revision<" in step for step in scans), steps


def test_an_inboxs_channels_are_found_before_their_notifications(connection: Connection) -> None:
    for name, statement in STATEMENTS.items():
        if name.startswith("inbox_channels._LISTINGS"):
            searches = [s for s in plan(connection, statement) if s.startswith("SEARCH")]
            assert searches[0] == "SEARCH inbox_channels USING PRIMARY KEY (inbox_id=?)"
            assert "arrive_revision=?" in next(s for s in searches if "notifications USING" in s)
            latest = [s for s in searches if OF_CHANNEL in s]
            assert latest
            assert all("(inbox_id=? AND channel_id=?" in search for search in latest)


# PostgreSQL, by the settings of the server's own connections

MANY = """
INSERT INTO inboxes (tenant, user_id, incarnation, revision, oldest_revision,
    total_count, unread_count, unseen_count)
  SELECT 'default', 'user-' || n, n, 20, 0, 20, 10, 10 FROM generate_series(1, 2000) n;
INSERT INTO channels
  SELECT 'default', 'channel-' || n, 1, 't', '', '{}', 'e', 1, 1 FROM generate_series(1, 50) n;
INSERT INTO messages (tenant, message_id, channel_id, state, severity, sender,
    create_time, size, body)
  SELECT 'default', 'm-' || n, 'channel-' || (n % 50), 3, 2, '', n, 100, repeat('x', 100)::bytea
  FROM generate_series(1, 50000) n;
INSERT INTO notifications (inbox_id, arrive_revision, sequence, channel_id, revision,
    receive_time, seen_time, read_time)
  SELECT 1, n, n, 'channel-' || (n % 50), n, n, nullif(n % 9, 0), nullif(n % 9, 0)
  FROM generate_series(1, 50000) n;
INSERT INTO notifications (inbox_id, arrive_revision, sequence, channel_id, revision, receive_time)
  SELECT i, n, n, 'channel-' || (n % 50), n, n
  FROM generate_series(2, 2000) i, generate_series(1, 10) n;
INSERT INTO inbox_channels
  SELECT i, 'channel-' || n, 1, 1, 1 FROM generate_series(1, 2000) i, generate_series(1, 20) n;
INSERT INTO marks
  SELECT i, n, NULL, n, 1, 1, n FROM generate_series(1, 2000) i, generate_series(1, 10) n;
INSERT INTO idempotency (tenant, caller, rpc, request_id, answer, create_time)
  SELECT 'default', '', 'Send', 'r-' || n, '[]', n FROM generate_series(1, 20000) n;
ANALYZE
"""

MAY_GO_IN_ORDER_OF = {
    # The queue, up to the first job that may go on, and to find its end.
    "ix_jobs_turn",
}

MAY_SORT_IN_POSTGRESQL = {
    "inbox_rows._LOCK_SOME": "Sort",
    "inbox_channels._LISTINGS": "Sort",
    # The copies of one message, where a job comes to the next one.
    "channel_deletion._NEXT": "Incremental Sort",
}


@pytest.fixture(scope="module")
def in_postgresql(postgres: Postgres) -> Iterator[Work]:
    """Runs work on a database that has rows, and knows so: it counts them itself, soon enough."""
    url = postgres.create()
    for statement in MANY.split(";"):
        postgres.execute(statement, url)
    with working(url) as work:
        yield work
    postgres.drop(url)


def nodes(connection: Connection, name: str) -> list[dict[str, Any]]:
    """The nodes of the plan that every execution follows."""
    sql, order, _ = STATEMENTS[name].compiled(connection.dialect)
    run(connection, f"PREPARE planned AS {sql}")
    values = ", ".join("NULL" for _ in order)
    (((plan,),),) = run(connection, f"EXPLAIN (FORMAT JSON) EXECUTE planned ({values})")
    run(connection, "DEALLOCATE planned")
    return [*flat(plan["Plan"])]


def flat(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from flat(below)


@pytest.mark.parametrize("name", STATEMENTS)
def test_in_postgresql_everything_is_found_by_an_index_and_in_its_order(
    in_postgresql: Work, name: str
) -> None:
    found = in_postgresql(partial(nodes, name=name))

    kinds = [node["Node Type"] for node in found]
    assert not {"Seq Scan", "Bitmap Heap Scan", "Hash Join", "Merge Join"} & {*kinds}, found
    for node in found:
        if node["Node Type"].startswith("Index") and node["Index Name"] not in MAY_GO_IN_ORDER_OF:
            condition = node.get("Index Cond", "")
            assert condition, node
            assert not re.fullmatch(r"\(\w+ = \(?\$\d+\)?(::text)?\)", condition) or is_key(node)
    sorts = [kind for kind in kinds if "Sort" in kind]
    assert set(sorts) <= {MAY_SORT_IN_POSTGRESQL.get(name.partition("[")[0])}, found


def is_key(node: dict[str, Any]) -> bool:
    """Whether one column is the whole key, or a few rows: not all of a tenant, nor of an inbox."""
    return node["Relation Name"] != "notifications" and "tenant" not in node["Index Cond"]


@pytest.fixture(scope="module")
def in_young_postgresql(postgres: Postgres) -> Iterator[Work]:
    """Runs work on a database that has counted nothing yet, and takes every table for small."""
    url = postgres.create()
    with working(url) as work:
        yield work
    postgres.drop(url)


KEYS = {
    "uq_idempotency_request_id_tenant_caller_rpc": "request_id",
    "uq_inboxes_tenant_user_id": "user_id",
    "uq_messages_tenant_message_id": "message_id",
    "ix_messages_tenant_channel_id_sequence": "channel_id",
    "pk_channels": "channel_id",
    "pk_inbox_channels": "inbox_id",
    "pk_notifications": "inbox_id",
    "uq_notifications_sequence_inbox_id": "sequence",
    "ix_notifications_of_channel": "channel_id",
    "ix_notifications_changed": "inbox_id",
    "ix_notifications_unread": "inbox_id",
}
"""What an index's condition has to name: without it, all of a tenant or of a table is read."""

MAY_GO_BY_TENANT_WHILE_YOUNG = {
    # The channels of a tenant, in a listing of those that an inbox has something of: some.
    ("inbox_channels._LISTINGS", "pk_channels"),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_in_postgresql_a_young_table_is_not_read_by_tenant(
    in_young_postgresql: Work, name: str
) -> None:
    for node in in_young_postgresql(partial(nodes, name=name)):
        index = node.get("Index Name")
        may = (name.partition("[")[0], index) in MAY_GO_BY_TENANT_WHILE_YOUNG
        assert may or KEYS.get(index, "") in node.get("Index Cond", ""), node


@pytest.mark.parametrize("name", LISTS_AND_MARKS)
def test_in_postgresql_a_list_or_mark_scans_the_index_that_it_needs(
    in_postgresql: Work, in_young_postgresql: Work, name: str
) -> None:
    for work in (in_postgresql, in_young_postgresql):
        found = work(partial(nodes, name=name))
        scans = [node for node in found if "arrive_revision <" in node.get("Index Cond", "")]
        assert {node["Index Name"] for node in scans} == {LISTS_AND_MARKS[name]}, found
