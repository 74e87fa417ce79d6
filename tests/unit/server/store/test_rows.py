import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, create_engine, select
from sqlalchemy.pool import StaticPool
from tocsin_server.store.rows import entries, numbers, pack, texts

ENGINE = create_engine("sqlite://", poolclass=StaticPool)

# What a database of texts can hold: no lone surrogates, no NUL.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def found(query: "Select[*tuple[object, ...]]", **parameters: str) -> list[tuple[object, ...]]:
    with ENGINE.connect() as connection:
        return [tuple(row) for row in connection.execute(query, parameters)]


@given(st.lists(TEXTS))
def test_texts_come_out_as_they_went_in(given_: list[str]) -> None:
    assert found(texts("rows"), rows=pack(given_)) == [(text,) for text in given_]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
def test_rows_of_numbers_come_out_as_they_went_in(rows: list[tuple[int, int, int]]) -> None:
    assert found(select(*numbers("rows", 3)), rows=pack(rows)) == rows


@given(st.dictionaries(TEXTS, NUMBERS))
def test_entries_come_out_as_they_went_in(rows: dict[str, int]) -> None:
    assert found(select(*entries("rows")), rows=pack(rows)) == list(rows.items())


@pytest.mark.parametrize("text", ["007", "1e10", "null", '{"a": [1]}', "", "'; --", "$[0]", '"'])
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    assert found(texts("rows"), rows=pack([text])) == [(text,)]
    assert found(select(*entries("rows")), rows=pack({text: text})) == [(text, text)]


def test_two_sets_of_rows_stand_side_by_side_in_one_statement() -> None:
    (left,), (right,) = numbers("left", 1), numbers("right", 1)
    query = select(left, right).where(left == right)

    matched = found(query, left=pack([[1], [2], [3]]), right=pack([[2], [3], [4]]))

    assert matched == [(2, 2), (3, 3)]
