"""Many rows as one bound parameter.

A statement over thousands of rows with a parameter for each value costs more
in binding than in writing, and lets go of the interpreter's lock at each row.
JSON is one parameter and one step of the database. An array gives its texts,
an object its keys and values; a row of several columns is an array in an
array, which costs the database a microsecond and a half for each column.
"""

from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, cast, func, select
from sqlalchemy.sql.selectable import TableValuedAlias


def pack(rows: Iterable[Sequence[str | int]] | Sequence[str] | Mapping[Any, Any]) -> str:
    """Returns rows, texts or entries as the value of a parameter."""
    return dumps(rows if isinstance(rows, Mapping) else list(rows), separators=(",", ":"))


def texts(parameter: str) -> Select[tuple[str]]:
    """Returns a query of the texts that a parameter holds as an array."""
    return select(_each(parameter).c.value)


def entries(parameter: str) -> tuple[ColumnElement[str], ColumnElement[Any]]:
    """Returns the keys and values that a parameter holds as an object.

    A value that is an array or an object itself is its JSON text.
    """
    each = _each(parameter)
    return each.c.key, each.c.value


def parts(array: ColumnElement[Any], columns: int) -> Sequence[ColumnElement[Any]]:
    """Returns the elements of a value that is an array."""
    return [func.json_extract(array, f"$[{column}]") for column in range(columns)]


def numbers(parameter: str, columns: int) -> Sequence[ColumnElement[int]]:
    """Returns the columns of numbers that a parameter holds as an array of arrays."""
    value = _each(parameter).c.value
    return [cast(element, Integer) for element in parts(value, columns)]


def _each(parameter: str) -> TableValuedAlias:
    bound = bindparam(parameter, type_=Text)
    return func.json_each(bound).table_valued("key", "value", name=parameter)
