"""How SQLite goes about every prepared statement: by an index, whatever the size of an inbox."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from tocsin_server import store
from tocsin_server.store.prepared import Prepared

READS_ALL = re.compile(r"SCAN (?!\(subquery-|anon_|\w+ VIRTUAL TABLE)")
"""A table is read from its beginning to its end; not what a query made, nor a parameter's rows."""

SORTS = "USE TEMP B-TREE"

MAY_READ_ALL = {
    # In the order of the queue, up to the first job that may go on: mostly the first.
    "queueing._FIRST",
}

MAY_SORT = {
    # By channel, what a mark changes: it has to go through that anyway.
    "marking._COUNT": "GROUP BY",
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


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("inboxes._LISTINGS", "ix_notifications_unread"),
        ("marking._COUNT", "ix_notifications_unread"),
        ("marking._CHANGE", "ix_notifications_unread"),
    ],
)
def test_what_is_unread_is_found_among_the_unread(
    connection: Connection, name: str, index: str
) -> None:
    kinds = [
        kind
        for kind in STATEMENTS
        if kind.startswith(name)
        and re.search(r"UNREAD: 2|Effect\.(READ|SEEN)\b", kind)
        and "MESSAGES" not in kind
    ]

    assert len(kinds) >= 3
    for kind in kinds:
        steps = plan(connection, STATEMENTS[kind])
        assert any(f"USING INDEX {index} (inbox_id=?" in step for step in steps), steps


def test_an_inboxs_channels_are_found_before_their_notifications(connection: Connection) -> None:
    for name, statement in STATEMENTS.items():
        if name.startswith("inbox_channels._LISTINGS"):
            searches = [s for s in plan(connection, statement) if s.startswith("SEARCH")]
            assert searches[0] == "SEARCH inbox_channels USING PRIMARY KEY (inbox_id=?)"
            assert "arrive_revision=?" in next(s for s in searches if "notifications USING" in s)
