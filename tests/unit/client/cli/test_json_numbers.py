import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from tocsin_client.cli import json_numbers

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"id": 738529527931269425}', "id"),
        ('{"a": {"b": [0, 9007199254740993]}}', "a.b[1]"),
        ('{"a": -9007199254740993}', "a"),
        ('{"a": 1' + "0" * 400 + "}", "a"),
        ('{"a": 1e400}', "a"),
        ("[[0, 9007199254740993]]", "[0][1]"),
    ],
)
def test_a_number_that_no_double_holds_is_refused_by_its_path(text: str, path: str) -> None:
    with pytest.raises(ValueError, match="double") as refusal:
        json_numbers.check(json_numbers.parse(text))

    assert str(refusal.value).startswith(f"{path} is a number")


@pytest.mark.parametrize(
    "text", ["42", "-1", "9007199254740992", "1152921504606846976", "0.1", "1e300"]
)
def test_a_number_that_a_double_holds_passes(text: str) -> None:
    json_numbers.check(json_numbers.parse(text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "the key a is there twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_json_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        json_numbers.parse(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (42, "42"),
        (-7.0, "-7"),
        (0.5, "0.5"),
        (2**60, "1152921504606846976"),
        (1e21, "1e+21"),
        (True, "true"),
        ([1, {"b": 2}], '[1, {"b": 2}]'),
        ("1.0", '"1.0"'),
    ],
)
def test_whole_numbers_are_printed_as_whole(value: float | str | list[Any], shown: str) -> None:
    struct = Struct()
    struct.update({"a": value})

    assert json_numbers.dump(struct) == f'{{"a": {shown}}}'


@given(st.dictionaries(TEXTS, JSON, max_size=3))
def test_what_passes_comes_back_the_same(data: dict[str, Any]) -> None:
    json_numbers.check(data)
    struct = Struct()
    struct.update(data)

    assert json.loads(json_numbers.dump(struct)) == data
