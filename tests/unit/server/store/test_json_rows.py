"""JSON as rows, in both databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Connection, Engine, Select, Text, create_engine, select
from sqlalchemy.pool import StaticPool
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import columns, entries, numbers, pack, texts

from tests.support.postgres import Postgres, Work, working

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
"""What a database of texts can hold: no lone surrogates, no NUL."""

NUMBERS = st.integers(-(2**63), 2**63 - 1)

Find = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def find(request: pytest.FixtureRequest) -> Iterator[Find]:
    """Returns the rows of a query with these parameters."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            engine = create_engine("sqlite://", poolclass=StaticPool)
            stack.callback(engine.dispose)
            work: Work = partial(_in_transaction, engine)
        else:
            postgres: Postgres = request.getfixturevalue("postgres")
            url = postgres.create()
            stack.callback(postgres.drop, url)
            work = stack.enter_context(working(url))

        def found(query: Select[Any], **parameters: str) -> list[tuple[Any, ...]]:
            statement = Prepared(query)
            rows: list[tuple[Any, ...]]
            rows = work(lambda c: [tuple(row) for row in statement(c, parameters)])
            return rows

        yield found


def _in_transaction(engine: Engine, unit: Callable[[Connection], Any]) -> Any:  # noqa: ANN401  # the unit's
    with engine.begin() as connection:
        return unit(connection)


@given(st.lists(TEXTS))
def test_texts_come_out_as_they_went_in(find: Find, given_: list[str]) -> None:
    assert find(texts("rows"), rows=pack(given_)) == [(text,) for text in given_]


@given(st.lists(NUMBERS))
def test_numbers_come_out_as_they_went_in(find: Find, given_: list[int]) -> None:
    assert find(numbers("rows"), rows=pack(given_)) == [(number,) for number in given_]


@given(st.lists(st.tuples(NUMBERS, TEXTS, NUMBERS)))
def test_rows_come_out_as_they_went_in(find: Find, rows: list[tuple[int, str, int]]) -> None:
    query = select(*columns("rows", [BigInteger(), Text(), BigInteger()]))

    assert find(query, rows=pack(rows)) == rows


@given(st.dictionaries(TEXTS, NUMBERS))
def test_entries_come_out_as_they_went_in(find: Find, rows: dict[str, int]) -> None:
    assert find(select(*entries("rows", BigInteger())), rows=pack(rows)) == list(rows.items())


@pytest.mark.parametrize("text", ["007", "1e10", "null", '{"a": [1]}', "", "'; --", "$[0]", '"'])
def test_a_text_that_looks_like_something_else_stays_a_text(find: Find, text: str) -> None:
    assert find(texts("rows"), rows=pack([text])) == [(text,)]
    assert find(select(*entries("rows", Text())), rows=pack({text: text})) == [(text, text)]


def test_two_sets_of_rows_stand_side_by_side_in_one_statement(find: Find) -> None:
    (left,), (right,) = columns("left", [BigInteger()]), columns("right", [BigInteger()])
    query = select(left, right).where(left == right).order_by(left)

    matched = find(query, left=pack([[1], [2], [3]]), right=pack([[2], [3], [4]]))

    assert matched == [(2, 2), (3, 3)]
