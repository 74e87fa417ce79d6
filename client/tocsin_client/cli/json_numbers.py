"""JSON whose numbers are exact: doubles are all that `data` holds.

A number that no double holds is refused, not rounded, and a whole number is printed as whole.
"""

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tocsin_client._data import is_double, whole_as_int


def parse(text: str) -> Any:  # noqa: ANN401  # JSON of any kind
    """Parses JSON.

    Raises:
        ValueError: The text is not JSON, is nested too deep, or has a key twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def check(value: object, path: str = "") -> None:
    """Checks that doubles hold every number in a JSON value.

    Args:
        value: What `parse` returned, or a part of it.
        path: The path of the value itself, for errors. Example: "message.data".

    Raises:
        ValueError: A number is no double; the message begins with the path of its key.
    """
    unchecked = [(path, value)]
    while unchecked:
        path, value = unchecked.pop()
        if isinstance(value, dict):
            unchecked += ((f"{path}.{key}" if path else key, each) for key, each in value.items())
        elif isinstance(value, list):
            unchecked += ((f"{path}[{index}]", each) for index, each in enumerate(value))
        elif isinstance(value, int | float) and not is_double(value):
            raise ValueError(
                f"{path} is a number that a double cannot hold exactly; send it as a string"
            )


def dump(message: Message, *, for_people: bool = False) -> str:
    """Returns a message in Protobuf's JSON mapping, in one line; 42.0 is printed as 42.

    Args:
        message: Any message.
        for_people: Sorts the keys, and leaves characters beyond ASCII as they are.
    """
    return json.dumps(
        _whole(MessageToDict(message)), ensure_ascii=not for_people, sort_keys=for_people
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {key} is there twice")
        made[key] = value
    return made


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _whole(value: Any) -> Any:  # noqa: ANN401  # JSON of any kind
    """The value, in which whole numbers are integers."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return whole_as_int(value) if isinstance(value, float) else value
