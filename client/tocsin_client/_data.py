"""A message's `data`: from Python values to a protobuf Struct, and back.

A Struct holds every number as a double. An integer that a double cannot hold would arrive as
another number, so it is refused; a whole number is read as an int.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

# From here on JavaScript, too, writes whole numbers with an exponent.
_EXPONENT_FROM = 1e21


def is_double(number: float) -> bool:
    """Whether a double holds the number exactly; False for NaN and infinities."""
    try:
        return isfinite(number) and int(float(number)) == int(number)
    except OverflowError:
        return False


def whole_as_int(number: float) -> int | float:
    """A whole number as an int, if it is below 1e21; every other number as it is."""
    return int(number) if number.is_integer() and abs(number) < _EXPONENT_FROM else number


def dict_to_data(data: Mapping[str, object]) -> Struct:
    """The Struct that holds `data`.

    Raises:
        TypeError: `data` is not a mapping.
        ValueError: `data` holds a value that JSON cannot express, an integer that a double cannot
            hold exactly, NaN or an infinity, or is nested too deep.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"data must be a mapping, not {type(data).__name__}")
    struct = Struct()
    try:
        for path, number in _numbers("data", data):
            _check_number(path, number)
        _fill(struct, data)
    except RecursionError:
        raise ValueError("data is nested too deep") from None
    return struct


def data_to_dict(data: Struct) -> dict[str, object]:
    """A message's `data` as Python values: dict, list, str, bool, None, int and float.

    A whole number is an int, as it was sent: `data={"id": 42}` is read as `{"id": 42}`, while
    `dict(message.data)` has 42.0. From 1e21 on, numbers are floats.
    """
    return {key: _plain(value) for key, value in data.fields.items()}


def _fill(struct: Struct, data: Mapping[str, Any]) -> None:
    try:
        struct.update(data)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"data holds a value that JSON cannot express: {problem}") from None


def _plain(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "struct_value":
            return data_to_dict(value.struct_value)
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "number_value":
            return whole_as_int(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _numbers(path: str, value: object) -> Iterator[tuple[str, int | float]]:
    """Every number in `value`, with the path of its keys."""
    if isinstance(value, (int, float)):
        if not isinstance(value, bool):
            yield path, value
    elif isinstance(value, Struct | ListValue):
        # They hold doubles already.
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(f"{path}.{key}", item)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for index, item in enumerate(value):
            yield from _numbers(f"{path}[{index}]", item)


def _check_number(path: str, number: float) -> None:
    if isinstance(number, int):
        if not is_double(number):
            raise ValueError(
                f"{path} is {_shown(number)}, which a double cannot hold: send it as a string"
            )
    elif not isfinite(number):
        raise ValueError(f"{path} is {number}, which JSON cannot express")


def _shown(number: int) -> str:
    # Python refuses to write an integer of thousands of digits.
    return (
        str(number) if number.bit_length() <= 256 else f"an integer of {number.bit_length()} bits"
    )
