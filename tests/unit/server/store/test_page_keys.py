from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_server.domain.model.errors import FieldsInvalid
from tocsin_server.store.page_keys import key_parts, number_after, page_key

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.integers(0, 2**63 - 1), TEXTS)
def test_a_key_has_the_parts_that_it_was_made_of(number: int, text: str) -> None:
    assert key_parts(page_key(number, text), int, str) == [number, text]


def test_an_empty_key_is_the_start_of_a_list() -> None:
    assert number_after("", first=99) == 99
    assert number_after(page_key(7), first=99) == 7


@pytest.mark.parametrize(
    ("parts", "types"),
    [
        (["7"], [int]),
        ([7], [str]),
        ([7], [int, int]),
        ([7, 7], [int]),
        ([], [int]),
        ([True], [int]),
        ([2**63], [int]),
        ([-(2**63) - 1], [int]),
        (["\ud800"], [str]),
        (["a\0b"], [str]),
    ],
)
def test_a_key_of_other_parts_is_an_invalid_page_token(
    parts: list[object], types: list[type]
) -> None:
    with pytest.raises(FieldsInvalid) as caught:
        key_parts(dumps(parts), *types)

    assert [v.field for v in caught.value.violations] == ["page_token"]
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("key", ["{", "{}", "7", "[[7]]", "[" * 200_000, "NaN"])
def test_a_text_that_is_no_key_is_an_invalid_page_token(key: str) -> None:
    with pytest.raises(FieldsInvalid):
        key_parts(key, int)
