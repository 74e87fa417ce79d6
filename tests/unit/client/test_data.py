import pytest
from google.protobuf.struct_pb2 import Struct
from tocsin_client import data_to_dict, make_send_request


def sent(data: dict[str, object]) -> Struct:
    return make_send_request("news", "Hello", to="alice", data=data).message.data


@pytest.mark.parametrize(
    "data",
    [
        {"id": 42, "share": 0.5, "zero": 0, "below": -7, "most": 2**53, "exact": 2**60},
        {"lead": {"tags": ["new", None, True, 3, {"deep": [1, 2.5]}]}, "none": {}, "no": []},
    ],
)
def test_data_is_read_as_it_was_sent(data: dict[str, object]) -> None:
    # Their representations tell 42 and 42.0 apart, too.
    assert repr(sorted(data_to_dict(sent(data)).items())) == repr(sorted(data.items()))


def test_whole_numbers_of_many_digits_stay_floats() -> None:
    assert repr(data_to_dict(sent({"a": 1e20, "b": 1e21}))) in {
        "{'a': 100000000000000000000, 'b': 1e+21}",
        "{'b': 1e+21, 'a': 100000000000000000000}",
    }


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"id": 738529527931269425}, "data.id is 738529527931269425"),
        ({"lead": {"ids": [1, -(2**53) - 1]}}, r"data.lead.ids\[1\] is -9007199254740993"),
        ({"a": 10**400}, "data.a is an integer of 1329 bits"),
        ({"a": 10**5000}, "data.a is an integer of 16610 bits"),
    ],
)
def test_an_integer_that_a_double_cannot_hold_is_refused(
    data: dict[str, object], path: str
) -> None:
    with pytest.raises(ValueError, match=f"^{path}, which a double cannot hold: send it as a st"):
        sent(data)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_cannot_express_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=rf"^data.a\[0\] is {number}, which JSON cannot express$"):
        sent({"a": (number,)})


@pytest.mark.parametrize("data", [{1: "a"}, {"a": object()}, {"a": b"bytes"}])
def test_a_value_that_json_cannot_express_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="data holds a value that JSON cannot express"):
        sent(data)


@pytest.mark.parametrize("levels", [100, 300, 900, 3000])
def test_data_that_is_nested_too_deep_is_refused(levels: int) -> None:
    data: dict[str, object] = {}
    for _ in range(levels):
        data = {"in": data}

    with pytest.raises(ValueError, match="data is nested too deep"):
        sent(data)


def test_data_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match="data must be a mapping, not list"):
        make_send_request("news", "Hello", to="alice", data=[1])  # type: ignore[arg-type]  # a user's mistake
